"""Read who decides, who weighs and who takes back from how it is said: deterministic cues, no model.

A cue is a way of speaking that means the same about any subject; where it only might, it is left out, because what
stands around a turn tells the rest (`decisions`). Only a speaker's own statements are read: not questions, not what is
quoted or pasted, not what follows an `if`. What a turn shows is read once, when it is imported, and kept as one number.
"""

import re
from functools import cache, lru_cache
from typing import NamedTuple

from memory_router.engines.transcripts.hints import Hints
from memory_router.engines.transcripts.statements import SENTENCE, has_question, own_statements, without_questions


class TurnCues(NamedTuple):
    """What a turn shows.

    Args:
        commitment: how much it sounds like a decision, in [0, 1]; what it asks is left out.
        reversal: how much it sounds like it changes what was decided before, in [0, 1].
        asks: whether it asks something.
        is_open: whether it only asks, or leaves the matter open.
        offers: whether it weighs one thing against another, or, of an agent, proposes one.
        acknowledges: whether it takes on what was said before it.
        acts: whether a tool was used with it.
    """

    commitment: float
    reversal: float
    asks: bool
    is_open: bool
    offers: bool
    acknowledges: bool
    acts: bool

    @lru_cache(maxsize=1000)  # noqa: B019 - of values, and most turns show nothing
    def packed(self) -> int:
        """Return all of it as one number, shares in hundredths."""
        flags = sum(flag << place for place, flag in enumerate(self[2:]))
        return round(self.commitment * 100) | round(self.reversal * 100) << 7 | flags << 14


SILENT = TurnCues(0.0, 0.0, False, False, False, False, False)
# What the user chose in a dialog of the host.
CHOSEN = TurnCues(1.0, 0.0, False, False, False, False, False)


@cache
def unpacked(number: int) -> TurnCues:
    """Return what `packed` made one number of."""
    flags = (bool(number >> place & 1) for place in range(14, 19))
    return TurnCues((number & 127) / 100, (number >> 7 & 127) / 100, *flags)


class _Cue(NamedTuple):
    weight: float
    hints: str
    pattern: str


# What settles a matter: English, German, French, Spanish.
_COMMITMENTS = (
    _Cue(
        0.95,
        "deci agre sett chos opte pick",
        r"\b(?:we|i)(?:'ve| have| had|'d)?(?: (?:all|both|finally|now|already|just))? "
        r"(?:decided|agreed|settled|chose|chosen|opted|picked)\b(?! (?:up|whether|if|later|tomorrow)|[.!]*$)"
        r"|^(?:final )?(?:decided|decision|settled)(?: is)?:|\b(?:the|my|our) (?:final )?decision is\b|, decided\b"
        r"|\bit(?:'?s| is| has)(?: been)? decided\b",
    ),
    _Cue(
        0.9,
        "let lets",
        r"\blet'?s (?:just |not |all )?(?:go (?:with|for)|use|keep (?:the|it|to|using)|take|stick (?:with|to)"
        r"|stay (?:with|on|at)|adopt|pick|choose|drop|scrap|ditch|switch|move (?:to|it)|make it|replace|end this)\b",
    ),
    _Cue(
        0.85,
        "go opt stay stic sett drop scra adop pick choo swit move migr repl use keep take buy buil neve alwa only",
        r"\b(?:we(?:'ll| will| shall)?|i(?:'ll| will)|we're going to) (?:now |just |only |all )?"
        r"(?:go (?:with|for)|opt for|stay with|stick (?:with|to)|settle (?:on|for)|drop|scrap|adopt|pick|choose"
        r"|switch(?: back)? to|move to|migrate to|replace)\b|\bwe(?:'ll| will| shall) (?:use|keep|take|buy|build|never"
        r"|always)\b|\bwe (?:never|always|only) (?!had|did|were|was|have|got|\w+ed\b)",
    ),
    _Cue(
        0.85,
        "choo pick opt sett wont won not",
        r"\b(?:we|i) (?:choose|pick|opt for|settle (?:on|for))\b"
        r"|\bwe (?:will not|won't|are not going to) (?:use|support|build|buy|ship|do|add|have|keep|take|allow|need)\b",
    ),
    _Cue(
        0.6,
        "we",
        r"^(?:no [\w ]{1,30}[.,;:!] )?we(?: (?:use|keep|take|buy|build)|(?:'re| are) (?:using|keeping|sticking))\b",
    ),
    # A wish or an instruction settles a matter that was open; alone it is a task.
    _Cue(
        0.45,
        "use take make keep agre we it that this nimm nehm verw benu wir",
        r"(?:^|[.!?,;:]\s*|\b(?:please|then|so|just|and|now|rather|but) )(?:use|take|make it|keep it) (?!me\b|a look)"
        r"|^agreed, "
        r"|\bwe (?:must|have to|need to|should) (?:go (?:with|for)|use|take|keep|switch|move|drop|stay|stick)\b"
        r"|\b(?:it|that|this) (?:must|has to|needs to|should|shall) be\b"
        r"|(?:^|[.!?,;:]\s*|\b(?:bitte|dann|also|doch) )(?:nimm|nehmt|verwende|benutze)\b"
        r"|\bwir (?:sollten|müssen|sollen)\b[^.?!\n]{1,60}\b(?:nehmen|verwenden|nutzen|wechseln|bleiben)\b",
    ),
    # To take what was proposed settles it, if something was.
    _Cue(
        0.3,
        "yes yep yeah ok okay sure fine deal perf sold grea good plea soun work do go lets let ja jo gern mach pass"
        " einv abge gena so oui d vale sí si",
        r"\A\W*(?:(?:yes|yep|yeah|ok|okay|sure|fine|deal|perfect|sold|great|good|please|sounds good"
        r"|works for me|go ahead|go for it|do (?:it|that|so)|let's do (?:it|that)|ja|jo|gerne?|passt"
        r"|mach(?:en wir)?(?: das| so)?|einverstanden|abgemacht|genau|so machen wir es"
        r"|oui|d'accord|vale|sí|si|perfecto)\b\W*){1,4}\Z",
    ),
    _Cue(0.85, "go goin", r"(?:^|[.!?,;:]\s*|\b(?:then|so|ok|okay|fine|yes|right|please|just) )go(?:ing)? with\b"),
    _Cue(
        0.85,
        "it from exce nego toda now be end full peri",
        r"\b[\w-]+ it is(?=[.,;!]|$)|\bfrom (?:now|here) on\b|\bfrom (?:the next|next|this) [\w-]+ on(?=[.,;!]|$)"
        r"|\bas of (?:today|now)\b|\bno exceptions?\b|\bnot negotiable\b|^so be it\b"
        r"|, (?:and )?(?:end of (?:discussion|story)|full stop|period)[.!]*$",
    ),
    # What ends the talk about a matter.
    _Cue(
        0.85,
        "fert punk bast tout poin punt",
        r"(?:,|\bund) (?:fertig|punkt|basta)[.!]*$|\bet (?:c'est tout|basta)[.!]*$"
        r"|\bpoint final\b|\by punto\b",
    ),
    # Who says what there will not be.
    _Cue(
        0.6,
        "ther es habr y",
        r"\bthere (?:will be no|won't be)\b|\bes (?:wird|gibt) kein\w* [^.?!\n]{0,40}\bgeben\b|\bno habrá\b"
        r"|\bil n'y aura pas\b",
    ),
    _Cue(
        0.6,
        "pers conv über",
        r"\bi(?:'m| am) (?:persuaded|convinced)\b|\byou(?:'ve)? (?:convinced|persuaded) me\b"
        r"|\bihr habt mich überzeugt\b|\bdu hast mich überzeugt\b|\büberzeugt[.,:]",
    ),
    _Cue(
        0.9,
        "ents besc geei fest",
        r"\b(?:wir|ich|haben|hab|habe)\b"
        r"(?!(?: (?:hab\w*|mich|uns|es|das|jetzt|nun|schon))* (?:entschieden|beschlossen)[.!]*$)"
        r"[^.?!\n]{0,60}\b(?:entschieden|beschlossen|geeinigt|festgelegt)\b"
        r"|^(?:entscheidung|beschlossen|entschieden):",
    ),
    _Cue(
        0.85,
        "wir nehm blei mach lass setz ab von küns kün es",
        r"\bwir (?:nehmen|bleiben (?:bei|dabei)|gehen (?:mit|auf|zu)|setzen auf|steigen (?:auf|um)|wechseln|verwenden"
        r"|nutzen (?:ab|künftig|jetzt)|streichen|verzichten)\b|\b(?:nehmen|bleiben|wechseln|verwenden|streichen) wir\b"
        r"|\blass(?:t|en)? uns\b|\bab (?:jetzt|sofort|heute|nun)\b|\bvon (?:nun|jetzt) an\b"
        r"|\bes bleibt (?:bei|dabei)\b",
    ),
    _Cue(
        0.85,
        "déci choi conv déso gard pren aban part pass rest",
        r"\b(?:on|nous) (?:a|avons) (?:donc )?(?:décidé|choisi|convenu)\b|\bc'est décidé\b|\bdésormais\b"
        r"|\bon (?:garde|prend|abandonne|part sur|passe (?:à|au|aux)|reste sur|choisit)\b"
        r"|\bà partir (?:de maintenant|d'aujourd'hui)\b",
    ),
    _Cue(
        0.85,
        "hemo deci vamo qued part usar acor eleg",
        r"\b(?:hemos decidido|decidimos|hemos elegido|elegimos|acordamos)\b|\bvamos con\b|\bnos quedamos con\b"
        r"|\ba partir de (?:ahora|hoy)\b|\busaremos\b",
    ),
)
# What takes an earlier decision back, or changes it.
_REVERSALS = (
    _Cue(
        1.0,
        "chan seco scra back wron mist mean no nope eat corr",
        r"\bchang(?:e|ed|ing) (?:my|our) minds?\b|\bon second thoughts?\b|\bscratch that\b"
        r"|\b(?:take|took) (?:it|that|everything) back\b|\bi (?:take|took) back\b|\beat my words\b"
        r"|\bi stand corrected\b"
        r"|\bi was wrong\b|\bwas a mistake\b|^(?:sorry|oops|no|oh|ah|argh)[,.!]? i meant\b"
        r"|^(?:no|nope)[,.!] (?:please |let's |just )?(?:use|take|make it|keep|go (?:with|for|back))\b",
    ),
    _Cue(
        0.95,
        "scra ditc drop aban reve undo repl reti depr supe canc disc with forg bin tras garb tonn poub basu",
        r"(?:^|[.!?,;:]\s*|\b(?:we|i|we'll|i'll|let's|please|so|ok|okay|then|and|to|just|now|will|should) )"
        r"(?:scrap|scratch|ditch|drop|abandon|revert|undo|replace|retire|deprecate|supersede|cancel|discard|withdraw"
        r"|forget(?: about)?)"
        r"(?:ed|ped|d)? (?!(?:by|off|in|me|us|it|to|that|what|how|where|when|who|why|about it)\b)"
        r"|\b(?:is|are|was|been|gets?) (?:now )?(?:scrapped|ditched|dropped|abandoned|reverted|replaced|retired"
        r"|deprecated|superseded|cancelled|canceled|withdrawn)\b"
        r"|\b(?:in|into|to|à|a) (?:the (?:bin|trash|garbage)|die tonne|la (?:poubelle|basura))(?=[.,;!]| and | und |$)",
    ),
    _Cue(
        0.95,
        "swit move movi mov migr chan back",
        r"\b(?:we|we're|we'll|i'll|let's|please|then|now) (?:are )?(?:switch|mov|migrat|chang)(?:e|es|ed|ing)?"
        r"(?: back| over)?\b[^.?!\n]{0,40}\bto\b|\bswitch(?:ed|ing)?(?: back| over)? (?:from [\w .-]{1,40} )?to\b"
        r"|\b(?:go|going|went|revert|return)(?:ed|ing)? back to (?:using|the old)\b"
        r"|(?:^|[.!?,;:]\s*|\b(?:let's|we'll|we will|please|then|so|just|and|now) )"
        r"(?:go|move|return|revert|change) (?:it |them |everything )?back to\b",
    ),
    # Alone an order to move something is a task; an answer that takes it up settles it.
    _Cue(
        0.6,
        "move swit migr port chan",
        r"(?:^|[.!?,;:]\s*|\b(?:please|then|so|just|and|now) )(?:move|switch|migrate|port|change)"
        r" (?:it|them|everything|all of (?:it|them))(?: over| all)? to\b",
    ),
    _Cue(
        0.9,
        "inst rath",
        r"\binstead of\b|\brather than\b|\b(?:i|we)(?:'d| would) rather\b"
        r"|\b(?:use|take|with|go|want|do|let's)\b[^.?!\n]{1,40}\binstead\b",
    ),
    _Cue(
        0.9,
        "long any anym out hist tabl more rid away",
        r"\bno longer\b|\bnot any ?more\b|\b(?:is|are) (?:out|history|off the table|no more)(?=[.,;!:]|$)"
        r"|\bget(?:ting)? rid of\b|\bdo(?:ing)? away with\b|\brip(?:ping)? [\w.-]{1,30}(?: [\w.-]{1,30})? out\b"
        r"|\bout (?:it goes|with the)\b",
    ),
    _Cue(
        1.0,
        "umen ande mein doch komm zurü lieb nein",
        r"\b(?:umentschieden|anders überlegt|meinung geändert|kommando zurück)\b|\bdoch (?:nicht|lieber|kein\w*)\b"
        r"|\blieber doch\b|^nein[,.!]? (?:doch|lieber)\b|\b(?:wir|gehen|wechseln)\b[^.?!\n]{0,30}\bzurück\b",
    ),
    _Cue(
        0.9,
        "stat anst erse absc abge verw stre gest wech umst umge fall fäll fall entf flie raus nich kein aufg um",
        r"\b(?:statt(?:dessen)?|anstatt|anstelle)\b|\b(?:ersetz|abschaff|abgeschafft|verw[eo]rf|streich|gestrichen"
        r"|umsteig|umstell|umgestellt|aufgegeben|abgeblasen)\w*|\bwechsel(?:n|t)?\b[^.?!\n]{0,40}\b(?:zu|auf)\b"
        r"|\bwir (?:steigen|stellen|schwenken|satteln)\b[^.?!\n]{0,80}\bum\b"
        r"|\b(?:fliegt|fliegen|ist|sind|muss) raus\b|\b(?:fällt|fallen) weg\b|\bentfällt\b"
        r"|\b(?:nicht|kein\w*)\b[^.?!\n]{0,40}\bmehr\b",
    ),
    _Cue(
        0.9,
        "au plut remp aban ne chan en ya camb reem deja",
        r"\bau lieu d|\bplutôt que\b|\bremplac\w+|\babandonn\w+|\bchangé d'avis\b|\ben (?:lugar|vez) de\b|\bya no\b"
        r"|\bcambi(?:amos|o|ar) (?:a|de)\b|\breemplaz\w+|\bdejamos de\b",
    ),
)
# Next to a decision these change what was decided before; alone they only interrupt.
INTERRUPTS = 0.5
_INTERRUPTIONS = (
    _Cue(
        1.0,
        "wait actu no nope corr afte hold stop plan reco revi new chan othe neue mome halt nein korr quat doch nun dann"
        " jetz non espe atte fina al",
        r"\bno,? wait\b|\A\W*(?:(?:oh|ah|hm+|well|ok|okay|so)\b\W*)?(?:actually|no|nope|wait|stop|hold on|correction"
        r"|nein|moment|halt|korrektur|quatsch|stopp|non|attends|espera)\b|\bafter all\b"
        r"|\b(?:reconsider|revisit)(?:ed)?\b|\b(?:new|change of|other) plans?\b|\b(?:planänderung|neuer plan)\b"
        r"|\b(?:dann|nun|jetzt) doch\b|\bdoch (?:wieder|noch)\b|\bfinalement\b|\bal final\b",
    ),
)
# What leaves it open.
_OPEN = (
    _Cue(
        1.0,
        "mayb perh sure unsu unde open tbd deci thin whet some wond slee cons lean coul migh woul shou not neve"
        " no don dont t",
        r"\b(?:maybe|perhaps|not sure|unsure|undecided|still open|tbd|to be decided|think about|whether|someday"
        r"|i wonder|sleep on it|considering|leaning towards?)\b|\b(?:could|might|would|should) (?:we|i|you)\b"
        r"|\b(?:not|never|n't)(?: (?:yet|really|actually|even|finally))* (?:decide|decided|agree|agreed|choose|chosen"
        r"|settled)\b|(?:\bnot|n't|\bnever) (?:true|the case|correct|right) that\b|\b(?:no|not a) (?:final )?decision\b"
        r"|\bdon'?t (?:think|believe|remember|recall)\b"
        r"|\bnot (?:deciding|today|now)\b",
    ),
    _Cue(
        1.0,
        "viel even noch unen unsi über schl ob soll könn mal glau kein nich",
        r"\b(?:vielleicht|eventuell|unentschieden|unsicher|mal sehen|noch offen|noch nicht)\b|\büberleg(?:e|en)\b"
        r"|\bschlaf\w* (?:nochmal |mal )?(?:drüber|darüber)\b|\bob wir\b|\b(?:sollen|sollten|könnten) wir\b"
        r"|\bnicht\b[^.?!\n]{0,60}\b(?:entschieden|beschlossen|geeinigt|festgelegt)\b|\bkeine entscheidung\b"
        r"|\bglaube? nicht\b",
    ),
    _Cue(
        1.0,
        "peut pas quiz tal toda",
        r"\bpeut-être\b|\bpas encore\b|\bpas sûre?\b|\bquizás?\b|\btal vez\b|\btodavía no\b",
    ),
)
_OPTIONS = (
    _Cue(
        1.0,
        "opti alte cand eith vers vs trad on comp pros cons or pric down whil cost but oder entw ou aber mais",
        r"\b(?:options?|alternatives?|candidates?|either|versus|vs|trade-?offs?|on the other hand|compared|pros|cons)\b"
        r"|\bor\b|\bbut\b|\bprice of\b|\bdownside\b|\bwhile\b|\bcosts?\b"
        r"|\b(?:oder|entweder|alternativen?|optionen|aber)\b|\b(?:ou bien|ou|mais)\b",
    ),
)
# What an agent proposes, which a user may take.
_PROPOSALS = (
    _Cue(
        1.0,
        "prop sugg reco shal woul shou abou use go pick take choo star keep vors schl empf würd sugi",
        r"\bi(?:'d| would)? (?:propose|suggest|recommend)\b|\bi(?:'d| would) (?:use|go|pick|take|choose|start|keep)\b"
        r"|\bmy (?:recommendation|suggestion|proposal)\b|\bhow about\b|\b(?:shall|should) (?:i|we)\b|\bwould you like\b"
        r"|\b(?:vorschlag|vorschlagen|empfehle|empfehlung)\b|\bich (?:schlage|würde)\b"
        r"|\bje (?:propose|recommande|suggère)\b|\b(?:propongo|recomiendo|sugiero)\b",
    ),
)
_REASON = (
    r"(?i)\b(?:because|since|so that|as it|due to|otherwise|the reason|given that|which is why|in order to|therefore)\b"
    r"|\b(?:don't|do not|didn't) (?:want|need|like)\b|\bneeds?\b|\btoo (?:\w+)\b|\b(?:tired|hate|costs?|risk\w*"
    r"|price|slow|fast|simple\w*|easy|easier|cheap\w*|safe\w*|broke|fail\w*|hurts?)\b"
    r"|\b(?:weil|denn|damit|wegen|sonst|deshalb|darum|zu teuer|zu langsam|parce que|car|porque|ya que)\b"
)
_OFFERS = (*_OPTIONS, *_PROPOSALS)
# What takes on a proposal, or a decision.
_ACKNOWLEDGED = (
    _Cue(
        1.0,
        "ok okay unde note agre done righ good yes yep sure sold fine deal perf grea do go soun work exac"
        " ja jo pass einv abge gern gena mach gefä mir vers alle oui d vale yeah",
        r"\A\W*(?:ok|okay|understood|noted|agreed|done|right|good|yes|yep|yeah|sure|sold|fine|deal|perfect|great|exactly"
        r"|do (?:it|that|so)|go ahead|go for it|sounds good|works for me|ja|jo|passt|einverstanden|abgemacht|gerne?"
        r"|genau|mach(?:en wir)?(?: das| so)?|gefällt mir|mir gefällt|verstanden|alles klar|oui"
        r"|d'accord|vale|perfecto)\b",
    ),
    _Cue(1.0, "then is ll will ve", r"\b(?:then|it is)\b[.,]|\bi(?:'ll| will|'ve)\b"),
)
# From here on a turn says what it wants.
_WISHED = 0.45
# How much of a turn is read for cues: who decides says so at once.
_READ = 1200


def read(text: str, role: str, *, acts: bool = False) -> TurnCues:
    """Read what a turn shows.

    Args:
        text: what was said; only its beginning is read, since who decides says so at once.
        role: who said it: only a user commits.
        acts: whether a tool was used with it.
    """
    asks = has_question(text)
    text = text[:_READ].lower()
    hinted = _HINTS.patterns_for(text)
    if not hinted and not asks:  # most turns
        return TurnCues(0.0, 0.0, False, False, ";" in text, False, acts)
    is_user = role == "user"
    commits = reverses = 0.0
    said = text
    if (is_user and _strongest(_COMMITMENTS, text, hinted)) or _strongest(_REVERSALS, text, hinted):
        said = own_statements(text)  # the closer reading costs more than all the rest, and few turns need it
        reverses = _strongest(_REVERSALS, said, hinted)
        commits = max(_strongest(_COMMITMENTS, said, hinted), 0.7 * reverses) if is_user else 0.0
    elif asks:
        said = without_questions(text)
    if is_user and reverses < 1:
        reverses = max(reverses, (1.0 if commits >= _WISHED else INTERRUPTS) * _strongest(_INTERRUPTIONS, said, hinted))
    wavers = _strongest(_OPEN, said, hinted) > 0
    return TurnCues(
        max(0.0, commits - (0.5 if wavers else 0.0)),
        0.0 if wavers else reverses,
        asks,
        wavers or (asks and len(said) < len(text.strip()) / 2),
        ";" in text or _strongest(_OPTIONS if is_user else _OFFERS, text, hinted) > 0,
        _strongest(_ACKNOWLEDGED, text, hinted) > 0,
        acts,
    )


def reason_in(text: str) -> str | None:
    """Return the first sentence of a text that gives a reason."""
    return next(
        (sentence.strip() for sentence in re.findall(SENTENCE, text[:_READ]) if re.search(_REASON, sentence)), None
    )


def _strongest(cues: tuple[_Cue, ...], text: str, hinted: set[str]) -> float:
    strongest = 0.0
    for cue in cues:
        if cue.weight > strongest and cue.pattern in hinted and _compiled(cue.pattern).search(text):
            strongest = cue.weight
    return strongest


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)


_HINTS = Hints(
    (cue.hints, cue.pattern) for cue in (*_COMMITMENTS, *_OPEN, *_REVERSALS, *_INTERRUPTIONS, *_OFFERS, *_ACKNOWLEDGED)
)
