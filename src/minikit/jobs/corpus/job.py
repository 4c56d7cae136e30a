"""A corpus and what is done to it: what the engines have in common."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from minikit.calls.pipeline import Pipeline
    from minikit.jobs.corpus.entries import Entry
    from minikit.jobs.corpus.options import CheckedCorpusOptions
    from minikit.jobs.corpus.partition import Partition
    from minikit.jobs.corpus.parts import Output, PartFile
    from minikit.jobs.corpus.report import Tally
    from minikit.jobs.corpus.work import Work

__all__ = ["CorpusJob"]

NAMED = 3
"""Files that a note names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusJob:
    """A corpus, what is done to it, and by whom it was asked for.

    Attributes:
        entries: The documents.
        work: What is done to each.
        options: How.
        output: The folder of the outcomes, which is open; or None.
        tally: What counts.
        client: An `AsyncClient`.
        pipeline: Its pipeline.
        settings: The arguments that it was made with.
    """

    entries: Iterable[Entry] | AsyncGenerator[Entry]
    work: Work
    options: CheckedCorpusOptions
    output: Output | None
    tally: Tally
    client: Any
    pipeline: Pipeline
    settings: Mapping[str, Any]

    def another_client(self, **changes: Any) -> Any:  # noqa: ANN401 - an `AsyncClient`
        """Make a client like that of the job."""
        return cast("Callable[..., Any]", type(self.client))(**{**self.settings, **changes})

    def end(self) -> None:
        """Take note, when all documents are done, of what the output holds of others."""
        left = () if self.output is None else self.output.left
        if left:
            named = ", ".join(path.name for path in left[:NAMED])
            self.tally.note(
                f"files in the output of documents that are not there any more: {len(left):,} "
                f"({named}{', ...' if len(left) > NAMED else ''}); remove them"
            )

    def part(self, partition: Partition) -> PartFile | None:
        """Return the file of a partition, where there is an output."""
        return None if self.output is None else self.output.part(partition)
