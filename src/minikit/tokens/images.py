"""How many tokens an image takes, from its size, read from its header alone.

The formulas are those of OpenAI's guide "Images and vision", and for "grid" those of Anthropic's of
the same name (https://platform.claude.com/docs/en/build-with-claude/vision), both read 2026-11-22.
"""

from __future__ import annotations

import binascii
import struct
from bisect import bisect_right
from fractions import Fraction
from math import isqrt
from typing import TYPE_CHECKING, cast, get_args

from minikit.errors import ArgumentError
from minikit.models.model import DEFAULT_MODEL, Model
from minikit.tokens.messages import Detail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minikit.models.model import ImageRule
    from minikit.tokens.messages import ImagePart

__all__ = [
    "count_image_part",
    "count_image_tokens",
    "image_bytes",
    "image_size",
    "jpeg_segments",
    "most_image_tokens",
]

_BOX = 2048  # a tile model fits an image into a square of this side,
_SHORT_SIDE = 768  # then its short side into this,
_TILE = 512  # and counts squares of this side
_MOST_TILES = 8  # which are at most 4 x 2, of an image of 2048 x 768
_PATCH = 32
_CELL = 28
_LOW_PATCHES = (512 // _PATCH) ** 2  # detail "low" looks at 512 x 512 pixels
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_NO_FRAMES = frozenset({0xD8, 0xD9, 0xDA})  # the pixels, which a frame header stands before
_CUT_OFF = "the image is cut off within its header; read the whole file"


def count_image_tokens(
    width: int, height: int, *, model: str | Model = DEFAULT_MODEL, detail: Detail = "auto"
) -> int:
    """Count the input tokens of one image.

    Tile models: 85 + 170 a tile and the like. Patch models: the patches of 32 x 32 pixels, shrunk
    to the model's budget, times its multiplier, rounded up. Claude: the patches of 28 x 28 pixels
    of the image, shrunk to the longest side and the budget. A cap on the longer side, which the
    guide names beside the budget, is left out: it only lowers the count of very long images. The
    guide gives no figure for patch models and "low"; the size that it names bounds it.

    Args:
        width: In pixels; >= 1.
        height: In pixels; >= 1.
        model: The model that looks at the image.
        detail: "low", "high", or "auto", which is counted as "high".

    Returns:
        Tokens as published for the model; a guess at what the provider bills, not a promise.

    Raises:
        ArgumentError: A size below 1, an unknown detail, or a model without an image rule.
    """
    for name, value in (("width", width), ("height", height)):
        if isinstance(value, bool) or not isinstance(cast("object", value), int) or value < 1:
            raise ArgumentError(f"{name}={value!r} must be a whole number of 1 or more pixels")
    return _by_rule(_rule(model), (width, height), _checked(detail))


def count_image_part(part: ImagePart, *, model: str | Model = DEFAULT_MODEL) -> int:
    """Count the input tokens of an image in a message.

    Nothing is fetched: an image at an http address counts as the dearest that there can be, which
    bounds it from above.

    Args:
        part: With a data: URL, which is measured, or an address.
        model: The model that looks at the image.

    Raises:
        ArgumentError: The data: URL does not hold the beginning of a PNG, JPEG, WEBP or GIF; or
            the model has no image rule.
    """
    if not part.url.lower().startswith("data:"):
        return most_image_tokens(model=model, detail=part.detail)
    rule = _rule(model)
    return _by_rule(rule, image_size(image_bytes(part.url)), part.detail)


def most_image_tokens(*, model: str | Model = DEFAULT_MODEL, detail: Detail = "auto") -> int:
    """Return the most input tokens that one image can take, whatever its size.

    Args:
        model: The model that looks at the image.
        detail: As of `count_image_tokens`.

    Raises:
        ArgumentError: An unknown detail, or a model without an image rule.
    """
    return _by_rule(_rule(model), None, _checked(detail))


def image_size(data: bytes) -> tuple[int, int]:
    """Read the width and height of a PNG, JPEG, WEBP or GIF from its header, in pixels.

    Nothing is decoded, and what follows the header is not looked at. A rotation noted in EXIF is
    not applied.

    Args:
        data: The beginning of the file, or all of it.

    Raises:
        ArgumentError: Another format, or a header that is cut off or contradicts itself.
    """
    if not isinstance(cast("object", data), bytes | bytearray | memoryview):
        raise ArgumentError(f"an image is bytes, not {type(data).__name__}")
    raw = bytes(data)
    for signature, read in _FORMATS:
        if raw.startswith(signature):
            try:
                width, height = read(raw)
            except (struct.error, IndexError):
                raise ArgumentError(_CUT_OFF) from None
            if not (width and height):
                raise ArgumentError(f"the image says that it is {width} x {height} pixels large")
            return width, height
    raise ArgumentError(f"these {len(raw)} bytes are no PNG, JPEG, WEBP or GIF image")


def _rule(model: str | Model) -> ImageRule:
    resolved = Model.resolve(model)
    if resolved.image_rule is None:
        raise ArgumentError(
            f"no rule is known by which {resolved.id!r} counts images; send text alone, or give "
            f"its Model an image_rule, such as ImageRule(kind='patch', patch_budget=1536)"
        )
    return resolved.image_rule


def _checked(detail: Detail) -> Detail:
    if detail not in get_args(Detail):
        raise ArgumentError(f'detail={detail!r} must be "auto", "low" or "high"')
    return detail


def _by_rule(rule: ImageRule, size: tuple[int, int] | None, detail: Detail) -> int:
    if rule.kind == "tile":
        tiles = 0 if detail == "low" else _MOST_TILES if size is None else _tiles(*size)
        return rule.base_tokens + tiles * rule.tile_tokens
    if rule.kind == "grid":
        return rule.patch_budget if size is None else _cells(*size, rule)
    patches = rule.patch_budget if size is None else _patches(*size, rule.patch_budget)
    if detail == "low":
        patches = min(patches, _LOW_PATCHES)
    numerator, denominator = rule.multiplier.as_integer_ratio()
    return _ceil_div(patches * numerator, denominator)


def _tiles(width: int, height: int) -> int:
    """Scale down to the box, then to the short side, and count tiles; exact in whole numbers."""
    longer, shorter = max(width, height), min(width, height)
    scale, per = (_BOX, longer) if longer > _BOX else (1, 1)
    if shorter * scale > _SHORT_SIDE * per:
        scale, per = _SHORT_SIDE, shorter
    return _ceil_div(width * scale, per * _TILE) * _ceil_div(height * scale, per * _TILE)


def _patches(width: int, height: int, budget: int) -> int:
    """Count patches; above `budget`, shrink until one side is whole patches and both fit.

    The guide's shrink factor, sqrt(1024 * budget / (width * height)), makes the sides
    sqrt(budget * width / height) and sqrt(budget * height / width) patches long; it is lowered so
    that the side which loses more by rounding down is whole. Here without a float.
    """
    columns, rows = _ceil_div(width, _PATCH), _ceil_div(height, _PATCH)
    if columns * rows <= budget:
        return columns * rows
    columns = max(1, isqrt(budget * width // height))
    rows = max(1, isqrt(budget * height // width))
    if columns * height <= rows * width:
        rows = _ceil_div(columns * height, width)
    else:
        columns = _ceil_div(rows * width, height)
    return min(columns * rows, budget)


def _cells(width: int, height: int, rule: ImageRule) -> int:
    """Count the patches of the largest image of this shape that keeps to side and budget."""
    longer, shorter = max(width, height), min(width, height)

    def cells(side: int) -> int:
        other = max(1, round(Fraction(side * shorter, longer)))
        return _ceil_div(side, _CELL) * _ceil_div(other, _CELL)

    sides = range(1, min(longer, rule.longest_side) + 1)
    return cells(bisect_right(sides, rule.patch_budget, key=cells))


def _ceil_div(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)


def image_bytes(url: str) -> bytes:
    """Return what a data: URL of an image holds.

    Args:
        url: "data:image/...;base64," and the bytes of the file in base64.

    Raises:
        ArgumentError: The URL is no such URL, or its base64 is not whole.
    """
    head, comma, body = url.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise ArgumentError('a data URL of an image begins with "data:image/...;base64,"')
    try:
        return binascii.a2b_base64(body)
    except ValueError as error:  # a character outside ASCII is a plain ValueError
        raise ArgumentError("the data URL of an image does not hold whole base64") from error


def _png_size(data: bytes) -> tuple[int, int]:
    kind, width, height = struct.unpack_from(">4sII", data, 12)
    if kind != b"IHDR":
        raise ArgumentError("the image is a PNG that does not begin with its header")
    return width, height


def _gif_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the marker of each segment of a JPEG and where it stands, from the second on.

    Args:
        data: The beginning of a JPEG, or all of it.

    Raises:
        ArgumentError: What stands where a segment must begin is none.
        IndexError: The data end before the next segment.
        struct.error: The same.
    """
    position = 2
    while True:
        if data[position] != 0xFF:
            raise ArgumentError("the image is a JPEG with a damaged header")
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD7:  # markers without a segment
            position += 2
        else:
            yield marker, position
            position += 2 + max(2, struct.unpack_from(">H", data, position + 2)[0])


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Walk the segments, EXIF and thumbnails among them, up to the frame header of any kind."""
    ends = (each for each in jpeg_segments(data) if each[0] in _FRAMES or each[0] in _NO_FRAMES)
    marker, position = next(ends)
    if marker in _NO_FRAMES:
        raise ArgumentError("the image is a JPEG without a frame header")
    height, width = struct.unpack_from(">HH", data, position + 5)
    return width, height


def _webp_size(data: bytes) -> tuple[int, int]:
    """Read the first chunk, which is one of three kinds: lossy, lossless or extended."""
    form, kind = struct.unpack_from("<4s4s", data, 8)
    if form == b"WEBP" and kind == b"VP8X":
        low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", data, 24)
        return (high_width << 16 | low_width) + 1, (high_height << 16 | low_height) + 1
    if form == b"WEBP" and kind == b"VP8L":
        signature, bits = struct.unpack_from("<BI", data, 20)
        if signature == 0x2F:
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"WEBP" and kind == b"VP8 ":
        start_code, width, height = struct.unpack_from("<3sHH", data, 23)
        if start_code == b"\x9d\x01\x2a":
            return width & 0x3FFF, height & 0x3FFF
    raise ArgumentError("the image is a RIFF file, but no WEBP image")


_FORMATS = (
    (b"\x89PNG\r\n\x1a\n", _png_size),
    (b"\xff\xd8\xff", _jpeg_size),
    (b"RIFF", _webp_size),
    (b"GIF87a", _gif_size),
    (b"GIF89a", _gif_size),
)
