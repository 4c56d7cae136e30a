"""What a file is, told from its first bytes, and whether it is a whole still image."""

from __future__ import annotations

import re
import struct
import zlib
from typing import Literal

from minikit.errors import ArgumentError, SourceError
from minikit.tokens.images import jpeg_segments

__all__ = ["MediaType", "check_still", "media_type"]

MediaType = Literal["image/png", "image/jpeg", "image/webp", "image/gif"]

_CONVERT = "convert it to PNG or JPEG first, for example: magick FILE image.png"
_A_FRAME = "save one frame as an image of its own, for example: magick 'FILE[0]' frame.png"
_PAGES = "render its pages as images, for example: pdftoppm -png FILE page"
_UNPACK = "take the images out of it"

_OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF-", "a PDF", _PAGES),
    (b"II*\0", "a TIFF or a camera's raw image", _CONVERT),
    (b"MM\0*", "a TIFF or a camera's raw image", _CONVERT),
    (b"\0\0\1\0", "a Windows icon", _CONVERT),
    (b"8BPS", "a Photoshop file", _CONVERT),
    (b"\xff\x0a", "a JPEG XL image", _CONVERT),
    (b"\0\0\0\x0cJXL ", "a JPEG XL image", _CONVERT),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image", _CONVERT),
    (b"PK\3\4", "a ZIP archive or an office document", _UNPACK),
    (b"\x1aE\xdf\xa3", "a video", _A_FRAME),
)
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF = (b"avif", b"avis")
_PORTABLE = re.compile(rb"P[1-7]\s+(#[^\n]*\n\s*)*(\d|WIDTH)")
_LOOKED_AT = 4096
_GIF_HEADER = 13


class _CutOffError(Exception):
    """A file ends before what it announces, or holds something else."""


def media_type(data: bytes, name: str) -> MediaType:
    """Tell the format of an image by its first bytes; what the file is called does not matter.

    Args:
        data: The file.
        name: What it is called in an error.

    Raises:
        SourceError: It is no PNG, JPEG, WEBP or GIF; the message says what it is, where that can
            be told, and how to make an image of it.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    raise SourceError(f"{name!r} {_what_else(data)}; models look at PNG, JPEG, WEBP and GIF")


def check_still(data: bytes, kind: MediaType, name: str) -> None:
    """Check that a file holds one image, and all of it. Nothing is decoded. Linear.

    Args:
        data: The file.
        kind: Its format.
        name: What it is called in an error.

    Raises:
        SourceError: The file is cut off or damaged, or the image is animated.
    """
    try:
        moves = _CHECKS[kind](data)
    except (_CutOffError, struct.error, IndexError, ArgumentError):
        raise SourceError(
            f"{name!r} is cut off or damaged: its {len(data):,} bytes are no whole {_told(kind)}; "
            f"copy or download it again"
        ) from None
    if moves:
        raise SourceError(f"{name!r} is an animated {_told(kind)}; {_A_FRAME}")


def _what_else(data: bytes) -> str:
    if not data:
        return "is empty (0 bytes)"
    for signature, what, way in _OTHERS:
        if data.startswith(signature):
            return f"is {what}; {way}"
    if data.startswith(b"BM") and data[6:10] == bytes(4):  # a text may begin with BM too
        return f"is a BMP image; {_CONVERT}"
    if _PORTABLE.match(data):
        return f"is a PNM image; {_CONVERT}"
    if data[4:8] == b"ftyp":
        return _of_boxes(data[8:12])
    return _of_marks(data[:_LOOKED_AT].lstrip(b"\xef\xbb\xbf \t\r\n").lower())


def _of_boxes(brand: bytes) -> str:
    if brand in _HEIF:
        return f"is a HEIC photo; {_CONVERT}"
    if brand in _AVIF:
        return f"is an AVIF image; {_CONVERT}"
    return f"is a video; {_A_FRAME}"


def _of_marks(text: bytes) -> str:
    if text.startswith(b"<") and b"<svg" in text:
        return f"is an SVG drawing; {_CONVERT}"
    if text.startswith((b"<!doctype html", b"<html")):
        return "is a web page; the image may need another address, or a login"
    return "is no image"


def _told(kind: MediaType) -> str:
    return kind.removeprefix("image/").upper()


def _png_moves(data: bytes) -> bool:
    """Walk the chunks to the last; one before the pixels says how many frames there are.

    Readers reject a chunk that must be there where its checksum is wrong, and others pass.
    """
    position, frames, kinds = 8, 1, set[bytes]()
    while b"IEND" not in kinds:
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"acTL":
            (frames,) = struct.unpack_from(">I", data, position + 8)
        kinds.add(kind)
        end = _within(data, position + 12 + length)
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        if kind[:1].isupper() and zlib.crc32(memoryview(data)[position + 4 : end - 4]) != checksum:
            raise _CutOffError
        position = end
    if b"IDAT" not in kinds:
        raise _CutOffError
    return frames > 1


def _jpeg_moves(data: bytes) -> bool:
    """Look for the end after the first scan; that marker cannot stand among the pixels."""
    scan = next(position for marker, position in jpeg_segments(data) if marker == 0xDA)
    if data.find(b"\xff\xd9", scan) < 0:
        raise _CutOffError
    return False


def _webp_moves(data: bytes) -> bool:
    """Read the length that the file says it has, and the flag of the extended form."""
    (length,) = struct.unpack_from("<I", data, 4)
    _within(data, length + 8)
    return data[12:16] == b"VP8X" and bool(data[20] & 0x02)


def _gif_moves(data: bytes) -> bool:
    """Walk the blocks up to a second frame; a first one that is whole needs no end after it."""
    position = _GIF_HEADER + _table_size(data[10])
    frames = 0
    while frames < 2 and data[position : position + 1] in (b"!", b","):
        if data[position : position + 1] == b"!":  # an extension, with its label
            position += 2
        else:
            frames += 1
            position += 10 + _table_size(data[position + 9]) + 1
        while length := data[position]:
            position = _within(data, position + 1 + length)
        position += 1
    if not frames:
        raise _CutOffError
    return frames > 1


def _table_size(flags: int) -> int:
    """Return the bytes of the table of colours that these flags of a GIF announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _within(data: bytes, end: int) -> int:
    if end > len(data):
        raise _CutOffError
    return end


_CHECKS = {
    "image/png": _png_moves,
    "image/jpeg": _jpeg_moves,
    "image/webp": _webp_moves,
    "image/gif": _gif_moves,
}
