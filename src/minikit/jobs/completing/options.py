"""What can be asked of a template over rows, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict

from minikit.calls.batching.settings import Sending
from minikit.calls.request import Request, Tier
from minikit.checks import check_flag, check_text
from minikit.errors import ArgumentError
from minikit.jobs.verb import CheckedOptions, options_of

if TYPE_CHECKING:
    from minikit.jobs.completing.progress import RowsProgress
    from minikit.models.model import Model

__all__ = ["CheckedManyOptions", "ManyOptions"]


class ManyOptions(TypedDict, total=False):
    """Options of `complete_many`, `acomplete_many` and the client's methods of these names.

    Attributes:
        system: Text of a system message to put first in every call; of 1,024 tokens and more it is
            read from the prompt cache.
        max_output_tokens: Limit of each reply in tokens; a reply that reaches it has the
            `finish_reason` "length". Default: what the model can write, and so much a budget has to
            reserve for each call in flight.
        temperature: Sampling temperature, 0 to 2; default: the server's.
        seed: Asks for repeatable sampling.
        tier: Service tier to ask for, as for `complete`; "flex" is slower and half the price, for
            models that have it.
        in_order: Whether the outcomes come in the order of the rows (the default) or, with False,
            as they come, which lets no slow row hold up others.
        engine: How calls travel: "local" (the default), one by one from this machine; or "batch",
            or a `Batch`, on the Batch API: half the price, and within a day for each level of the
            plan.
        budget_usd: US dollars that this job may cost, such as "0.50", beside the client's budget. A
            call that could pass it is not sent, and ends the job. With a journal, what earlier runs
            of the job have spent counts: the same rows, template and options; of rows that can be
            read only once, the same template and options.
        on_event: Called with a `RowsProgress` after each row. From the synchronous client it runs
            in the client's own thread. An exception in it warns and is dropped.
    """

    system: str | None
    max_output_tokens: int | None
    temperature: float | None
    seed: int | None
    tier: Tier | None
    in_order: bool
    engine: Sending
    budget_usd: str | int | Decimal | None
    on_event: Callable[[RowsProgress], None] | None


@options_of("complete_many")
@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedManyOptions(CheckedOptions):
    """`ManyOptions` with defaults, checked."""

    system: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    tier: Tier | None = None
    in_order: bool = True
    on_event: Callable[[Any], None] | None = None  # of a RowsProgress, which is no Progress

    def __post_init__(self) -> None:
        CheckedOptions.__post_init__(self)
        if self.tier is not None and self.engine != "local":
            raise ArgumentError(
                f"tier={self.tier!r} and a batch are two prices: leave one of them out"
            )
        check_text("system", self.system)
        check_flag("in_order", self.in_order)

    def request(self, prompt: str, model: Model) -> Request:
        """Return what is sent for a row; the system prompt that all have in common comes first.

        Raises:
            ArgumentError: The prompt is empty, or an option cannot be used.
        """
        return Request.of(
            prompt,
            model=model,
            system=self.system,
            max_output_tokens=self.max_output_tokens,
            temperature=self.temperature,
            seed=self.seed,
            tier=self.tier,
        )
