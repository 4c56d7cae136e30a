"""What a comparison is: what each model replied, what that took, and how the replies differ."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from minikit.errors import CallError, MinikitError
from minikit.jobs.measuring.several import bill_of_error
from minikit.jobs.result import Result, SummaryWarning
from minikit.text.differences import Difference, differences
from minikit.text.plain import money, table
from minikit.text.words import count_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from minikit.jobs.engine import Bill, Engine
    from minikit.jobs.measuring.contenders import Task
    from minikit.models.model import Model

__all__ = ["Comparison", "Likeness", "ModelReply", "compared", "failed_reply", "none_replied"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReply(Result):
    """What one of several models replied, or why it did not. `str(reply)` is the text.

    Attributes:
        provider: Who runs the model, such as "openai".
        text: The reply, or None where there is none.
        error: Why there is none, or None.
        error_type: Name of the error's class, such as "MissingKeyError", or None.
        finish_reason: Why the reply ended, such as "stop" or "length" (cut off), or None.
        warnings: Numbers, dates and names in the reply that do not stand in the source, and what
            else is to be looked at; always () where there is no source.
        only: What this reply says and none of the others.
    """

    provider: str
    text: str | None = None
    error: str | None = None
    error_type: str | None = None
    finish_reason: str | None = None
    warnings: tuple[SummaryWarning, ...] = ()
    only: tuple[Difference, ...] = ()

    def __str__(self) -> str:
        return self.text or ""

    @property
    def words(self) -> int:
        """Words of the text."""
        return count_words(self.text or "")

    @property
    def latency_s(self) -> float | None:
        """Seconds that the model took for its calls, added up, without waiting in line.

        None where there is no reply, or where one comes from the journal.
        """
        if self.text is None or any(call.replayed for call in self.calls):
            return None
        return sum(call.latency_s for call in self.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How much two replies have in common, told by their words.

    Attributes:
        first: Id of a model.
        second: Id of another one.
        share: How much of both replies the other one says, too, from 0 to 1.
    """

    first: str
    second: str
    share: float

    @property
    def percent(self) -> int:
        """The share in whole percent, rounded down: 100 is for all."""
        return int(100 * self.share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Result):
    """The replies of several models to the same. `str(comparison)` is a table.

    The bill is that of all models together.

    Attributes:
        model: The ids of the models, joined by commas.
        prompt: What was asked; None where it was a summary.
        title: What the source is called, or None.
        replies: One for each model, in the order in which they were named.
        likenesses: How much each two of the replies have in common.
    """

    prompt: str | None
    title: str | None
    replies: tuple[ModelReply, ...]
    likenesses: tuple[Likeness, ...]

    @property
    def cheapest(self) -> ModelReply | None:
        """The reply that cost least; None where no reply has a known cost.

        The offline model, which costs nothing, counts only where no other replied.
        """
        known = self._of_providers()
        return min(
            (each for each in known if each.cost_usd is not None), key=_cost_usd, default=None
        )

    @property
    def fastest(self) -> ModelReply | None:
        """The reply that took the model least time; None where no time is known.

        The offline model counts only where no other replied.
        """
        known = (each for each in self._of_providers() if each.latency_s is not None)
        return min(known, key=_latency_s, default=None)

    def badges(self, reply: ModelReply) -> tuple[str, ...]:
        """Return what `reply` is among several: "cheapest", "fastest", both or none."""
        if sum(each.text is not None for each in self.replies) < 2:
            return ()
        best = (("cheapest", self.cheapest), ("fastest", self.fastest))
        return tuple(name for name, each in best if each is reply)

    def _of_providers(self) -> list[ModelReply]:
        replied = [each for each in self.replies if each.text is not None]
        return [each for each in replied if each.provider != "offline"] or replied

    def to_html(self, path: str | PathLike[str]) -> None:
        """Write the replies side by side as one HTML file that needs no network.

        What one reply alone says is marked in it. The page has no script.

        Args:
            path: The file; one that is there is replaced.

        Raises:
            OSError: The file cannot be written.
        """
        from pathlib import Path

        from minikit.report.compared import render_comparison

        Path(path).write_text(render_comparison(self), "utf-8", newline="")

    def __str__(self) -> str:
        head = ["model", "seconds", "tokens in", "tokens out", "cost", "words", "ended", ""]
        lines = [table(head, [self._row(each) for each in self.replies])]
        for reply in self.replies:
            if reply.error is not None:
                lines += ["", f"{reply.model}: {reply.error}"]
        if self.likenesses:
            lines.append("")
        lines += [
            f"{each.percent}% of what {each.first} and {each.second} say is in both replies"
            for each in self.likenesses
        ]
        return "\n".join(lines)

    def _row(self, reply: ModelReply) -> list[str]:
        if reply.text is None:
            return [reply.model, "", "", "", "", "", reply.error_type or "", ""]
        about = "about " if reply.usage.estimated else ""
        return [
            reply.model,
            "unknown" if reply.latency_s is None else f"{reply.latency_s:.2f}",
            f"{about}{reply.usage.input_tokens:,}",
            f"{about}{reply.usage.output_tokens:,}",
            money(reply.cost_usd, "unknown"),
            f"{reply.words:,}",
            reply.finish_reason or "",
            ", ".join(self.badges(reply)),
        ]


def failed_reply(model: Model, error: MinikitError) -> ModelReply:
    """Return what stands in the place of the reply of a model that gave none."""
    return ModelReply(
        **bill_of_error(model.id, error),
        provider=model.provider,
        error=str(error),
        error_type=type(error).__name__,
    )


def none_replied(
    engine: Engine, errors: Sequence[MinikitError], replies: Sequence[ModelReply]
) -> MinikitError:
    """Return the error that it is where no model replied: that of them all, where it is one."""
    if len({type(error) for error in errors}) == 1:
        return errors[0]
    told = "; ".join(f"{reply.model}: {reply.error}" for reply in replies)
    calls = tuple(error for error in errors if isinstance(error, CallError))
    return engine.failed(f"none of the models replied: {told}", errors=calls)


def compared(task: Task, bill: Bill, replies: Sequence[ModelReply]) -> Comparison:
    """Hold the replies to a task against each other. CPU-bound, linear in each reply."""
    texts = {each.model: each.text for each in replies if each.text is not None}
    found = differences(list(texts.values()))
    only = dict(zip(texts, found.only, strict=True))
    ids = list(texts)
    return Comparison(
        **bill,
        prompt=task.prompt,
        title=task.document.title if task.document else None,
        replies=tuple(replace(each, only=only.get(each.model, ())) for each in replies),
        likenesses=tuple(
            Likeness(first=ids[one], second=ids[other], share=share)
            for (one, other), share in found.alike.items()
        ),
    )


def _cost_usd(reply: ModelReply) -> Decimal:
    return reply.cost_usd or Decimal(0)


def _latency_s(reply: ModelReply) -> float:
    return reply.latency_s or 0.0
