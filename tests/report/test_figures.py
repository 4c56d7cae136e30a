"""Figures, places and verdicts are put in words."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import get_args

import pytest

from minikit.jobs.provenance import Verdict
from minikit.models.usage import Usage
from minikit.report.figures import (
    VERDICTS,
    Figure,
    call_details,
    figures,
    offsets,
    reason,
    title,
    totals,
    verdict_counts,
)
from minikit.text.document import Document, Span
from reporting import call, example, summary_of


def figure(name: str, **changes: object) -> Figure:
    """Return a figure of the example with some fields changed."""
    summary = replace(example(), **changes)  # type: ignore[arg-type] # its fields
    return next(each for each in figures(summary) if each.name == name)


def test_every_verdict_has_a_sign_of_its_own() -> None:
    """No verdict is told by colour alone, and no two share a sign."""
    assert set(VERDICTS) == set(get_args(Verdict))
    assert len({sign.sign for sign in VERDICTS.values()}) == len(VERDICTS)


def test_verdicts_are_counted_the_strongest_first() -> None:
    """Only verdicts that occur are told."""
    counts = verdict_counts(["fabricated", "found", "found"])
    assert counts == [("found", 2), ("fabricated", 1)]


def test_the_figures_of_a_summary() -> None:
    """Model, cost, calls, tokens and words are told, with what is particular about them."""
    assert [(each.name, each.value, each.note) for each in figures(example())] == [
        ("Model", "gpt-4o-mini", ""),
        (
            "Cost",
            "$0.0011",
            "$0.0002700 of it paid before; $0.0002700 of it for calls made again",
        ),
        ("Calls", "4", "1 from the journal"),
        ("Tokens", "4,800 in, 600 out", ""),
        ("Words", "39 of 60 asked", ""),
    ]


def test_a_plain_summary_has_no_notes() -> None:
    """Where nothing is particular, nothing is added."""
    summary = summary_of(Document(text="A text."), "It.", calls=(call("single", Span(0, 7)),))
    assert [each.note for each in figures(summary)] == [""] * 5


def test_what_failed_is_told_beside_the_cost() -> None:
    """Attempts without a reply, and those of unknown cost, are not hidden."""
    told = figure("Cost", failed_cost_usd=Decimal("0.5"), unmeasured=1).note
    assert told.endswith("; $0.5000 more for attempts without a reply; 1 attempt of unknown cost")


def test_cached_and_estimated_tokens_are_told() -> None:
    """A count of our own is "about" so many."""
    usage = Usage(input_tokens=2000, cached_tokens=1024, output_tokens=10, estimated=True)
    told = figure("Tokens", usage=usage)
    assert (told.value, told.note) == ("about 2,000 in, 10 out", "1,024 in from the cache")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (Document(text="", title="A title", origin="a/file"), "A title"),
        (Document(text="", origin="a/file"), "a/file"),
        (Document(text=""), "an untitled text"),
        (None, "an untitled text"),
    ],
)
def test_the_title_is_that_of_the_document(document: Document | None, words: str) -> None:
    """Without a title the file stands for it."""
    assert title(summary_of(document, "")) == words


def test_a_place_in_figures() -> None:
    """The page is told where there is one."""
    assert offsets(1000, 2500, None) == "characters 1,000–2,500"
    assert offsets(0, 5, 3) == "page 3 · characters 0–5"


def test_a_reason_in_words() -> None:
    """Known reasons are explained, others shown, none is "unknown"."""
    assert reason("content_filter") == "refused by a content filter"
    assert reason("no_such_code") == "no such code"
    assert reason(None) == "unknown"


def test_calls_together() -> None:
    """Tokens, seconds and money add up; one unknown price makes the sum unknown."""
    one = call("map", Span(0, 1))
    assert totals([one, one]) == {
        "in": "2,400",
        "out": "300",
        "time": "2.5 s",
        "cost": "$0.0005400",
    }
    assert totals([one, replace(one, cost_usd=None)])["cost"] == "unknown"


def test_what_is_particular_about_a_call() -> None:
    """A plain call is told by its operation and model; whatever went another way is added."""
    plain = call("map", Span(0, 1))
    assert call_details(plain) == "map, gpt-4o-mini-2024-07-18"
    odd = replace(plain, finish_reason="length", attempts=3, redone=True, replayed=True)
    assert call_details(odd) == (
        "map, gpt-4o-mini-2024-07-18, ended by length, 3 attempts, made again, from the journal"
    )
