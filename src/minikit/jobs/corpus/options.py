"""What can be asked of a verb over many documents, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, fields
from decimal import Decimal
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from minikit.calls.batching.settings import Batch
from minikit.calls.budget import read_usd
from minikit.checks import check_choice, check_flag, check_whole
from minikit.errors import ArgumentError
from minikit.jobs.summarizing.options import SummaryOptions

if TYPE_CHECKING:
    from distributed import Client as Cluster

    from minikit.jobs.corpus.report import CorpusProgress

__all__ = [
    "CheckedCorpusOptions",
    "CorpusOptions",
    "CorpusVerb",
    "OutputFormat",
    "SummarizeManyOptions",
    "folder_of",
    "parted",
]

CorpusVerb = Literal["summarize", "ask", "extract", "translate", "describe"]
OutputFormat = Literal["jsonl", "parquet"]


class CorpusOptions(TypedDict, total=False):
    """Options of `summarize_many` and `run_many`, beside those of the verb.

    Attributes:
        engine: Who does the work. "local" (the default): this client, several documents side by
            side. "batch", or a `Batch`: the same through the Batch API, at half the price and
            within a day. A `concurrent.futures.Executor`: its threads or processes. "dask", or a
            `distributed.Client`: a Dask cluster; without one that is connected, one of this
            machine.
        in_order: Whether the outcomes come in the order of the documents (the default) or, with
            False, as they come, which lets no slow document hold up others.
        partition_size: Documents that go to a worker together, about; default 32, which lets one
            worker have as many calls in flight as it may, and lose little when it is lost.
        partitions_at_once: Partitions that are given to workers and not done, at most; default:
            twice as many as there are workers, so that none waits for the next. Only with workers.
        journal: Folder in which replies are kept, made where there is none, so that a second run
            pays for nothing twice; of workers on several machines one that all of them see.
        output: Folder to which the outcomes are written, a file for each partition, each whole or
            not at all; what stands in it is not done again. Results are then in these files alone.
        output_format: "jsonl" (the default: `DocumentOutcome.to_json` a line) or "parquet".
        budget_usd: US dollars that all documents may cost together, such as "5", beside the
            client's budget. A call that could pass it is not sent, and ends the run.
        on_event: Called with a `CorpusProgress` after each document, or with workers after each
            partition. From the synchronous client it runs in the client's own thread. An exception
            in it warns and is dropped.
    """

    engine: Literal["local", "batch", "dask"] | Batch | Executor | Cluster
    in_order: bool
    partition_size: int
    partitions_at_once: int | None
    journal: str | PathLike[str] | None
    output: str | PathLike[str] | None
    output_format: OutputFormat
    budget_usd: str | int | Decimal | None
    on_event: Callable[[CorpusProgress], None] | None


class SummarizeManyOptions(SummaryOptions, CorpusOptions, total=False):
    """Options of `summarize_many`, `asummarize_many` and the client's methods of these names.

    They are those of `SummarizeOptions` for each document, and `CorpusOptions` for all of them.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedCorpusOptions:
    """`CorpusOptions` with defaults, checked."""

    engine: Any = "local"
    in_order: bool = True
    partition_size: int = 32
    partitions_at_once: int | None = None
    journal: str | PathLike[str] | None = None
    output: str | PathLike[str] | None = None
    output_format: OutputFormat = "jsonl"
    budget_usd: str | int | Decimal | None = None
    on_event: Callable[[Any], None] | None = None

    def __post_init__(self) -> None:
        if self.budget_usd is not None:
            object.__setattr__(self, "budget_usd", read_usd("budget_usd", self.budget_usd))
        check_flag("in_order", self.in_order)
        check_whole("partition_size", self.partition_size, 1, 100_000)
        if self.partitions_at_once is not None:
            check_whole("partitions_at_once", self.partitions_at_once, 1)
        check_choice("output_format", self.output_format, OutputFormat)
        if self.output is None and self.output_format != "jsonl":
            raise ArgumentError(
                f"output_format={self.output_format!r} is of files, and there are none: name their "
                f"folder with output="
            )
        for name in ("journal", "output"):
            _check_folder(name, getattr(self, name))
        if self.on_event is not None and not callable(cast("object", self.on_event)):
            raise ArgumentError(f"on_event is a function, not {type(self.on_event).__name__}")

    @property
    def limit_usd(self) -> Decimal | None:
        """The budget as an exact amount."""
        return cast("Decimal | None", self.budget_usd)  # since it was read


def parted(options: Mapping[str, Any]) -> tuple[CheckedCorpusOptions, dict[str, Any]]:
    """Part the options of the whole, which are checked, from those of the verb.

    Raises:
        ArgumentError: One of the whole cannot be used.
    """
    names = {field.name for field in fields(CheckedCorpusOptions)}
    of_all = {name: value for name, value in options.items() if name in names}
    of_each = {name: value for name, value in options.items() if name not in names}
    return CheckedCorpusOptions(**of_all), of_each


def folder_of(name: str, folder: str | PathLike[str]) -> Path:
    """Make a folder where there is none, and return its absolute path; blocks.

    Raises:
        ArgumentError: It can be none.
    """
    path = Path(folder).absolute()  # workers may stand elsewhere
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise ArgumentError(f"{name}={str(path)!r} cannot be a folder: {error}") from error
    return path


def _check_folder(name: str, folder: object) -> None:
    if folder is None:
        return
    if not isinstance(folder, str | PathLike):
        raise ArgumentError(f"{name} is the path of a folder, not {type(folder).__name__}")
