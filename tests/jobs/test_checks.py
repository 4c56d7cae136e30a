from __future__ import annotations

import pytest

from minikit.jobs.provenance import Citation, Claim
from minikit.jobs.result import SummaryWarning
from minikit.jobs.summarizing.checks import check_coverage, check_terms
from minikit.text.passage import Passage


def _claims(*starts: int) -> list[Claim]:
    """Claims that rest on a passage of 100 characters each."""
    found = []
    for start in starts:
        passage = Passage(cited_text="", start=start, end=start + 100)
        citation = Citation(quote="", passages=(passage,), verdict="found", score=100.0)
        found.append(Claim(text="", start=0, end=0, citations=(citation,), verdict="found"))
    return found


def test_terms_that_are_not_in_the_source() -> None:
    """Each number, date and name is warned of by itself, with its place in the summary."""
    text = "Sales rose to 1,204 on 12 March 2024, said Bob Miller in the hall."
    source = "Sales rose, said Ann in the hall."
    assert check_terms(text, source) == (
        SummaryWarning(
            kind="number",
            message='the number "1,204" does not stand in the source',
            start=14,
            end=19,
        ),
        SummaryWarning(
            kind="date",
            message='the date "12 March 2024" does not stand in the source',
            start=23,
            end=36,
        ),
        SummaryWarning(
            kind="name",
            message='the name "Bob Miller" does not stand in the source',
            start=43,
            end=53,
        ),
    )
    assert check_terms(source, source) == ()


@pytest.mark.parametrize(
    ("starts", "message"),
    [
        (
            range(5_000, 9_900, 400),
            "the beginning of the source: 50% of it, characters 0 to 5,000 of 10,000",
        ),
        (
            [*range(0, 2_500, 400), *range(7_000, 9_900, 400)],
            "the middle of the source: 45% of it, characters 2,500 to 7,000 of 10,000",
        ),
        (
            range(0, 5_000, 400),
            "the end of the source: 51% of it, characters 4,900 to 10,000 of 10,000",
        ),
    ],
)
def test_a_stretch_that_is_left_out(starts: range | list[int], message: str) -> None:
    """It is told whether the beginning, the middle or the end is missing, and how much."""
    (warning,) = check_coverage(_claims(*starts), 10_000)
    assert warning.kind == "coverage"
    assert str(warning) == f"nothing in the summary rests on {message}"
    assert (warning.start, warning.end) == (None, None)


@pytest.mark.parametrize(
    "starts",
    [
        range(0, 10_000, 1_000),
        [0, 100, 200, 300, 400],
        [0, 1_500, 3_000, 4_500, 8_700, 9_500],
        [*range(0, 4_000, 200), *range(7_000, 10_000, 200)],
        [],
    ],
)
def test_no_warning_where_chance_would_do(starts: range | list[int]) -> None:
    """Few claims, or a gap no longer than a third or than chance leaves, are no matter."""
    assert check_coverage(_claims(*starts), 10_000) == ()
