"""Keep of a turn what its speaker states: no questions, nothing quoted or pasted, nothing that depends on an `if`."""

import re

from memory_router.engines.transcripts.hints import Hints

# Patterns are compiled when they are first met: to answer a question needs few of them.
_FENCE = r"(?s)```.*?(?:```|\Z)"
# Quotations of mails, rows of tables, lines of logs.
_QUOTED_LINE = r"(?m)^[ \t]*(?:>|\||\[?\d{4}-\d\d-\d\d[t ]\d\d:\d\d).*$"
# Quotations in any of the usual marks, of three words or more: shorter ones name things.
_QUOTED = r"""(?x)
    "[^"\n]*\s[^"\n]*\s[^"\n]*" | “[^”\n]*\s[^”\n]*\s[^”\n]*” | «[^»\n]*»
    | „[^“”"\n]*\s[^“”"\n]*\s[^“”"\n]*[“”"] | \u2018[^\u2019\n]*\s[^\u2019\n]*\s[^\u2019\n]*\u2019
    | (?<!\w)'(?:[^'\n]|(?<=\w)'(?=\w))*\s(?:[^'\n]|(?<=\w)'(?=\w))*'(?!\w)
"""
# A task about a text, which follows a colon.
_ABOUT_A_TEXT = (
    r"(?is)\b(?:translate|summari[sz]e|proofread|rewrite|rephrase|paraphrase|shorten|correct|quote|paste[ds]?|forwarded"
    r"|übersetz\w*|fass\w*|korrigier\w*|tradui\w*|traduce|resume)\b[^:.\n]{0,80}:.*|\b(?:e?-?mail|message|post|blog|article"
    r"|notes?|minutes|thread|comment|review|nachricht)\b[^:.\n]{0,40}:(?=\s).*"
)
# A letter of somebody else's, from its salutation to its close.
_LETTER = (
    r"(?im)^[ \t]*(?:hi|hello|hey|dear|hallo|liebe[rs]?|sehr geehrte[rs]?|guten tag|bonjour|cher|chère|hola"
    r"|estimad[oa]s?)\b"
    r"[^\n.?!]{0,60}[,!]?[ \t]*\n(?:.*\n)*?"
    r"[ \t]*(?:(?:(?:best|kind|warm|many) )?(?:regards|wishes)|best|cheers|sincerely|yours|thanks|thank you"
    r"|(?:viele|beste|liebe|mit freundlichen) grüßen?|mfg|gruß|cordialement|bien à vous|saludos)\b"
)
# What is left out of statements, in this order, behind its hints.
_LEFT_OUT = (
    # What was decided somewhere else, up to the end of the sentence.
    (
        "job comp empl team proj work firm scho hous flat arbe stel",
        r"\b(?:in|at|with) (?:my|our|the|his|her|their) (?:old|last|previous|former|other) (?:\w+ )?"
        r"(?:job|compan(?:y|ies)|employer|team|project|workplace|firm|school|house|flat)\b[^.?!\n]*"
        r"|\b(?:in|bei) (?:mein|unser|d)\w* (?:alten|letzten|vorigen|früheren|anderen) "
        r"(?:firma|job|team|projekt|arbeit\w*|stelle)\b[^.?!\n]*",
    ),
    # What somebody else said, thinks or wants, up to the end of the sentence.
    (
        "say said says sayi doub drea hope hopi clai thin thou wrot writ told hear sugg prop acco sagt mein"
        " schr beha bezw hoff dit dice",
        r"\b(?:(?:say|said|says|saying|doubt\w*|dream\w*|hop(?:e|ed|ing)"
        r"|claim\w*|think|thinks|thought|wrote|writes|told (?:me|us)|heard|suggest\w*|propos\w*"
        r"|according to|sagt|sagte|meint|meinte|schreibt|schrieb|behauptet|bezweif\w+|hoff\w+"
        r"|dit que|dice que)\b(?: that| dass)?)"
        r"(?=[,:]? (?:we|they|he|she|it|you|let's|wir|sie|er|man|on|nous)\b)[^.?!\n]*",
    ),
    # What others decided, up to the end of the sentence; a team is the speaker's own.
    (
        "deci agre chos opte ents besc",
        r"\b(?!(?:we|i|you|have|had|has|all|both|also|just|now|then|so|and|but|not|finally|already|team|everyone|everybody)\b)"
        r"[^\W\d_]+(?:'ve|'s|'d)?(?: (?:have|has|had|all|both|also|just|now|finally|already))*"
        r" (?:decided|agreed|chosen?|chose|opted) (?:to|on|for|against)\b[^.?!\n]*"
        r"|\b(?:sie|er|die|der) (?:\w+ )?(?:hat|haben|hatten)\b[^.?!\n]{0,60}\b(?:entschieden|beschlossen)\b",
    ),
    # An example, or what is only imagined, up to the end of the sentence.
    (
        "exam inst g imag pret hypo wish almo near supp assu as used beis b stel ange gese bein fast exem pres"
        " ejem casi",
        r"\b(?:for example|for instance|e\.g\.|imagine|pretend|hypothetically|(?:i|we) wish"
        r"|almost|nearly"
        r"|suppos(?:e|ing)|assum(?:e|ing)|as (?:if|though)|used to"
        r"|zum beispiel|z\.\s?b\.|stell dir vor|angenommen|gesetzt den fall"
        r"|beinahe|fast hätten|par exemple|imagin(?:e|ons)|presque|por ejemplo|casi)"
        r"(?=[ ,:])[^.?!\n]*",
    ),
    # A condition.
    (
        "if unle unti befo whet case when once wenn fall bevo sofe sola ob avan si ante",
        r"\b(?:if|unless|until|before|whether|in case|when|once"
        r"|wenn|falls|bevor|sofern|solange|ob|avant de|si on|si nous|antes de)\b[^.,;:?!\n]*",
    ),
)
_HINTS = Hints(_LEFT_OUT)
# What a statement turns down stands right behind these, or before these.
_TURNED_DOWN = (
    r"(?i)(?:\b(?:no|not|never|without|against|over|than|instead of|rather than|kill|swap|swapping|forget|ditch|dump"
    r"|drop|skip|remove|kein\w*|nicht|nie|ohne|gegen|statt|anstatt|vergiss|vergesst|als|sans|pas|contre|sin|contra)|n't)"
    r" ((?:[\w.+#-]+ )?[\w.+#-]+)"
    r"|([\w.+#-]+)(?= (?:(?:is|was|ist|war|est|es) (?:\w+ )?(?:too|not|bad|out|dead|gone|zu|raus|tot|nicht|weg"
    r"|trop|gestorben|pas|demasiado)|(?:doesn|isn|won|can|didn|wasn)'t|fliegt|fällt|muss weg|muss raus)\b)"
)
# How much of a text is read: who turns something down says so at once.
_READ = 1200
SENTENCE = r"[^.?!\n]+(?:[.?!](?!\s)[^.?!\n]*)*[.?!]*"
# How a question begins that its writer gave no question mark.
_ASKING = (
    r"(?i)\W*(?:(?:ok|okay|so|and|but|hm+|und|aber|also) )?"
    r"(?:how (?:much|many|long|often|about|come|do|does|did|is|are|can|could|would|should)|what(?:'s| is| are| do| does"
    r"| did| would| should| if| about)|why (?:not|do|does|did|is|are|would|should)"
    r"|(?:do|does|did|is|are|can|could|should|would|shall|has|have) (?:we|you|i|it|they|he|she|there|that|this)"
    r"|(?:sollen|sollten|können|könnten|müssen|haben|sind|brauchen) wir|(?:kann|soll|muss|habe?) ich"
    r"|(?:ist|hat|gibt|geht|kann|wird) (?:es|das|er|sie)|was (?:ist|sind|war|haben|machen|soll|kostet|wenn)"
    r"|wie|warum|wieso|wann|wo|wer|est-ce que|pourquoi|por qué)\b"
)


def own_statements(text: str) -> str:
    """Return what a speaker states, one statement a line.

    Args:
        text: a turn, or its beginning, in lower case.
    """
    if "```" in text:
        text = re.sub(_FENCE, " ", text)
    text = re.sub(_QUOTED, " ", re.sub(_QUOTED_LINE, " ", text))
    if "\n" in text:
        text = re.sub(_LETTER, " ", text)
    if ":" in text:
        text = re.sub(_ABOUT_A_TEXT, " ", text)
    hinted = _HINTS.patterns_for(text)
    for _, pattern in _LEFT_OUT:
        if pattern in hinted:
            text = re.sub(pattern, " ", text)
    return without_questions(text)


def without_questions(text: str) -> str:
    """Return the sentences of a text that ask nothing, one a line."""
    return "\n".join(sentence.strip() for sentence in re.findall(SENTENCE, text) if not _asks(sentence))


def has_question(text: str) -> bool:
    """Return whether a text holds a question mark, or begins as a question does."""
    return "?" in text or re.match(_ASKING, text) is not None


def _asks(sentence: str) -> bool:
    sentence = sentence.rstrip()
    return sentence.endswith("?") or (not sentence.endswith(("!", ".")) and re.match(_ASKING, sentence) is not None)


def turned_down_in(text: str) -> list[str]:
    """Return the words of a text that may name what its speaker turns down: negated, replaced, or found fault with."""
    return [name for names in re.findall(_TURNED_DOWN, text[:_READ]) for name in names if name]
