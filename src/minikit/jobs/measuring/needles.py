"""What a test with needles found: for each strategy, length and depth how many came back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from minikit.errors import CallError, JobError, MinikitError
from minikit.jobs.result import Result
from minikit.report.heat import depth_name
from minikit.text.plain import counted

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["NeedleCell", "NeedleProbe", "NeedleReport", "NeedleStrategy", "cells_of", "given_up"]

NeedleStrategy = Literal["single", "ask", "thorough", "summarize"]

_Z = 1.959964
"""Of the normal distribution: 95 % lie within so many standard deviations of the mean."""

_SHADES = "·░▒▓█"


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedleProbe:
    """One question about one needle.

    Attributes:
        position: Where the needle was: the share of the text's tokens that stood before it.
        fact: What had been planted.
        question: What was asked.
        answer: What the reply had to hold.
        reply: What came back; None where the call failed.
        found: Whether the reply holds the answer.
        error: Why the call failed, or None.
    """

    position: float
    fact: str
    question: str
    answer: str
    reply: str | None
    found: bool
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedleCell:
    """The questions of one strategy about one depth of texts of one length.

    Attributes:
        strategy: How the questions were asked.
        length: Tokens of the texts.
        depth: Where in them the needles were, from 0 (before all) to 1 (after all).
        found: Questions whose answer came back.
        asked: Questions that were answered at all.
        failed: Questions whose call failed; they count neither way.
        probes: The questions.
    """

    strategy: NeedleStrategy
    length: int
    depth: float
    found: int
    asked: int
    failed: int
    probes: tuple[NeedleProbe, ...]

    @property
    def rate(self) -> float | None:
        """The share that was found, from 0 to 1; None where nothing was answered."""
        return self.found / self.asked if self.asked else None


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedleReport(Result):
    """How many needles came back, by strategy, length and depth. `str(report)` is a heat map.

    Attributes:
        title: What the text is called; None where it was made up.
        strategies: How the questions were asked.
        lengths: Tokens of the texts, ascending.
        depths: Where the needles were, from 0 (before all) to 1 (after all), ascending.
        seed: What the needles, and a text that was made up, were made from.
        cells: One for each strategy, length and depth, in this order.
    """

    title: str | None
    strategies: tuple[NeedleStrategy, ...]
    lengths: tuple[int, ...]
    depths: tuple[float, ...]
    seed: int
    cells: tuple[NeedleCell, ...]

    def cell(self, strategy: str, length: int, depth: float) -> NeedleCell:
        """Return the cell of a strategy, a length and a depth.

        Raises:
            LookupError: There is none.
        """
        for each in self.cells:
            if (each.strategy, each.length, each.depth) == (strategy, length, depth):
                return each
        raise LookupError(f"no cell for {strategy!r}, {length!r} tokens and depth {depth!r}")

    @property
    def found(self) -> int:
        """Questions whose answer came back."""
        return sum(cell.found for cell in self.cells)

    @property
    def asked(self) -> int:
        """Questions that were answered at all."""
        return sum(cell.asked for cell in self.cells)

    @property
    def failed(self) -> int:
        """Questions whose call failed; they count neither way."""
        return sum(cell.failed for cell in self.cells)

    def interval(self, strategy: str | None = None) -> tuple[float, float]:
        """Return the bounds of the share that is found, with a confidence of 95 %.

        They are Wilson's, which hold for few questions, too, and for shares near 0 and 1 (Wilson,
        Probable Inference, the Law of Succession, and Statistical Inference, JASA 1927).

        Args:
            strategy: Of this one alone; None is for all of them together.
        """
        return _wilson(*self.counts(strategy))

    def counts(self, strategy: str | None = None) -> tuple[int, int]:
        """Return how many were found, and how many asked, by one strategy or by all."""
        cells = [each for each in self.cells if strategy in (None, each.strategy)]
        return sum(each.found for each in cells), sum(each.asked for each in cells)

    def to_svg(self, path: str | PathLike[str]) -> None:
        """Write the heat map as a picture, which needs no network and runs nothing.

        Args:
            path: The file; one that is there is replaced.

        Raises:
            OSError: The file cannot be written.
        """
        from pathlib import Path

        from minikit.report.heat import heat_map

        Path(path).write_text(heat_map(self), "utf-8", newline="")

    def to_html(self, path: str | PathLike[str]) -> None:
        """Write the heat map, and what did not come back, as one HTML file without a script.

        Args:
            path: The file; one that is there is replaced.

        Raises:
            OSError: The file cannot be written.
        """
        from pathlib import Path

        from minikit.report.needles import render_needles

        Path(path).write_text(render_needles(self), "utf-8", newline="")

    def _repr_html_(self) -> str:
        from minikit.report.heat import heat_map

        return heat_map(self)

    def __str__(self) -> str:
        lines = [f"{self.model}: {_told(*self.counts())}"]
        if self.failed:
            lines.append(f"{counted(self.failed, 'question')} failed and count neither way")
        for strategy in self.strategies:
            lines += ["", f"{strategy}: {_told(*self.counts(strategy))}", *self._map(strategy)]
        return "\n".join(lines)

    def _map(self, strategy: NeedleStrategy) -> list[str]:
        """Draw the cells of a strategy: a row a depth, a column a length."""
        names = [depth_name(depth) for depth in self.depths]
        wide = max(map(len, [*names, "depth"]))
        rows = [["depth", *(f"{length:,}" for length in self.lengths)]]
        for name, depth in zip(names, self.depths, strict=True):
            cells = (self.cell(strategy, length, depth) for length in self.lengths)
            rows.append([name, *map(_drawn, cells)])
        widths = [wide, *(max(map(len, column)) for column in list(zip(*rows, strict=True))[1:])]
        return [
            "  ".join(
                cell.rjust(width) if at else cell.ljust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]


def cells_of(
    probes: Iterable[tuple[NeedleStrategy, int, float, NeedleProbe | None]],
) -> tuple[NeedleCell, ...]:
    """Put questions into cells, one for each strategy, length and depth; None was not asked."""
    cells: dict[tuple[NeedleStrategy, int, float], list[NeedleProbe]] = {}
    for strategy, length, depth, probe in probes:
        inside = cells.setdefault((strategy, length, depth), [])
        if probe is not None:
            inside.append(probe)
    return tuple(
        NeedleCell(
            strategy=strategy,
            length=length,
            depth=depth,
            found=sum(probe.found for probe in inside),
            asked=sum(probe.error is None for probe in inside),
            failed=sum(probe.error is not None for probe in inside),
            probes=tuple(inside),
        )
        for (strategy, length, depth), inside in cells.items()
    )


def given_up(
    report: NeedleReport, stopped: MinikitError, errors: Sequence[MinikitError], questions: int
) -> JobError:
    """Return the error of a test that had to stop before all of its questions were asked."""
    return JobError(
        f"{report.asked} of {questions} questions were answered, and are kept in .result, then the "
        f"job had to stop: {stopped}",
        result=report,
        errors=tuple(error for error in errors if isinstance(error, CallError)),
        calls=report.calls,
        usage=report.usage,
        cost_usd=report.cost_usd,
        failed_cost_usd=report.failed_cost_usd,
        unmeasured=report.unmeasured,
    )


def _drawn(cell: NeedleCell) -> str:
    rate = cell.rate
    if rate is None:
        return "-"
    shade = _SHADES[math.ceil(rate * (len(_SHADES) - 1))]
    return f"{cell.found}/{cell.asked} {shade * 2}"


def _told(found: int, asked: int) -> str:
    if not asked:
        return "nothing was answered"
    low, high = _wilson(found, asked)
    share = f"{found / asked:.0%}"
    return f"{found} of {asked} found, {share} (95% interval: {low:.0%} to {high:.0%})"


def _wilson(found: int, asked: int) -> tuple[float, float]:
    if not asked:
        return 0.0, 1.0
    share, spread = found / asked, _Z * _Z / asked
    middle = share + spread / 2
    reach = _Z * math.sqrt(share * (1 - share) / asked + spread / (4 * asked))
    return max(0.0, (middle - reach) / (1 + spread)), min(1.0, (middle + reach) / (1 + spread))
