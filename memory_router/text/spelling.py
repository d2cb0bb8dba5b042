"""Give every spelling of a word one form, whatever its normal form, accents, capitals and invisible characters."""

import re
import unicodedata

# Soft hyphens, zero-width spaces and joiners, marks of direction, variation selectors, tags, skin tones of emoji.
_INVISIBLE: dict[int, str | None] = dict.fromkeys(
    [
        *(0xAD, 0x34F, 0x61C, 0x180E, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065)),
        *(*range(0x2066, 0x2070), *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400)),
        *(*range(0xE0000, 0xE0080), *range(0xE0100, 0xE01F0)),
    ]
)
# What stands outside of these: a text of European letters and signs alone holds no invisible character, no mark apart
# from its letter, no emoji and no script without spaces.
UNUSUAL = r"[^\0-\xac\xae-\u02ff\u0370-\u058f\u2010-\u2029\u2030-\u205e\u20a0-\u20bf]"
_ENTITY = r"&(?:#\d{2,7}|#[xX][0-9a-fA-F]{2,6}|[A-Za-z]{2,31}\d{0,2});"  # compiled when first met
# Marks that a writer may leave out: accents, Hebrew points, Arabic vowels. Those of Indic scripts are letters.
_OPTIONAL = (
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed]+"
)
_ZEROS = (
    *(0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xE50, 0xED0, 0xF20, 0x1040, 0x17E0),
)
# Letters that Unicode does not take apart, as people type them who do not have them; Arabic and Persian letters that
# are written for each other; digits of other scripts.
_PLAIN: dict[int, str | int] = {
    **str.maketrans("łøđıħŧɨʉƀĸ\u0649\u06cc\u06a9\u0629", "lodihtiubk\u064a\u064a\u0643\u0647"),
    **{
        ord(letter): plain
        for letter, plain in (("æ", "ae"), ("œ", "oe"), ("þ", "th"), ("ð", "d"), ("ŋ", "n"), ("ـ", ""))
    },
    **{zero + digit: str(digit) for zero in _ZEROS for digit in range(10)},
}
_UMLAUTS = {ord(letter): typed for letter, typed in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("å", "aa"), ("ø", "oe"))}


def normal(text: str) -> str:
    """Return a text in Unicode's form NFKC, with entities of HTML decoded and without invisible characters."""
    if "&" in text:
        text = re.sub(_ENTITY, _decoded, text)
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", text.translate(_INVISIBLE) if re.search(UNUSUAL, text) else text)


def fold(word: str) -> str:
    """Return a normal text without what writers leave out: capitals, accents, vowel marks, letters of one language."""
    if word.isascii():
        return word.lower()
    bare = re.sub(_OPTIONAL, "", unicodedata.normalize("NFD", word.casefold().translate(_PLAIN)))
    return unicodedata.normalize("NFC", bare)


def spellings(word: str) -> tuple[str, ...]:
    """Return the usual spellings of a normal word, lower case: as it is, without accents, with umlauts as `ae`."""
    small = word.lower()
    if small.isascii():
        return (small,)
    return tuple(dict.fromkeys((small, fold(small), fold(small.translate(_UMLAUTS)))))


def _decoded(entity: "re.Match[str]") -> str:
    from html import unescape  # its table is large, and entities are rare

    return unescape(entity[0])
