"""Keep of a turn what its speaker states: no questions, nothing quoted or pasted, nothing that depends on an `if`."""

import re

_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_QUOTED_LINE = re.compile(r"^[ \t]*(?:>|\|).*$", re.MULTILINE)
# Quotations in any of the usual marks, of three words or more: shorter ones name things.
_QUOTED = re.compile(r"""(?x)
    "[^"\n]*\s[^"\n]*\s[^"\n]*" | “[^”\n]*\s[^”\n]*\s[^”\n]*” | «[^»\n]*»
    | „[^“”"\n]*\s[^“”"\n]*\s[^“”"\n]*[“”"]
""")
# A task about a text, which follows a colon.
_ABOUT_A_TEXT = re.compile(
    r"\b(?:translate|summari[sz]e|proofread|rewrite|rephrase|paraphrase|shorten|correct|quote|paste[ds]?|forwarded"
    r"|übersetz\w*|fass\w*|korrigier\w*|tradui\w*|traduce|resume)\b[^:.\n]{0,80}:.*|\b(?:e?-?mail|message|post|blog|article"
    r"|notes?|minutes|thread|comment|review|nachricht)\b[^:.\n]{0,40}:(?=\s).*",
    re.IGNORECASE | re.DOTALL,
)
# What somebody else said, thinks or wants, up to the end of the sentence.
_REPORTED = re.compile(
    r"\b(?:(?:say|said|says|claim\w*|think|thinks|thought|wrote|writes|told (?:me|us)|heard|suggest\w*|propos\w*"
    r"|according to|sagt|sagte|meint|meinte|schreibt|schrieb|behauptet|dit que|dice que)\b(?: that| dass)?)"
    r"(?=,? (?:we|they|he|she|it|you|let's|wir|sie|er|man|on|nous)\b)[^.?!\n]*",
    re.IGNORECASE,
)
# An example, or what is only imagined, up to the end of the sentence.
_IMAGINED = re.compile(
    r"\b(?:for example|for instance|e\.g\.|imagine|pretend|hypothetically|(?:i|we) wish|almost|nearly"
    r"|zum beispiel|z\.\s?b\.|stell dir vor|beinahe|fast hätten|par exemple|imagin(?:e|ons)|presque|por ejemplo|casi)"
    r"(?=[ ,:])[^.?!\n]*",
    re.IGNORECASE,
)
# A letter of somebody else's, from its salutation to its close.
_LETTER = re.compile(
    r"^[ \t]*(?:hi|hello|hey|dear|hallo|liebe[rs]?|sehr geehrte[rs]?|guten tag|bonjour|cher|chère|hola|estimad[oa]s?)\b"
    r"[^\n.?!]{0,60}[,!]?[ \t]*\n(?:.*\n)*?"
    r"[ \t]*(?:(?:(?:best|kind|warm|many) )?(?:regards|wishes)|best|cheers|sincerely|yours|thanks|thank you"
    r"|(?:viele|beste|liebe|mit freundlichen) grüßen?|mfg|gruß|cordialement|bien à vous|saludos)\b",
    re.IGNORECASE | re.MULTILINE,
)
_CONDITION = re.compile(
    r"\b(?:if|unless|until|before|whether|in case|suppos(?:e|ing)|assum(?:e|ing)|when|once"
    r"|wenn|falls|bevor|sofern|angenommen|solange|ob|avant de|si on|si nous|antes de)\b[^.,;:?!\n]*",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.?!\n]+(?:[.?!](?!\s)[^.?!\n]*)*[.?!]*")


def own_statements(text: str) -> str:
    """Return what a speaker states, one statement a line.

    Args:
        text: a turn, or its beginning.
    """
    if "```" in text:
        text = _FENCE.sub(" ", text)
    text = _QUOTED.sub(" ", _QUOTED_LINE.sub(" ", text))
    if "\n" in text:
        text = _LETTER.sub(" ", text)
    if ":" in text:
        text = _ABOUT_A_TEXT.sub(" ", text)
    return without_questions(_CONDITION.sub(" ", _IMAGINED.sub(" ", _REPORTED.sub(" ", text))))


def without_questions(text: str) -> str:
    """Return the sentences of a text that end in no question mark, one a line."""
    return "\n".join(one.strip() for one in _SENTENCE.findall(text) if not one.rstrip().endswith("?"))
