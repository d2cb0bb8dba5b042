"""Decode a file's bytes, whatever program wrote them."""

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What HTML, XML, Python and editors write into a file's first lines.
_DECLARED = re.compile(rb"(?:charset|coding|encoding)\s*[:=]\s*[\"']?([A-Za-z][\w.-]{1,30})")
_SNIFFED = 8192
_DECLARED_WITHIN = 1024
# Encodings of scripts of their own. Those of Latin letters look alike, and Windows-1252 is the commonest by far.
_OTHER_SCRIPTS = [
    *("cp1251", "koi8_r", "cp866", "cp1253", "cp1255", "cp1256", "cp932", "euc_jp", "gb18030", "big5", "cp949"),
]
# Bytes beyond ASCII from which on a text is not written in Latin letters: their share of all letters, and how many.
_FOREIGN, _ENOUGH = 0.3, 6
# A word of letters of two alphabets: no guess that gives one is right.
_MIXED = re.compile("[A-Za-z][\u0370-\u06ff]|[\u0370-\u06ff][A-Za-z]")


def decode(raw: bytes) -> str | None:
    """Return bytes as text with line feeds as line ends, or None if they are not text.

    A byte order mark decides, then UTF-8 where it fits, then what the text itself declares; else the encoding is
    guessed from the bytes, and Windows-1252 is what remains.
    """
    text = _decoded(raw)
    return None if text is None else text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ")


def _decoded(raw: bytes) -> str | None:
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return raw.decode(encoding, "replace")
    if b"\0" in raw[:_SNIFFED]:
        return _wide(raw)
    if b"\x1b$" in raw[:_SNIFFED] and (text := _strictly(raw, "iso2022_jp")):
        return text
    encodings = ["utf-8", *_declared(raw)]
    for encoding in encodings:
        if (text := _strictly(raw, encoding)) is not None:
            return text
    guessed = _guessed(raw)
    return guessed or _strictly(raw, "cp1252") or raw.decode("latin-1")


def _wide(raw: bytes) -> str | None:
    """Return UTF-16 without a mark as text: every other byte of ASCII characters is zero."""
    sample = raw[: _SNIFFED // 2 * 2]
    for encoding, zeros, others in (("utf-16-le", sample[1::2], sample[::2]), ("utf-16-be", sample[::2], sample[1::2])):
        if b"\0" not in others and zeros.count(0) > len(zeros) / 2:
            return _strictly(raw, encoding)
    return None


def _declared(raw: bytes) -> list[str]:
    match = _DECLARED.search(raw[:_DECLARED_WITHIN])
    return [match[1].decode("ascii")] if match else []


def _strictly(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except (UnicodeError, LookupError):
        return None


def _guessed(raw: bytes) -> str | None:
    """Return a text in an encoding of a script of its own, or None where Latin letters are as likely."""
    letters = [byte for byte in raw[:_SNIFFED] if byte > 0x40]
    if sum(byte > 0x7F for byte in letters) < max(_FOREIGN * len(letters), _ENOUGH):
        return None
    from charset_normalizer import from_bytes  # few files need it

    best = from_bytes(raw[:_SNIFFED], cp_isolation=_OTHER_SCRIPTS).best()
    text = raw.decode(best.encoding, "replace") if best else ""
    return None if _MIXED.search(text) else text or None
