"""Read a question about relations: what is asked of which things.

Patterns of plain sentences, tried from the most to the least certain; whatever is left asks for what surrounds the
things that it names.
"""

import re
from typing import NamedTuple

# ruff: noqa: E501  # a pattern is read as one line

DEPENDENTS = "dependents"
DEPENDENCIES = "dependencies"
CHAIN = "chain"
RELATION = "relation"
SURROUNDINGS = "surroundings"


class Asked(NamedTuple):
    """Hold what a question asks.

    Args:
        intent: `dependents` of the first thing, its `dependencies`, the `chain` from the first to the second, the
            `relation` of two, or the `surroundings` of one.
        things: the one or two phrases that name them.
        kinds: kinds of edges that count, or none for all: "who calls X".
        is_far: whether indirect ones are wanted, too.
    """

    intent: str
    things: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    is_far: bool = False


_MAX_CHARACTERS = 400  # a question is a line
_X = r"(?P<x>.{1,200}?)"
_Y = r"(?P<y>.{1,200}?)"
_KINDS = {
    "import": ("imports",),
    "include": ("imports",),
    "call": ("calls",),
    "invoke": ("calls",),
    "inherit": ("inherits",),
    "extend": ("inherits",),
    "subclass": ("inherits",),
    "implement": ("inherits",),
    "mention": ("mentions", "links", "names", "person"),
    "link": ("links",),
}
_VERB = (
    r"(?:(?P<verb>depend|rel(?:y|ie)|import|include|call|invoke|use|need|require|consume|reference|mention|inherit|extend|subclass|implement|touch|"
    r"link)(?:s|es|ed|ing)?(?: (?:up)?on| from| to)?)"
)
_WHO = r"(?:what(?: else)?|who(?:ever| else)?|which(?: [\w-]+){0,3}?|(?:every|any)(?:thing|one|body)|all(?: the)? [\w-]+|(?:list|show|find|name)(?: me)?(?: [\w-]+){0,3}?)"
_CHANGED = r"(?:chang|modif|alter|edit|remov|renam|delet|drop|break|refactor|touch|mov|replac|rewrit|updat)(?:e|es|s|ing|y|ies|ed|ying|ping|ped)?"
_INDIRECTLY = re.compile(
    r"\b(?:transitive(?:ly)?|(?:or )?indirect(?:ly)?|directly or indirectly|eventually|ultimately)\b", re.I
)
_OF_CALLS = re.compile(r"\bcall (?:chain|path|route|way|trace|flow)s?\b", re.I)

_BREAKS = (
    r"(?:what|which [\w ]{1,40}?|who|anything)(?: else)? (?:would|will|could|might|may|can|does|do|is|are|gets?)?\s?(?:it )?(?:be )?"
    r"(?:break|breaks|broken|affected|impacted|fail|fails|stops? working|need to change|change)\b"
    r"(?: (?:if|when|by|after|once)(?: (?:i|we|you|they|somebody|someone))?)?(?: (?:to|am|are|was))? "
)
# Intent, words of which a question of this form holds one (a pattern that is not needed is not even compiled), form.
_FORMS: tuple[tuple[str, str, str], ...] = (
    (CHAIN, "from", rf"(?:call |dependency |import |reference )?(?:chain|path|route|way|trace|flow)s? (?:leads? |goes |go |runs? )?from {_X} (?:to|into|through to|down to|until) {_Y}"),
    (CHAIN, "between", rf"(?:call |dependency |import )?(?:chain|path|route|way)s? between {_X} and {_Y}"),
    (CHAIN, "trac", rf"\btrac(?:e|es|ed|ing)\b (?:.{{1,80}}? )?from {_X} (?:all the way )?(?:to|into|through to|down to) {_Y}"),
    (CHAIN, "trac", rf"\btrac(?:e|ing)\b {_X} (?:all the way |back |down )?(?:to|into) {_Y}"),
    (CHAIN, "how", rf"how (?:does|do|can|did) {_X} (?:reach|get to|end up (?:in|at)|arrive at|lead to|make (?:it|its way) to|call|import) {_Y}"),
    (RELATION, "how", rf"how (?:does|do|did|is|are|was|were) {_X} (?:and|with) {_Y} (?:all )?(?:relate|connect|interact|work|link|fit|tie|belong|depend|talk|linked|related|connected|tied|joined|coupled|wired)\b(?: to(?:gether)?| (?:to|with|on) (?:each other|one another)| together)?"),
    (RELATION, "how", rf"how (?:does|do|did|is|are|was|were) {_X} (?:related|relate|connected|connect|linked|link|tied|coupled|wired|bound) (?:to|with|into) {_Y}"),
    (RELATION, "how", rf"how (?:does|do|did) {_X} (?:interact|work|talk|communicate|fit in|deal|depend|rely) (?:with|to|on) {_Y}"),
    (RELATION, "how", rf"how (?:does|do|did) {_X} (?:use|affect|influence|involve) {_Y}"),
    (RELATION, "between", rf"(?:what |which |is there (?:a|an|any) )?(?:is |are |was |were )?(?:the |a |an |any )?(?:relation|relationship|connection|dependenc(?:y|ie)|link|tie|association|interaction|coupling)s? (?:exists? )?between {_X} (?:and|to|with) {_Y}"),
    (RELATION, "relation connection link dependency", rf"(?:relation|relationship|connection|link|dependency)s? (?:of |from )?{_X} (?:to|with) {_Y}"),
    (RELATION, "what", rf"what (?:links?|connects?|ties?|joins?|binds?|relates?) {_X} (?:and|to|with) {_Y}"),
    (RELATION, "do", rf"what (?:does|do|has|have|did) {_X} (?:have |got )?to do with {_Y}"),
    (RELATION, "does do is are did can", rf"^(?:does|do|is|are|did|can) {_X} (?:depend(?:ent)? (?:up)?on|rely on|use|call|import|related to|connected (?:to|with)|linked (?:to|with)|relate to) {_Y}"),
    (DEPENDENTS, "break affect impact fail stop change", rf"{_BREAKS}{_CHANGED} {_X}"),
    (DEPENDENTS, "break affect impact fail stop change", rf"{_BREAKS}{_X} (?:is |are |gets? |was |were )?{_CHANGED}"),
    (DEPENDENTS, "impact effect blast consequence fallout", rf"(?:impact|effects?|blast radius|consequences?|fallout) (?:of|on|from|when) (?:{_CHANGED} )?{_X}"),
    (DEPENDENTS, "of", rf"(?:dependents?|dependants?|users?|callers?|importers?|consumers?|clients?|subclasses|usages?|uses|implementations?) of {_X}"),
    (DEPENDENCIES, "does do did", rf"(?:what|which(?: [\w-]+){{0,3}}?|who) (?:does|do|did) {_X} (?P<verb>depend|rely|import|call|invoke|use|need|require|inherit|extend|consume|reference|mention|link)(?: (?:up)?on| from| to)?"),
    (DEPENDENCIES, "of", rf"(?:dependenc(?:y|ies)|imports|requirements|callees) of {_X}"),
    (DEPENDENTS, "where", rf"where (?:is|are|do we|does anyone|was|were) {_X} (?P<verb>use|import|call|reference|mention|need|require|inherit)d?(?:ed)?(?: from| by)?"),
    (DEPENDENTS, "depend rel import include call invoke use need require consume referenc mention inherit extend subclass implement touch link", rf"{_WHO}(?: (?:that|which|who|of))? (?:would |could |might |may |also |all |still |directly |do |does |is |are |has |have )*{_VERB} {_X}"),
    (DEPENDENCIES, "depend relie import call use need require", rf"(?:what|everything|all(?: the)? [\w-]+) (?:that )?{_X} (?P<verb>depend|relie|import|call|use|need|require)s(?: (?:up)?on)?"),
    (DEPENDENTS, "is", rf"is {_X} (?P<verb>use|import|call|reference|need)d?(?:ed)? (?:anywhere|by any(?:one|thing|body))"),
    (SURROUNDINGS, "relate connect link tie", rf"(?:what|which [\w ]{{1,40}}?|who|everything|anything) (?:(?:that|which) )?(?:is|are|was|were)? ?(?:related|connected|linked|tied) (?:to|with) {_X}"),
    (SURROUNDINGS, "relation connection link neighb surround", rf"(?:relation|relationship|connection|link|neighbou?r|surrounding)s? (?:of|to|with|around) {_X}"),
)  # fmt: skip
_TAIL = r"(?:\s*(?:[?.!]|,? please|,? directly|,? and (?:why|how)|,? in (?:this|the|our) (?:repo(?:sitory)?|project|codebase)))*\s*$"


def read(question: str) -> Asked:
    """Return what a question asks.

    Args:
        question: any text.
    """
    flat = " ".join(question[:_MAX_CHARACTERS].split())
    is_far = bool(_INDIRECTLY.search(flat)) or bool(
        re.search(r"\bbreak|\bimpact|\baffected|\bstops? working|blast radius", flat, re.I)
    )
    plain = " ".join(_INDIRECTLY.sub(" ", flat).split())
    lowered = plain.lower()
    for intent, hints, form in _FORMS:
        if not any(hint in lowered for hint in hints.split()):
            continue
        match = re.search(form + _TAIL, plain, re.IGNORECASE)
        if match is None:
            continue
        named = match.groupdict()
        things = tuple(_thing(named[name]) for name in ("x", "y") if named.get(name))
        if all(things):
            verb = "call" if intent == CHAIN and _OF_CALLS.search(plain) else named.get("verb") or ""
            return Asked(intent, things, _KINDS.get(verb.lower(), ()), is_far)
    return Asked(SURROUNDINGS, (_thing(plain),))


def _thing(phrase: str) -> str:
    phrase = phrase.strip(" \t?!.,:;\"'“”`")
    return re.sub(r"^(?:both|the|an?|our|my|your|its|their|this|that|these|those|all) (?=\S)", "", phrase, flags=re.I)
