"""Images are put into calls so that each fits, and what they cost is told by plain arithmetic."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.errors import ContextOverflowError, SourceError
from minikit.jobs.describing.description import Asked, Options
from minikit.jobs.describing.sizes import (
    BYTES_PER_CALL,
    IMAGES_PER_CALL,
    PER_CALL,
    ImageSizes,
    cheaper,
    images_usd,
)
from minikit.models.model import Model
from minikit.tokens.image_files import Image
from minikit.tokens.messages import Detail

MINI = Model.resolve("gpt-4o-mini")
CLAUDE = replace(Model.resolve("claude-haiku-4-5"), image_rule=MINI.image_rule)
details: tuple[Detail, ...] = ("auto", "low", "high")


def image(width: int = 100, height: int = 100, *, size_bytes: int = 1_000) -> Image:
    """An image that is not there."""
    return Image(
        source=b"",
        name="a",
        media_type="image/png",
        size=(width, height),
        size_bytes=size_bytes,
        digest="",
    )


AT_AN_ADDRESS = replace(image(), source="https://a.b/c", media_type=None, size=None, size_bytes=0)
some_images = st.lists(
    st.one_of(
        st.just(AT_AN_ADDRESS),
        st.builds(
            image,
            st.integers(1, 5_000),
            st.integers(1, 5_000),
            size_bytes=st.integers(1, 50_000_000),
        ),
    ),
    min_size=1,
    max_size=30,
)


def sizes(
    detail: Detail = "auto", *, question: str | None = "Which?", model: Model = MINI
) -> ImageSizes:
    """Sizes of a question, or of captions."""
    asked = Asked(question=question, form=None, options=Options())
    return ImageSizes(model=model, asked=asked, schema=None, detail=detail)


@settings(deadline=None, max_examples=50)
@given(some_images, st.sampled_from(details), st.booleans())
def test_each_image_is_in_one_call_that_fits(
    images: list[Image], detail: Detail, notes: bool
) -> None:
    """In order, with room for the reply, and within the bytes that a server takes."""
    made = sizes(detail)
    groups = made.groups(images, notes=notes)
    assert [each for group in groups for each in group.images] == images
    assert groups[0].first == 0
    for group, after in pairwise(groups):
        assert group.last == after.first
    output = made.notes_output if notes else made.output
    for group in groups:
        assert group.total == len(images)
        assert made.count(group, notes=notes) <= MINI.room(output)
        payload = sum(each.payload_bytes for each in group.images)
        assert payload <= BYTES_PER_CALL or len(group.images) == 1


@settings(deadline=None, max_examples=50)
@given(some_images)
def test_captions_take_a_call_each(images: list[Image]) -> None:
    """However small they are."""
    groups = sizes(question=None).groups(images)
    assert [list(group.images) for group in groups] == [[each] for each in images]


@settings(deadline=None, max_examples=50)
@given(some_images, st.sampled_from(details))
def test_bounds_are_bounds(images: list[Image], detail: Detail) -> None:
    """Only images at an address leave anything open."""
    (level,) = sizes(detail, question=None).levels(
        sizes(detail, question=None).groups(images), merges=False
    )
    assert level.input_tokens_at_least <= level.input_tokens_at_most
    is_open = AT_AN_ADDRESS in images and detail != "low"
    assert (level.input_tokens_at_least < level.input_tokens_at_most) == is_open


@settings(deadline=None, max_examples=50)
@given(some_images.filter(bool), st.integers(0, 30))
def test_halves_are_the_whole(images: list[Image], first: int) -> None:
    """No image is lost where a group is cut, and one alone is not cut."""
    (group, *_) = sizes("low").groups(images)
    group = replace(group, first=first)
    halves = group.halves()
    assert [each for half in halves for each in half.images] == list(group.images)
    assert [half.first for half in halves] == [first, halves[0].last][: len(halves)]
    assert len(halves) == min(2, len(group.images))


def test_a_provider_has_its_own_limits() -> None:
    """So many images to a call, even where the window would hold more."""
    luna = Model.resolve("gpt-6-luna")
    many = [image(32, 32)] * 1_201
    groups = sizes(model=luna).groups(many)
    assert [len(group.images) for group in groups] == [IMAGES_PER_CALL, IMAGES_PER_CALL, 201]
    small = [image(size_bytes=1)] * 250
    assert len(sizes("low", model=CLAUDE).groups(small)[0].images) < PER_CALL["anthropic"][0]
    heavy = [image(size_bytes=12_000_000)] * 4
    assert [len(group.images) for group in sizes(model=CLAUDE).groups(heavy)] == [1, 1, 1, 1]
    assert [len(group.images) for group in sizes().groups(heavy)] == [2, 2]


def test_a_side_may_be_too_long() -> None:
    """For one provider: an error where it never fits, and smaller calls where it is long."""
    claude = Model.resolve("claude-haiku-4-5")
    with pytest.raises(
        SourceError, match=r"'a' has a side of 9,000 pixels, and 'claude-haiku-4-5'"
    ):
        sizes(model=claude).groups([AT_AN_ADDRESS, image(9_000, 10)])
    assert [len(each.images) for each in sizes(model=claude).groups([image()] * 25)] == [25]
    long = [image()] * 24 + [image(10, 2_001)]
    assert [len(each.images) for each in sizes(model=claude).groups(long)] == [20, 5]
    assert len(sizes(model=Model.resolve("gpt-6-luna")).groups(long)) == 1


def test_a_window_that_is_full_is_told() -> None:
    """With what there is room for, which is never less than nothing."""
    tiny = replace(MINI, context_window=150, max_output_tokens=100)
    with pytest.raises(ContextOverflowError, match=r"'a' takes 8,508 tokens, .* has room for 0 "):
        sizes(model=tiny).groups([image()])


def test_a_cheaper_model_is_named_where_it_saves_much() -> None:
    """It is of the same provider, and does not shut down before."""
    photo = image(4_000, 3_000)
    told = cheaper([photo], MINI, "auto")
    assert told is not None
    assert told.startswith("gpt-4o-mini counts 1 image as 25,501 input tokens, $0.0038; gpt-5.4-n")
    assert cheaper([photo], Model.resolve("gpt-6-luna"), "auto") is None
    assert cheaper([photo], CLAUDE, "auto") is None
    assert images_usd([photo], replace(MINI, price_id=None), "auto") is None
    assert cheaper([photo], replace(MINI, price_id=None), "auto") is None
    later = replace(MINI, id="later", shutdown_date=None)
    assert "gpt-6-luna" in str(cheaper([image(512, 512)], later, "auto"))
