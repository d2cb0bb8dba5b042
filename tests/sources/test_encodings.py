"""Laws of decoding files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.sources.encodings import decode

RUSSIAN = "Сервер резервных копий стоит в подвале. Пароль меняют каждый месяц.\n"
JAPANESE = "データベースは毎晩バックアップを取る。担当は田中さんです。\n"
CHINESE = "数据库备份在每天凌晨三点运行。\n"
GREEK = "Ο διακομιστής βρίσκεται στο υπόγειο.\n"  # noqa: RUF001


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("gr\u00fc\u00df\n".encode(), "gr\u00fc\u00df\n"),
        (b"\xef\xbb\xbfbom", "bom"),
        ("wide \u20ac".encode("utf-16"), "wide \u20ac"),
        ("wide \u20ac".encode("utf-32"), "wide \u20ac"),
        ("no mark".encode("utf-16-le"), "no mark"),
        ("no mark".encode("utf-16-be"), "no mark"),
        ("gr\u00fc\u00df \u20ac".encode("cp1252"), "gr\u00fc\u00df \u20ac"),
        (
            "The caf\u00e9 serves cr\u00e8me br\u00fbl\u00e9e.".encode("cp1252"),
            "The caf\u00e9 serves cr\u00e8me br\u00fbl\u00e9e.",
        ),
        (RUSSIAN.encode("cp1251"), RUSSIAN),
        (RUSSIAN.encode("koi8-r"), RUSSIAN),
        (JAPANESE.encode("shift_jis"), JAPANESE),
        (JAPANESE.encode("euc_jp"), JAPANESE),
        (JAPANESE.encode("iso2022_jp"), JAPANESE),
        (CHINESE.encode("gbk"), CHINESE),
        (GREEK.encode("cp1253"), GREEK),
        (
            "<?xml version='1.0' encoding='iso-8859-2'?>\u0141\u00f3d\u017a".encode("iso-8859-2"),
            "<?xml version='1.0' encoding='iso-8859-2'?>\u0141\u00f3d\u017a",
        ),
        (b"\x81\x8d", "\x81\x8d"),
        (b"a\r\nb\rc", "a\nb\nc"),
        (b"\xff\xfe\x00", "\ufffd"),
        (b"\x7fELF\0\0", None),
        (b"", ""),
    ],
)
def test_bytes_become_text_or_are_refused(raw: bytes, text: str | None) -> None:
    """Every encoding that people's files have is read; what is no text is told apart."""
    assert decode(raw) == text


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """No bytes break the reading, and a text has only line feeds as line ends."""
    text = decode(raw)
    assert text is None or not {"\r", "\0"} & set(text)


@given(st.text(max_size=200))
def test_utf_8_is_read_as_it_is(text: str) -> None:
    """A text in UTF-8 is never taken for anything else."""
    raw = text.replace("\r", "").replace("\0", "").replace("\x1b", "").removeprefix("\ufeff").encode("utf-8", "ignore")
    assert decode(raw) == raw.decode()
