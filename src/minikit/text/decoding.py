"""Bytes to text: the byte-order mark, UTF-8, what the text declares, and at last a guess."""

from __future__ import annotations

import codecs
import re

from minikit.errors import MissingExtraError, SourceError

__all__ = ["decoded", "has_utf_mark"]

# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_HEAD = 2_048  # bytes in which a declaration stands
_DECLARED = re.compile(
    rb"""\A<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([\w.:-]+)  # XML
    | <meta\s[^>]{0,500}?charset\s*=\s*["']?([\w.:-]+)  # HTML
    | \A(?:[^\n]{0,200}\n)?[ \t\f]*\#[^\n]{0,200}?coding[:=][ \t]*([-\w.]+)  # Python, Emacs
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Text that says it is Latin 1 or ASCII is nearly always Windows-1252, which holds more characters
# (WHATWG, Encoding Standard, section 4.2, read 2026-11-22).
_AS_WINDOWS = frozenset({"iso8859-1", "ascii"})
# Codecs that no file is written in, some of them slow.
_NO_CHARSETS = frozenset(
    {"idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
)

_ASCII = bytes(range(128))
_NOT_IN_WINDOWS = frozenset(b"\x81\x8d\x8f\x90\x9d")
_TELLING = 3
"""Bytes beyond ASCII without which nothing can be told, and Windows-1252 is the likeliest."""

_SHIFT_TO_JAPANESE = b"\x1b$B"

_SOUND_PER_BROKEN = 9
"""So many characters beyond ASCII must be sound for each broken one, or a text is no UTF-8."""


def has_utf_mark(head: bytes) -> bool:
    """Tell whether bytes begin with the byte-order mark of UTF-8, UTF-16 or UTF-32."""
    return any(head.startswith(mark) for mark, _ in _MARKS)


def decoded(data: bytes, name: str) -> tuple[str, str | None]:
    """Return the text that `data` holds, and what was guessed or mended in reading it, or None.

    A byte-order mark decides, and is dropped; then UTF-8, where it fits; then the charset that
    HTML, XML or a Python file declares; then the guess of chardet, which is told. UTF-8 with few
    broken bytes is still UTF-8; each becomes U+FFFD, which is told as well. Linear in the length.

    Raises:
        SourceError: The bytes are no text.
        MissingExtraError: There is a guess to be made, and chardet is not installed.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _marked(data, encoding, name), None
    if b"\0" in data:
        raise SourceError(f"{name!r} is a binary file, not text; convert it to UTF-8 text first")
    if _SHIFT_TO_JAPANESE in data:  # all of it is ASCII, which would be silently wrong
        text, broken = _mended(data, "iso2022_jp")
        if text is not None:
            return text, _guess(name, "ISO-2022-JP", broken)
    try:
        return data.decode(), None
    except UnicodeDecodeError as error:
        return _declared(data) or _nearly_utf_8(data, name) or _guessed(data, name, error)


def _marked(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        kind = encoding.removesuffix("-sig").upper()
        raise SourceError(
            f"{name!r} begins as {kind} and is not {kind} at byte {error.start}; save it again "
            f"as UTF-8"
        ) from error


def _declared(data: bytes) -> tuple[str, None] | None:
    found = _DECLARED.search(data[:_HEAD])
    if found is None:
        return None
    label = next(filter(None, found.groups())).decode("ascii", "replace")
    try:
        encoding = codecs.lookup(label).name
        if encoding in _NO_CHARSETS:
            return None
        return data.decode("cp1252" if encoding in _AS_WINDOWS else encoding), None
    except (LookupError, ValueError):  # a charset that there is not, or that does not fit
        return None


def _nearly_utf_8(data: bytes, name: str) -> tuple[str, str] | None:
    text, broken = _mended(data, "utf-8")
    return None if text is None else (text, f"{name!r} is damaged UTF-8: {broken}")


def _guessed(data: bytes, name: str, error: UnicodeDecodeError) -> tuple[str, str]:
    encoding = _likeliest(data, name)
    text, broken = _mended(data, encoding) if encoding is not None else (None, "")
    if text is None:
        raise SourceError(
            f"{name!r} is not UTF-8 text (byte {error.start} is {data[error.start]:#04x}), and its "
            f"encoding cannot be told; convert it first, for example: iconv -f ENCODING -t UTF-8"
        ) from error
    return text, _guess(name, str(encoding), broken)


def _likeliest(data: bytes, name: str) -> str | None:
    beyond_ascii = data.translate(None, _ASCII)
    if len(beyond_ascii) < _TELLING and not _NOT_IN_WINDOWS.intersection(beyond_ascii):
        return "Windows-1252"
    try:
        import chardet
        from chardet.enums import EncodingEra
    except ImportError as error:
        raise MissingExtraError(
            f"{name!r} is not UTF-8 and names no encoding; to have it guessed: "
            f"pip install 'minikit[files]', else convert it, for example: "
            f"iconv -f ENCODING -t UTF-8",
            name="chardet",
        ) from error

    # Encodings of old Macs are left out: where few letters are beyond ASCII, they win over
    # Windows-1252, which is far likelier.
    era = EncodingEra.MODERN_WEB | EncodingEra.LEGACY_ISO | EncodingEra.DOS
    return chardet.detect(data, encoding_era=era, max_bytes=len(data))["encoding"]


def _guess(name: str, encoding: str, broken: str) -> str:
    return (
        f"{name!r} is not UTF-8 and names no encoding; it was read as {encoding}, which is a "
        f"guess{f' ({broken})' if broken else ''}. Where it is wrong: iconv -f ENCODING -t UTF-8"
    )


def _mended(data: bytes, encoding: str) -> tuple[str | None, str]:
    """Return the text with U+FFFD for what cannot be read, and how often that was; None: often."""
    text = data.decode(encoding, "replace")
    broken = text.count("\ufffd")
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    if broken and beyond_ascii < broken * (_SOUND_PER_BROKEN + 1):
        return None, ""
    places = "1 place" if broken == 1 else f"{broken:,} places"
    return text, f"{places} could not be read and became U+FFFD" if broken else ""
