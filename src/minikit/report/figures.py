"""Figures, places and verdicts in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minikit.text.plain import counted, money

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from minikit.jobs.provenance import Verdict
    from minikit.jobs.result import CallRecord
    from minikit.jobs.summarizing.summary import Summary

__all__ = [
    "REASONS",
    "VERDICTS",
    "Figure",
    "Sign",
    "call_details",
    "figures",
    "offsets",
    "reason",
    "title",
    "totals",
    "verdict_counts",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """How a verdict is shown: by a sign, a word and a sentence, never by colour alone.

    Attributes:
        sign: One character.
        meaning: What the verdict, whose name is the word, says of a claim.
    """

    sign: str
    meaning: str


VERDICTS: Mapping[Verdict, Sign] = {
    "found": Sign(sign="✓", meaning="The quote stands in the source, word for word."),
    "fuzzy": Sign(sign="≈", meaning="The quote stands in the source, nearly word for word."),
    "misattributed": Sign(
        sign="⇄", meaning="The quote stands in the source, in another part than it was taken from."
    ),
    "attributed": Sign(
        sign="∼",
        meaning="There is no quote; of all passages, these are the most like the sentence.",
    ),
    "spliced": Sign(sign="⋯", meaning="The quote joins words that stand apart in the source."),
    "unsupported": Sign(sign="?", meaning="Nothing in the source was found to rest on."),
    "fabricated": Sign(sign="✕", meaning="The quote stands nowhere in the source."),
}
"""The verdicts, the strongest first, but "attributed", which follows those that need no look."""

REASONS: Mapping[str, str] = {
    "content_filter": "refused by a content filter",
    "refusal": "refused by the model",
    "length": "the reply was cut off",
    "empty": "the reply was empty",
}
"""Why a stretch could not be read, in words; another reason is shown as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure of a summary.

    Attributes:
        name: What it is.
        value: The figure in words.
        note: More about it, or "".
    """

    name: str
    value: str
    note: str = ""


def figures(summary: Summary) -> list[Figure]:
    """Return what a summary took and what came of it."""
    usage = summary.usage
    about = "about " if usage.estimated else ""
    return [
        Figure(name="Model", value=summary.model),
        Figure(name="Cost", value=money(summary.cost_usd, "unknown"), note=_cost_note(summary)),
        Figure(name="Calls", value=f"{len(summary.calls):,}", note=_calls_note(summary)),
        Figure(
            name="Tokens",
            value=f"{about}{usage.input_tokens:,} in, {usage.output_tokens:,} out",
            note=f"{usage.cached_tokens:,} in from the cache" if usage.cached_tokens else "",
        ),
        Figure(name="Words", value=f"{summary.words:,} of {summary.words_asked:,} asked"),
    ]


def title(summary: Summary) -> str:
    """Return what the summary is of; "an untitled text" where that is not known."""
    document = summary.document
    return (document and (document.title or document.origin)) or "an untitled text"


def reason(given: str | None) -> str:
    """Return why a stretch could not be read, in words."""
    return REASONS.get(given or "", (given or "unknown").replace("_", " "))


def offsets(start: int, end: int, page: int | None) -> str:
    """Return a place in figures."""
    where = f"characters {start:,}–{end:,}"
    return where if page is None else f"page {page:,} · {where}"


def verdict_counts(verdicts: Iterable[Verdict]) -> list[tuple[Verdict, int]]:
    """Return how many there are of each verdict, the strongest first; none of what is not there."""
    found = Counter(verdicts)
    return [(verdict, found[verdict]) for verdict in VERDICTS if found[verdict]]


def totals(calls: Sequence[CallRecord]) -> dict[str, str]:
    """Return the tokens, the seconds and the money of some calls together."""
    from minikit.models.money import total_usd

    return {
        "in": f"{sum(call.usage.input_tokens for call in calls):,}",
        "out": f"{sum(call.usage.output_tokens for call in calls):,}",
        "time": f"{sum(call.latency_s for call in calls):,.1f} s",
        "cost": money(total_usd(call.cost_usd for call in calls), "unknown"),
    }


def call_details(call: CallRecord) -> str:
    """Return what sets a call apart from others, in words."""
    told = [call.operation, call.model]
    if call.finish_reason != "stop":
        told.append(f"ended by {call.finish_reason}")
    if call.attempts > 1:
        told.append(counted(call.attempts, "attempt"))
    if call.redone:
        told.append("made again")
    if call.replayed:
        told.append("from the journal")
    return ", ".join(told)


def _cost_note(summary: Summary) -> str:
    notes: list[str] = []
    if summary.replayed_cost_usd:
        notes.append(f"{money(summary.replayed_cost_usd, 'unknown')} of it paid before")
    if summary.redone_cost_usd:
        notes.append(f"{money(summary.redone_cost_usd, 'unknown')} of it for calls made again")
    if summary.failed_cost_usd:
        notes.append(
            f"{money(summary.failed_cost_usd, 'unknown')} more for attempts without a reply"
        )
    if summary.unmeasured:
        notes.append(f"{counted(summary.unmeasured, 'attempt')} of unknown cost")
    return "; ".join(notes)


def _calls_note(summary: Summary) -> str:
    replayed = sum(call.replayed for call in summary.calls)
    return f"{replayed:,} from the journal" if replayed else ""
