"""What a run over a corpus will take: the plans of its documents, added up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from minikit.jobs.drawing import draw_levels, draw_notes
from minikit.jobs.plan import Level, VerbPlan, side_by_side
from minikit.models.money import total_usd
from minikit.text.plain import counted

if TYPE_CHECKING:
    from minikit.errors import MinikitError
    from minikit.jobs.corpus.entries import Entry

__all__ = ["CorpusPlan", "Sum"]

TOLD_AT_MOST = 10
"""Problems that a plan tells."""

NOTES_AT_MOST = 3
"""Notes of the plans of documents that the plan of all tells; they are much alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusPlan(VerbPlan):
    """The calls of a run over a corpus and what they cost, before any is made. `str` is a table.

    Levels are those of all documents together, and so is the time: documents are worked on side by
    side. What stands in an output or a journal is not taken off.

    Attributes:
        documents: Documents that there are.
        failed: Those of them that cannot be read, or not be done as it is asked for.
        problems: Why, of the first of these.
    """

    documents: int
    failed: int
    problems: tuple[str, ...]

    def __str__(self) -> str:
        told = counted(self.documents, "document")
        if self.document_tokens or not self.levels:  # images have none before they are looked at
            told += f", {self.document_tokens:,} tokens"
        if self.failed:
            told += f"; {self.failed:,} of them cannot be done"
        more = self.failed - len(self.problems)
        problems = [*self.problems, *([f"and {more:,} more such"] if more else [])]
        notes = [*draw_notes(self), *(f"note: {each}" for each in problems)]
        return "\n".join([told, "", draw_levels(self), *notes])


class Sum:
    """Adds up the plans of documents; it keeps figures, and nothing of each document.

    Attributes:
        documents: Documents so far.
        failed: Those of them without a plan.
    """

    def __init__(self, sample: VerbPlan) -> None:
        """Begin with nothing but what all plans have in common, which `sample` tells."""
        self._levels: dict[tuple[str, int], Level] = {}
        self._sum = replace(
            VerbPlan(**_fields(sample)),
            document_characters=0,
            document_tokens=0,
            levels=(),
            cost_usd_at_least=Decimal(0),
            cost_usd_at_most=Decimal(0),
            notes=(),
        )
        self._problems: list[str] = []
        self.documents = self.failed = 0

    def add(self, plan: VerbPlan) -> None:
        """Count a document."""
        self.documents += 1
        known, seen = self._sum, Counter[str]()
        for level in plan.levels:
            key = (level.operation, seen[level.operation])
            seen[level.operation] += 1
            before = self._levels.get(key)
            self._levels[key] = level if before is None else side_by_side(before, level)
        self._sum = replace(
            known,
            document_characters=known.document_characters + plan.document_characters,
            document_tokens=known.document_tokens + plan.document_tokens,
            cost_usd_at_least=total_usd((known.cost_usd_at_least, plan.cost_usd_at_least)),
            cost_usd_at_most=total_usd((known.cost_usd_at_most, plan.cost_usd_at_most)),
            notes=tuple(dict.fromkeys((*known.notes, *plan.notes)))[:NOTES_AT_MOST],
        )

    def miss(self, entry: Entry, error: MinikitError) -> None:
        """Count a document that cannot be done."""
        self.documents += 1
        self.failed += 1
        if len(self._problems) < TOLD_AT_MOST:
            self._problems.append(f"{entry.name or f'document {entry.index}'}: {error}")

    def plan(self) -> CorpusPlan:
        """Return the plan of all."""
        known = replace(self._sum, levels=tuple(self._levels.values()))
        return CorpusPlan(
            **_fields(known),
            documents=self.documents,
            failed=self.failed,
            problems=tuple(self._problems),
        )


def _fields(plan: VerbPlan) -> dict[str, Any]:
    return {each.name: getattr(plan, each.name) for each in fields(VerbPlan)}
