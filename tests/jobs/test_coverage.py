from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.jobs.provenance import Citation, Claim
from minikit.jobs.summarizing.coverage import Coverage, coverage
from minikit.text.document import Span
from minikit.text.passage import Passage


def claim(*spans: tuple[int, int]) -> Claim:
    """A claim that rests on `spans`."""
    passages = tuple(Passage(cited_text="", start=start, end=end) for start, end in spans)
    citation = Citation(quote="x", passages=passages, verdict="spliced", score=50.0)
    return Claim(text="So.", start=0, end=3, citations=(citation,), verdict="spliced")


@st.composite
def claims(draw: st.DrawFn) -> tuple[list[Claim], int]:
    """Claims on a source, and its length."""
    length = draw(st.integers(0, 20_000))
    offsets = st.integers(0, length)
    span = st.tuples(offsets, offsets).map(lambda ends: (min(ends), max(ends)))
    found = st.lists(st.lists(span, max_size=3).map(lambda spans: claim(*spans)), max_size=50)
    return draw(found), length


@given(claims())
def test_any_claims(drawn: tuple[list[Claim], int]) -> None:
    """Each passage is counted once, the share is one, and the gap is free of passages."""
    found, length = drawn
    spans = [span for each in found for span in each.spans]
    told = coverage(found, length)
    assert sum(told.bins) == len(spans)
    assert 1 <= len(told.bins) <= 40
    assert len(str(told)) == len(told.bins)
    assert 0 <= told.ratio <= 1
    assert bool(told.ratio) == bool(spans)
    gap = told.longest_gap
    assert gap.end <= length
    assert all(span.end <= gap.start or span.start >= gap.end for span in spans if len(span))


def test_only_the_likest_passage_counts() -> None:
    """Of passages that are merely like a claim the first is where it rests."""
    quoted = claim((1_000, 1_010), (5_000, 5_010))
    like = replace(quoted.citations[0], verdict="attributed", quote="")
    assert sum(coverage([replace(quoted, citations=(like,))], 9_000).bins) == 1


def test_no_claims() -> None:
    """A summary that rests on nothing leaves out everything."""
    assert coverage([], 9_000) == Coverage(bins=(0,), ratio=0.0, longest_gap=Span(0, 9_000))
    assert str(coverage([], 9_000)) == "▁"
    assert coverage([claim()], 0).longest_gap == Span(0, 0)


def test_the_strip_is_drawn_by_the_fullest_stretch() -> None:
    """Empty stretches are flat, the fullest is full, and one passage is always seen."""
    told = Coverage(bins=(0, 1, 7, 100, 50, 0), ratio=0.5, longest_gap=Span(0, 1))
    assert str(told) == "▁▂▂█▅▁"


@pytest.mark.parametrize("count", [1, 2, 5, 12, 40, 200])
def test_an_even_summary_reaches_every_stretch(count: int) -> None:
    """Places at equal distances give a ratio of 1, be they few or many."""
    found = [claim((n * 80_000 // count, n * 80_000 // count + 50)) for n in range(count)]
    told = coverage(found, 80_000)
    assert told.ratio == 1
    assert len(told.bins) == min(40, 2 * count)


def test_half_a_source() -> None:
    """What rests on the first half alone reaches half of the stretches, and the gap is the rest."""
    told = coverage([claim((n * 1_000, n * 1_000 + 100)) for n in range(12)], 24_000)
    assert told.ratio == 0.5
    assert told.longest_gap == Span(11_100, 24_000)
    assert str(told) == "█" * 12 + "▁" * 12


def test_a_short_source_has_few_stretches() -> None:
    """A stretch is no shorter than a few sentences."""
    assert len(coverage([claim((n, n + 1)) for n in range(30)], 900).bins) == 4


def test_passages_that_overlap_leave_no_gap_between_them() -> None:
    """A passage within another does not end it."""
    told = coverage([claim((0, 500), (100, 200)), claim((900, 1_000))], 1_000)
    assert told.longest_gap == Span(500, 900)
