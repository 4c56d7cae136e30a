"""Images are measured from their header and counted by the published formulas."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from decimal import Decimal
from math import ceil, sqrt
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minikit.errors import ArgumentError
from minikit.models.model import ImageRule, Model
from minikit.tokens.images import (
    count_image_part,
    count_image_tokens,
    image_size,
    most_image_tokens,
)
from minikit.tokens.messages import Detail, ImagePart

sides = st.integers(1, 20_000)
DETAILS: tuple[Detail, ...] = ("auto", "low", "high")


@pytest.mark.parametrize(
    ("width", "height", "gpt_4o", "gpt_4o_mini", "gpt_41_mini"),
    [
        (1024, 1024, 765, 25_501, 1_659),
        (2048, 4096, 1_105, 36_835, 2_362),
        (1800, 2400, 765, 25_501, 2_353),
        (512, 512, 255, 8_500, 415),
    ],
)
def test_images_count_as_published(
    width: int, height: int, gpt_4o: int, gpt_4o_mini: int, gpt_41_mini: int
) -> None:
    """The worked examples of the guide come out, upright and lying."""
    expected = {"gpt-4o": gpt_4o, "gpt-4o-mini": gpt_4o_mini, "gpt-4.1-mini": gpt_41_mini}
    for model, tokens in expected.items():
        assert count_image_tokens(width, height, model=model) == tokens
        assert count_image_tokens(height, width, model=model, detail="high") == tokens


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [
        (200, 200, 64),
        (1000, 1000, 1_296),
        (1092, 1092, 1_521),
        (1920, 1080, 1_560),
        (2480, 3508, 1_551),
        (16_000, 20, 56),
        (1, 1, 1),
    ],
)
def test_images_count_as_published_for_claude(width: int, height: int, tokens: int) -> None:
    """They are squares of 28 pixels of what the server shrinks them to, whatever the detail."""
    for model in ("claude-3-haiku", "claude-haiku-4-5"):
        for detail in DETAILS:
            assert count_image_tokens(width, height, model=model, detail=detail) == tokens
            assert count_image_tokens(height, width, model=model, detail=detail) == tokens
    assert most_image_tokens(model="claude-haiku-4-5", detail="low") == 1_568


@given(sides, sides)
def test_an_image_keeps_to_the_budget_of_claude(width: int, height: int) -> None:
    """None is counted as more than there can be, and small ones are counted as they are."""
    tokens = count_image_tokens(width, height, model="claude-haiku-4-5")
    assert 1 <= tokens <= 1_568
    if max(width, height) <= 1_092:
        assert tokens == ceil(width / 28) * ceil(height / 28)


def test_the_default_model_counts() -> None:
    """Without a model it is gpt-4o-mini."""
    assert count_image_tokens(512, 512) == 8_500


def test_low_detail_costs_the_base_alone() -> None:
    """For tile models the size then does not matter."""
    for size in ((1, 1), (4096, 8192)):
        assert count_image_tokens(*size, model="gpt-4o", detail="low") == 85
        assert count_image_tokens(*size, model="gpt-4o-mini", detail="low") == 2_833


def test_low_detail_of_a_patch_model_is_at_most_512_pixels_square() -> None:
    """It costs what a 512 x 512 image costs, and a smaller image no more than it has."""
    assert count_image_tokens(4096, 4096, model="gpt-4.1-mini", detail="low") == 415
    assert count_image_tokens(64, 32, model="gpt-4.1-mini", detail="low") == 4  # 2 * 1.62
    assert count_image_tokens(64, 32, model="gpt-4.1-mini") == 4


@pytest.mark.parametrize(
    ("model", "expected"), [("gpt-5-nano", 2_520), ("gpt-5.4-mini", 1_659), ("gpt-6-luna", 1_229)]
)
def test_multipliers_are_exact_and_rounded_up(model: str, expected: int) -> None:
    """1,024 patches times 2.46, 1.62 and 1.2."""
    assert count_image_tokens(1024, 1024, model=model) == expected


def test_a_small_image_is_not_enlarged() -> None:
    """A dot is one tile or one patch."""
    assert count_image_tokens(1, 1, model="gpt-4o") == 255
    assert count_image_tokens(1, 1, model="gpt-4.1-mini") == 2


def tiles_in_float(width: float, height: float) -> int:
    """The guide's words: fit into 2048 x 2048, the short side to 768, count 512 px squares."""
    shrink = min(1.0, 2048 / max(width, height))
    width, height = width * shrink, height * shrink
    shrink = min(1.0, 768 / min(width, height))
    return ceil(round(width * shrink / 512, 9)) * ceil(round(height * shrink / 512, 9))


@given(sides, sides)
def test_tiles_are_those_of_the_guide(width: int, height: int) -> None:
    """Whole numbers give what the guide's fractions give, without their rounding errors."""
    expected = 85 + 170 * tiles_in_float(width, height)
    assert count_image_tokens(width, height, model="gpt-4o") == expected


def patches_in_float(width: int, height: int, budget: int) -> int:
    """The guide's words: shrink by the square root, then so that one side is whole patches."""
    if ceil(width / 32) * ceil(height / 32) <= budget:
        return ceil(width / 32) * ceil(height / 32)
    shrink = sqrt(1024 * budget / (width * height))
    columns, rows = width * shrink / 32, height * shrink / 32
    shrink *= min(
        int(round(columns, 9)) / columns,
        int(round(rows, 9)) / rows,
    )
    return ceil(round(width * shrink / 32, 9)) * ceil(round(height * shrink / 32, 9))


@given(st.integers(32, 20_000), st.integers(32, 20_000))
@example(2048, 4096)
@example(1254, 1254)
@example(1505, 993)  # 48 x 32 patches, the whole budget
def test_patches_are_those_of_the_guide(width: int, height: int) -> None:
    """Whole numbers give what the guide's roots give, wherever both sides keep a whole patch."""
    expected = ceil(Decimal(min(patches_in_float(width, height, 1536), 1536)) * Decimal("1.62"))
    assert count_image_tokens(width, height, model="gpt-4.1-mini") == expected


@given(sides, sides)
@example(1, 100_000)
@example(100_000, 1)
@example(49_152, 32)
def test_an_image_never_costs_more_than_the_budget(width: int, height: int) -> None:
    """Not even one of a single row of pixels."""
    for model, most in (("gpt-4o", 85 + 170 * 8), ("gpt-4.1-mini", 2_489)):
        assert 0 < count_image_tokens(width, height, model=model) <= most


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "512", None])
def test_a_size_that_cannot_be_is_refused(value: Any) -> None:  # noqa: ANN401 - anything
    """A side is a whole number of pixels."""
    with pytest.raises(ArgumentError, match=r"width=.* must be a whole number of 1 or more pixels"):
        count_image_tokens(value, 512)
    with pytest.raises(ArgumentError, match=r"height=.* must be a whole number"):
        count_image_tokens(512, value)


def test_an_unknown_detail_is_refused() -> None:
    """The message shows the choices."""
    with pytest.raises(ArgumentError, match=r"detail='tiny' must be \"auto\", \"low\" or \"high\""):
        count_image_tokens(1, 1, detail=cast("Any", "tiny"))


def test_a_model_without_a_rule_is_refused() -> None:
    """What an image costs there is unknown; a Model with a rule is the way out."""
    with pytest.raises(ArgumentError, match=r"no rule is known by which 'gpt-3.5-turbo' counts"):
        count_image_tokens(1, 1, model="gpt-3.5-turbo")
    rule = ImageRule(kind="tile", base_tokens=1, tile_tokens=2)
    own = Model(id="own", context_window=9, max_output_tokens=1, image_rule=rule)
    assert count_image_tokens(1024, 1024, model=own) == 9


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int) -> bytes:
    """The beginning of a PNG."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"")


def gif(width: int, height: int, version: bytes = b"89a") -> bytes:
    """The beginning of a GIF."""
    return b"GIF" + version + struct.pack("<HHBBB", width, height, 0, 0, 0)


def segment(marker: int, data: bytes) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def jpeg(width: int, height: int, *, frame: int = 0xC0, before: bytes = b"") -> bytes:
    """The beginning of a JPEG; 0xC0 is a baseline frame, 0xC2 a progressive one."""
    sizes = struct.pack(">BHHB", 8, height, width, 3) + bytes(9)
    return b"\xff\xd8" + before + segment(frame, sizes) + segment(0xDA, bytes(10))


def webp(kind: bytes, payload: bytes) -> bytes:
    """A WEBP of one chunk."""
    body = b"WEBP" + kind + struct.pack("<I", len(payload)) + payload
    return b"RIFF" + struct.pack("<I", len(body)) + body


def lossy(width: int, height: int) -> bytes:
    """The beginning of a lossy WEBP; the two highest bits of a side are a scale."""
    frame = b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", width | 0x4000, height | 0x8000)
    return webp(b"VP8 ", frame + bytes(9))


def lossless(width: int, height: int) -> bytes:
    """The beginning of a lossless WEBP with an alpha bit."""
    return webp(b"VP8L", struct.pack("<BI", 0x2F, width - 1 | height - 1 << 14 | 1 << 28))


def extended(width: int, height: int) -> bytes:
    """The beginning of a WEBP with extensions."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp(b"VP8X", b"\x10\x00\x00\x00" + size)


# A thumbnail in EXIF holds a frame header of its own, which is not the image's.
EXIF = segment(0xE1, b"Exif\x00\x00" + jpeg(160, 120) + bytes(3000))
TABLES = segment(0xDB, bytes(65)) + segment(0xC4, bytes(30)) + segment(0xDD, bytes(2))
WRITERS = {
    "png": png,
    "gif": gif,
    "gif 87a": lambda width, height: gif(width, height, b"87a"),
    "jpeg": jpeg,
    "jpeg progressive": lambda width, height: jpeg(width, height, frame=0xC2),
    "jpeg lossless": lambda width, height: jpeg(width, height, frame=0xC3),
    "jpeg arithmetic": lambda width, height: jpeg(width, height, frame=0xCA),
    "jpeg with EXIF": lambda width, height: jpeg(width, height, before=EXIF + TABLES),
    "jpeg with fill": lambda width, height: jpeg(
        width, height, before=b"\xff\xff\xff" + segment(0xFE, b"hi") + b"\xff\x01\xff\xd0\xff\xff"
    ),
    "webp lossy": lossy,
    "webp lossless": lossless,
    "webp extended": extended,
}
CUT_OFF = "the image is cut off within its header; read the whole file"
formats = pytest.mark.parametrize("name", list(WRITERS))


@formats
@given(st.integers(1, 16_383), st.integers(1, 16_383))
@example(1, 16_383)
def test_the_size_is_read_from_the_header(name: str, width: int, height: int) -> None:
    """Each format says how wide and how high it is, in this order."""
    assert image_size(WRITERS[name](width, height)) == (width, height)


@formats
def test_only_the_header_is_read(name: str) -> None:
    """What follows may be anything, or missing."""
    data = WRITERS[name](640, 480)
    assert image_size(data + b"\x00\xff" * 99) == (640, 480)
    for other in (bytearray(data), memoryview(data)):
        assert image_size(cast("bytes", other)) == (640, 480)


def test_extended_webp_holds_large_sides() -> None:
    """24 bits a side."""
    assert image_size(extended(16_777_216, 70_000)) == (16_777_216, 70_000)


@formats
def test_a_header_that_is_cut_off_is_refused(name: str) -> None:
    """However many bytes there are, the answer is the size or one of two clear errors."""
    data = WRITERS[name](640, 480)
    answers = [size_or_error(data[:length]) for length in range(len(data) + 1)]
    first = answers.index((640, 480))
    assert set(answers[first:]) == {(640, 480)}
    for answer in answers[:first]:
        assert answer == CUT_OFF or re.fullmatch(r"these \d+ bytes are no PNG.*", str(answer))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"these 0 bytes are no PNG, JPEG, WEBP or GIF image"),
        (b"BM" + bytes(60), r"these 62 bytes are no PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", r"are no PNG"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"CgBI", bytes(4)) + bytes(9), r"PNG that does not begin"),
        (png(0, 480), r"says that it is 0 x 480 pixels large"),
        (gif(640, 0), r"says that it is 640 x 0 pixels large"),
        (jpeg(640, 0), r"says that it is 640 x 0 pixels large"),
        (b"\xff\xd8\xff\xda" + bytes(20), r"a JPEG without a frame header"),
        (b"\xff\xd8\xff\xd9", r"a JPEG without a frame header"),
        (b"\xff\xd8\xff\xd8" + jpeg(1, 1), r"a JPEG without a frame header"),
        (b"\xff\xd8" + segment(0xE0, b"JFIF") + b"junk", r"a JPEG with a damaged header"),
        (b"\xff\xd8" + b"\xff\xe0\x00\x00" * 9, r"is cut off within its header"),
        (b"RIFF" + bytes(4) + b"WAVEfmt " + bytes(30), r"a RIFF file, but no WEBP image"),
        (webp(b"ANIM", bytes(20)), r"a RIFF file, but no WEBP image"),
        (webp(b"VP8L", bytes(20)), r"a RIFF file, but no WEBP image"),
        (webp(b"VP8 ", bytes(20)), r"a RIFF file, but no WEBP image"),
        ("\x89PNG", r"an image is bytes, not str"),
        (None, r"an image is bytes, not NoneType"),
    ],
)
def test_what_is_no_image_is_refused(data: Any, message: str) -> None:  # noqa: ANN401 - anything
    """One clear error, which does not repeat the bytes."""
    with pytest.raises(ArgumentError, match=message):
        image_size(data)


@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff", b"RIFF1234WEBPVP8"]),
    st.binary(max_size=60),
)
def test_any_bytes_give_a_size_or_a_clear_error(start: bytes, rest: bytes) -> None:
    """Nothing but ArgumentError comes out of a damaged image."""
    try:
        width, height = image_size(start + rest)
    except ArgumentError:
        return
    assert width > 0
    assert height > 0


def size_or_error(data: bytes) -> tuple[int, int] | str:
    """What reading the size gives."""
    try:
        return image_size(data)
    except ArgumentError as error:
        return str(error)


def data_url(data: bytes, head: str = "data:image/png;base64,") -> str:
    """An image as a URL."""
    return head + base64.b64encode(data).decode()


@formats
def test_an_image_in_a_url_is_measured(name: str) -> None:
    """Whatever the URL says the format is, the header decides."""
    part = ImagePart(url=data_url(WRITERS[name](1024, 1024)))
    assert count_image_part(part, model="gpt-4o") == 765
    assert count_image_part(part) == 25_501


def test_an_image_in_a_url_is_measured_in_low_detail_too() -> None:
    """A small image costs a patch model less than the bound."""
    part = ImagePart(url=data_url(png(32, 32), "DATA:image/PNG;BASE64,"), detail="low")
    assert count_image_part(part, model="gpt-4.1-mini") == 2
    assert count_image_part(part, model="gpt-4o") == 85


def test_an_image_at_an_address_is_bounded_in_low_detail() -> None:
    """A tile model's base, a patch model's 512 x 512."""
    part = ImagePart(url="https://example.org/cat.png", detail="low")
    assert count_image_part(part, model="gpt-4o") == 85
    assert count_image_part(part, model="gpt-4.1-mini") == 415


@settings(deadline=None)
@given(sides, sides)
def test_an_image_at_an_address_counts_as_the_dearest(width: int, height: int) -> None:
    """Nothing is fetched for a count, which bounds what there may be."""
    for model in ("gpt-4o", "gpt-4o-mini", "gpt-4.1-mini", "gpt-6-luna"):
        for detail in DETAILS:
            part = ImagePart(url="https://example.org/cat.png", detail=detail)
            bound = count_image_part(part, model=model)
            assert bound == most_image_tokens(model=model, detail=detail)
            assert count_image_tokens(width, height, model=model, detail=detail) <= bound


def test_the_dearest_image_exists() -> None:
    """The bound is no larger than it has to be."""
    assert most_image_tokens() == count_image_tokens(2048, 768) == 2_833 + 8 * 5_667
    assert most_image_tokens(model="gpt-4.1-mini") == count_image_tokens(
        1024, 1536, model="gpt-4.1-mini"
    )
    with pytest.raises(ArgumentError, match=r"detail='tiny' must be"):
        most_image_tokens(detail=cast("Any", "tiny"))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("data:image/svg+xml,<svg/>", r'begins with "data:image/...;base64,"'),
        ("data:image/png;base64", r'begins with "data:image/...;base64,"'),
        ("data:image/png;base64,a", r"does not hold whole base64"),
        ("data:image/png;base64,é", r"does not hold whole base64"),
        ("data:image/png;base64,", r"these 0 bytes are no PNG"),
        (data_url(b"hello"), r"these 5 bytes are no PNG"),
    ],
)
def test_a_url_without_an_image_is_refused(url: str, message: str) -> None:
    """A damaged data URL gives one clear error."""
    with pytest.raises(ArgumentError, match=message):
        count_image_part(ImagePart(url=url))
