"""The parts of sources: together they are all that stands there, and none is too large."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit import CallError, Document, Gap, Model, Span, count_tokens
from minikit.jobs.parts import SMALLEST_HALF_TOKENS, Gaps, SourcePart, cut, halves
from strategies import proses, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL = Model.resolve("gpt-4o-mini")


def inked(document: Document, spans: Sequence[Span]) -> str:
    """The characters of some stretches that are no white space."""
    return "".join("".join(document[span] for span in spans).split())


@settings(max_examples=20)
@given(written=st.lists(texts(10), max_size=3), most=st.integers(8, 60))
def test_parts_cover_the_documents(written: list[str], most: int) -> None:
    """Parts come in order, lie in one document each, and leave out nothing but white space."""
    documents = [Document(text=text) for text in written]
    parts = cut(documents, most, MODEL)
    assert list(parts) == sorted(parts, key=lambda part: (part.document_index, part.span))
    for number, document in enumerate(documents):
        own = [part for part in parts if part.document_index == number]
        assert all(part.document is document for part in own)
        assert inked(document, [part.span for part in own]) == "".join(document.text.split())
    assert all(part.text.strip() for part in parts)
    assert not any(part.is_half for part in parts)


@settings(max_examples=20)
@given(text=proses(40), most=st.integers(8, 60))
def test_no_part_is_too_large(text: str, most: int) -> None:
    """A part of prose holds the tokens that are asked for, and no more."""
    for part in cut([Document(text=text)], most, MODEL):
        assert count_tokens(part.text, model=MODEL) <= most


@settings(max_examples=30)
@given(text=texts(60))
def test_halves_are_the_whole(text: str) -> None:
    """Halves follow on each other and are the whole; what is small stays as it is."""
    document = Document(text=text)
    part = SourcePart(
        document=document, document_index=2, span=Span(0, len(text)), headings=("One",)
    )
    cut_up = part.halves(MODEL)
    assert "".join(half.text for half in cut_up) == text
    assert [half.span.end for half in cut_up[:-1]] == [half.span.start for half in cut_up[1:]]
    assert {(half.document_index, half.headings, half.is_half) for half in cut_up} == {
        (2, ("One",), True)
    }
    if count_tokens(text, model=MODEL) <= SMALLEST_HALF_TOKENS:
        assert len(cut_up) == 1


def test_half_of_a_stretch_lies_where_it_stands() -> None:
    """The halves of a stretch in the middle are told by their places in the document."""
    document = Document(text="Not this. " * 10 + "The heron flew over the mill. " * 20)
    span = Span(100, len(document.text))
    first, second = halves(document, span, MODEL, MODEL.context_window)
    assert (first.start, second.end) == (span.start, span.end)
    assert first.end == second.start


def test_a_part_tells_its_place() -> None:
    """A call is told by what it reads; one of a half is a call that is made again."""
    document = Document(text="The heron flew. " * 40)
    (part,) = cut([Document(text=" "), document], 1_000, MODEL)
    place = part.place()
    assert (place.operation, place.level, place.span) == ("map", 0, part.span)
    assert (place.redone, place.document_index) == (False, 1)
    half = part.halves(MODEL)[0].place("answer")
    assert (half.operation, half.redone, half.document_index) == ("answer", True, 1)


@pytest.mark.parametrize(("code", "reason"), [("refusal", "refusal"), (None, "unknown")])
def test_gaps_are_kept_or_raised(code: str | None, reason: str) -> None:
    """A gap is noted with its reason, and ends the job where none is wanted."""
    part = SourcePart(document=Document(text="A heron."), document_index=1, span=Span(0, 8))
    failure = CallError("it was refused", code=code)
    told = Gap(span=Span(0, 8), reason=reason, document_index=1)
    gaps = Gaps(raises=False)
    gaps(part, failure)
    assert gaps.found == [told]
    strict = Gaps(raises=True)
    with pytest.raises(CallError, match="it was refused"):
        strict(part, failure)
    assert strict.found == [told]
