"""What can be asked of a comparison and of a test with needles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from minikit.checks import check_choice, check_number, check_whole
from minikit.errors import ArgumentError
from minikit.jobs.measuring.needles import NeedleStrategy
from minikit.jobs.measuring.probes import output_tokens
from minikit.jobs.summarizing.options import SummarizeOptions
from minikit.jobs.verb import CheckedOptions, JobOptions, options_of

if TYPE_CHECKING:
    from minikit.models.model import Model

__all__ = ["CheckedNeedleOptions", "CompareOptions", "NeedleOptions"]

LENGTHS = (8_000, 32_000, 100_000)
ROOM = 500
"""Tokens beside the text that a prompt has room for: the request, and the reply."""


class CompareOptions(SummarizeOptions, total=False):
    """Options of `compare`, `acompare` and the client's methods of these names.

    They are those of `summarize`, or with a prompt these.

    Attributes:
        system: With `prompt`: text of a system message.
        max_output_tokens: With `prompt`: limit of each reply in tokens; default: what each model
            can write, and so much a budget has to reserve.
        temperature: With `prompt`: sampling temperature, 0 to 2; default: the server's.
        seed: With `prompt`: asks for repeatable sampling.
    """

    system: str | None
    max_output_tokens: int | None
    temperature: float | None
    seed: int | None


class NeedleOptions(JobOptions, total=False):
    """Options of `needle`, `aneedle` and the client's methods of these names.

    Attributes:
        lengths: Tokens of the texts; default: those of 8,000, 32,000 and 100,000 that fit into the
            model's window.
        depths: Where in them the needles are, from 0 (before all) to 1 (after all); default: 0,
            0.25, 0.5, 0.75 and 1.
        needles: Needles for each length and depth, each in a text with one for each other depth;
            default 3. Each is a question, and each question reads the text.
        strategies: How to ask: "single" (the default: one prompt with the whole text), "ask" (the
            passages that match), "thorough" (`ask` with every chunk read) and "summarize" (a short
            summary with the question as its focus).
        seed: What the needles, and a text that is made up, are made from; default 0. The same seed
            gives the same test.
        engine: How calls travel: "local" (the default), one by one from this machine; or "batch",
            or a `Batch`, on the Batch API: half the price, and within a day for each level of the
            plan.
        budget_usd: US dollars that this job may cost, such as "0.50", beside the client's budget. A
            call that could pass it is not sent, and the error carries what the others brought.
        on_event: Called with a `Progress` after each call. From the synchronous client it runs
            in the client's own thread. An exception in it warns and is dropped.
    """

    lengths: Sequence[int]
    depths: Sequence[float]
    needles: int
    strategies: Sequence[NeedleStrategy]
    seed: int


@options_of("needle")
@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedNeedleOptions(CheckedOptions):
    """`NeedleOptions` with defaults, checked."""

    lengths: Sequence[int] | None = None
    depths: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0)
    needles: int = 3
    strategies: Sequence[NeedleStrategy] = ("single",)
    seed: int = 0

    def __post_init__(self) -> None:
        CheckedOptions.__post_init__(self)
        for name in ("lengths", "depths", "strategies"):
            _check_list(name, getattr(self, name))
        for length in self.lengths or ():
            check_whole("a length in tokens", length, 1)
        for depth in self.depths:
            check_number("a depth", depth, 0, 1)
        for strategy in self.strategies:
            check_choice("a strategy", strategy, NeedleStrategy)
        check_whole("needles", self.needles, 1)
        check_whole("seed", self.seed, -(2**63), 2**63 - 1)

    def lengths_for(self, model: Model) -> tuple[int, ...]:
        """Return the lengths, ascending: by default those that fit into one prompt of `model`."""
        if self.lengths is not None:
            return tuple(sorted(self.lengths))
        room = model.room(output_tokens(model)) - ROOM
        return tuple(length for length in LENGTHS if length <= room) or (max(1, room),)


def _check_list(name: str, values: object) -> None:
    if values is None:
        return
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise ArgumentError(f"{name} is a list with something in it, not {values!r}")
    each = cast("Sequence[object]", values)
    if any(value in each[:at] for at, value in enumerate(each)):
        raise ArgumentError(f"{name}={values!r} names one twice")
