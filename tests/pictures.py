"""Whole images of any size in the formats that models look at, made without an imaging library."""

from __future__ import annotations

import base64
import struct
import zlib

__all__ = ["animated_gif", "chunk", "data_url", "gif", "jpeg", "png", "webp"]

PNG = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 1, height: int = 1, *, extra: bytes = b"") -> bytes:
    """A grey PNG that every reader can decode; `extra` chunks stand before the pixels."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\xaa" * -(-width // 8)) * height)
    return PNG + chunk(b"IHDR", header) + extra + chunk(b"IDAT", pixels) + chunk(b"IEND")


def frame(*, colours: bool = False) -> bytes:
    """One frame of a GIF, with a table of colours of its own or without."""
    table = (b"\x80", bytes(6)) if colours else (b"\0", b"")
    return b"," + struct.pack("<HHHH", 0, 0, 1, 1) + table[0] + table[1] + b"\x02\x02D\x01\0"


def gif(width: int = 1, height: int = 1, *, frames: int = 1, colours: bool = True) -> bytes:
    """A GIF of 1 pixel on a canvas of any size, with a comment before its frames."""
    canvas = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80 if colours else 0, 0, 0)
    canvas += bytes(6) if colours else b""
    comment = b"!\xfe\x05hello\0"
    return canvas + comment + b"".join(frame(colours=not colours) for _ in range(frames)) + b";"


def animated_gif() -> bytes:
    """A GIF of two frames."""
    return gif(frames=2)


def jpeg(width: int = 1, height: int = 1) -> bytes:
    """The markers of a JPEG, with a comment and without real pixels."""
    comment = b"\xff\xfe\x00\x04hi"
    size = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"pixels\xff\x00pixels"
    return b"\xff\xd8" + comment + size + scan + b"\xff\xd9"


def webp(width: int = 1, height: int = 1, *, flags: int | None = None) -> bytes:
    """A lossless WEBP; with `flags` an extended one, which is animated where they hold 2."""
    if flags is None:
        bits = width - 1 | height - 1 << 14
        kind, payload = b"VP8L", struct.pack("<BI", 0x2F, bits) + b"pixels."
    else:
        sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        kind, payload = b"VP8X", struct.pack("<I", flags) + sides
    body = b"WEBP" + kind + struct.pack("<I", len(payload)) + payload
    return b"RIFF" + struct.pack("<I", len(body)) + body


def data_url(data: bytes, kind: str = "image/png") -> str:
    """An image as a URL."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
