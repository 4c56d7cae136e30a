"""A format is told by the first bytes, and a file that is no whole still image by its name."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.errors import SourceError
from minikit.tokens.image_formats import check_still, media_type
from pictures import PNG, animated_gif, chunk, gif, jpeg, png, webp

if TYPE_CHECKING:
    from minikit.tokens.image_formats import MediaType

WHOLE: dict[str, tuple[MediaType, bytes]] = {
    "png": ("image/png", png(20, 10)),
    "png with a text": ("image/png", png(20, 10, extra=chunk(b"tEXt", b"a\0b"))),
    "png of one frame": ("image/png", png(extra=chunk(b"acTL", struct.pack(">II", 1, 0)))),
    "jpeg": ("image/jpeg", jpeg(20, 10)),
    "gif": ("image/gif", gif(20, 10)),
    "gif with colours in its frame": ("image/gif", gif(20, 10, colours=False)),
    "webp": ("image/webp", webp(20, 10)),
    "webp extended": ("image/webp", webp(20, 10, flags=0x10)),
}
wholes = pytest.mark.parametrize(("kind", "data"), WHOLE.values(), ids=list(WHOLE))


@wholes
def test_a_whole_image_is_known_by_its_header(kind: MediaType, data: bytes) -> None:
    """What follows the end of an image, as phones write it, does no harm."""
    for each in (data, data + b"a video behind the photo"):
        assert media_type(each, "a.bin") == kind
        check_still(each, kind, "a.bin")


@wholes
def test_an_image_that_is_cut_off_is_refused(kind: MediaType, data: bytes) -> None:
    """Wherever it ends too early; only a GIF may lack the end after its frame."""
    ends = len(data) - (kind == "image/gif")
    for length in range(13, ends):
        with pytest.raises(SourceError, match=r"'a' is cut off or damaged: its \d+ bytes are no"):
            check_still(data[:length], kind, "a")


def test_a_png_with_a_broken_checksum_is_refused() -> None:
    """Readers reject it; but where the chunk may be left out they pass."""
    damaged = bytearray(png(64, 64))
    damaged[damaged.index(b"IDAT") + 6] ^= 0xFF
    with pytest.raises(SourceError, match="'a' is cut off or damaged"):
        check_still(bytes(damaged), "image/png", "a")
    note = chunk(b"tEXt", b"Comment\0hello")
    check_still(png(extra=note[:-1] + b"\0"), "image/png", "a")


def test_a_gif_without_its_end_is_whole() -> None:
    """Readers show it, and so it is taken."""
    check_still(gif()[:-1], "image/gif", "a")


def test_a_gif_that_tells_the_size_of_no_table_is_whole() -> None:
    """The size of the table of colours stands in a GIF without one, too, and means nothing."""
    data = bytearray(gif(colours=False))
    data[10] |= 7
    check_still(bytes(data), "image/gif", "a")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (animated_gif(), "an animated GIF"),
        (webp(flags=0x12), "an animated WEBP"),
        (png(extra=chunk(b"acTL", struct.pack(">II", 2, 0))), "an animated PNG"),
    ],
)
def test_an_animated_image_is_refused(data: bytes, told: str) -> None:
    """A model would see one frame of it at best; the way out is to choose the frame."""
    kind = media_type(data, "a")
    with pytest.raises(SourceError, match=rf"'a' is {told}; save one frame as an image of its own"):
        check_still(data, kind, "a")


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("image/png", PNG + chunk(b"IHDR", bytes(13)) + chunk(b"IEND")),
        ("image/jpeg", b"\xff\xd8\xff\xd9" + bytes(9)),
        ("image/gif", b"GIF89a" + bytes(7) + b";"),
    ],
)
def test_an_image_without_pixels_is_refused(kind: MediaType, data: bytes) -> None:
    """A header alone is no image."""
    with pytest.raises(SourceError, match=r"is cut off or damaged"):
        check_still(data, kind, "a")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty (0 bytes);"),
        (b"%PDF-1.7\n", "is a PDF; render its pages as images, for example: pdftoppm -png"),
        (b"II*\0rest", "is a TIFF or a camera's raw image; convert it to PNG or JPEG first"),
        (b"MM\0*rest", "is a TIFF or a camera's raw image;"),
        (b"\0\0\1\0rest", "is a Windows icon;"),
        (b"8BPSrest", "is a Photoshop file;"),
        (b"\xff\x0arest", "is a JPEG XL image;"),
        (b"\0\0\0\x0cJXL \r\n", "is a JPEG XL image;"),
        (b"\0\0\0\x0cjP  \r\n", "is a JPEG 2000 image;"),
        (b"PK\3\4rest", "is a ZIP archive or an office document;"),
        (b"\x1aE\xdf\xa3rest", "is a video;"),
        (b"BM\x46\0\0\0\0\0\0\0\x36", "is a BMP image;"),
        (b"\0\0\0\x18ftypheic", "is a HEIC photo; convert it to PNG or JPEG first, for example:"),
        (b"\0\0\0\x18ftypavif", "is an AVIF image;"),
        (b"\0\0\0\x18ftypisom", "is a video; save one frame"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is an SVG drawing;"),
        (b"\xef\xbb\xbf <?xml version='1.0'?>\n<!-- by hand --><SVG/>", "is an SVG drawing;"),
        (b"<!DOCTYPE html><title>Login</title>", "is a web page; the image may need another"),
        (b"\n<html>", "is a web page;"),
        (b"<?xml version='1.0'?><rss/>", "is no image;"),
        (b"RIFF\4\0\0\0WAVE", "is no image;"),
        (b"BMW is a maker of cars", "is no image;"),
        (b"BM", "is no image;"),
        (b"hello", "is no image;"),
        (b"P6\n# by a scanner\n2 2\n255\n", "is a PNM image; convert it"),
        (b"P7\nWIDTH 2\n", "is a PNM image; convert it"),
        (b"P2 is a room", "is no image;"),
    ],
)
def test_what_is_no_image_is_named(data: bytes, told: str) -> None:
    """The error says what the file is, and what to do with it."""
    with pytest.raises(SourceError) as caught:
        media_type(data, "scan.png")
    assert str(caught.value).startswith(f"'scan.png' {told}")
    assert str(caught.value).endswith("; models look at PNG, JPEG, WEBP and GIF")


STARTS = [b"", *(data[:length] for _, data in WHOLE.values() for length in (12, 16, 30, len(data)))]


@settings(deadline=None)
@given(st.sampled_from(STARTS), st.binary(max_size=80))
def test_any_bytes_are_an_image_or_a_clear_error(start: bytes, rest: bytes) -> None:
    """Nothing but SourceError comes out of what is no image."""
    data = start + rest
    try:
        check_still(data, media_type(data, "a"), "a")
    except SourceError as error:
        assert str(error).startswith("'a' is ")  # noqa: PT017 - most examples are images of no kind


def test_a_large_image_is_checked_in_one_walk() -> None:
    """Many blocks are walked once."""
    blocks = b"\x01a" * 100_000 + b"\0"
    check_still(gif()[:-1] + b"!\xfe" + blocks + b";", "image/gif", "a")
    check_still(png(extra=chunk(b"tEXt") * 50_000), "image/png", "a")
