"""What came of a document."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, TypeVar

from minikit.errors import BudgetExceededError, CallError, JobError, MinikitError
from minikit.jobs.result import Result
from minikit.models.money import total_usd
from minikit.models.usage import Usage
from minikit.text.fields import json_of

__all__ = ["DocumentOutcome", "Figures"]

R = TypeVar("R")

_TOLD_ELSEWHERE = frozenset({"document", "text", "usage", "cost_usd"})
"""What an outcome has beside its result, and the source, which is in its own file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the replies to one document took, and what they left open; `+` adds.

    Attributes:
        calls: Calls that brought a reply.
        usage: Their tokens.
        cost_usd: US dollars of them, or None when the price of one is unknown.
        replayed_cost_usd: US dollars of those from the journal, paid for before; part of that.
        gaps: Stretches of the document that the result does not stand for.
    """

    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_usd: Decimal | None = Decimal(0)
    replayed_cost_usd: Decimal | None = Decimal(0)
    gaps: int = 0

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            calls=self.calls + other.calls,
            usage=self.usage + other.usage,
            cost_usd=total_usd((self.cost_usd, other.cost_usd)),
            replayed_cost_usd=total_usd((self.replayed_cost_usd, other.replayed_cost_usd)),
            gaps=self.gaps + other.gaps,
        )

    @classmethod
    def of(cls, done: Result | MinikitError) -> Figures:
        """Return what the replies took that a result or an error tells of."""
        if isinstance(done, CallError):
            reply = done.completion
            if reply is None:
                return cls()
            return cls(calls=1, usage=reply.usage, cost_usd=reply.cost_usd)
        if not isinstance(done, Result | JobError | BudgetExceededError):
            return cls()
        return cls(
            calls=len(done.calls),
            usage=sum((call.usage for call in done.calls), Usage()),
            cost_usd=total_usd(call.cost_usd for call in done.calls),
            replayed_cost_usd=total_usd(call.cost_usd for call in done.calls if call.replayed),
            gaps=len(getattr(done, "gaps", ())),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentOutcome(Generic[R]):
    """What came of a document: a result, or an error.

    Attributes:
        index: Number of the document, from 0.
        name: Its path or title, or None for a text that has none.
        result: What the verb brings, such as a `Summary`; None where there is an error, and where
            the result was written to `path`.
        error: Why there is no result, or None.
        path: The file that the outcome was written to, with `output=`.
        figures: What the replies took.
        kept: Whether the outcome stood in the output before, and nothing was done for it.
        digest: Tells the document and what was asked of it from every other; None for a document
            that could not be read.
    """

    index: int
    name: str | None
    result: R | None = None
    error: MinikitError | None = None
    path: Path | None = None
    figures: Figures = field(default_factory=Figures)
    kept: bool = False
    digest: str | None = None

    @property
    def text(self) -> str | None:
        """What the model wrote, such as the summary; None where the result holds none."""
        return getattr(self.result, "text", None)

    @property
    def cost_usd(self) -> Decimal | None:
        """US dollars of the replies, or None when the price of one is unknown."""
        return self.figures.cost_usd

    @property
    def problem(self) -> str | None:
        """The error in words, with its class; None where there is none."""
        return None if self.error is None else f"{type(self.error).__name__}: {self.error}"

    def to_json(self) -> str:
        """Return a line of JSON: index, name, digest, text, result, figures and error.

        The result is as its own `to_json` has it, but for its text and for its source.
        """
        return json_of(self.row())

    def row(self) -> dict[str, Any]:
        """Return what `to_json` writes."""
        figures = self.figures
        return {
            "index": self.index,
            "name": self.name,
            "digest": self.digest,
            "text": self.text,
            "result": _plain(self.result),
            "calls": figures.calls,
            "input_tokens": figures.usage.input_tokens,
            "output_tokens": figures.usage.output_tokens,
            "cost_usd": None if figures.cost_usd is None else f"{figures.cost_usd:f}",
            "gaps": figures.gaps,
            "error": self.problem,
        }


def _plain(result: object) -> Any:  # noqa: ANN401 - any JSON
    import json

    if not isinstance(result, Result):
        return None
    plain = json.loads(result.to_json())
    return {name: value for name, value in plain.items() if name not in _TOLD_ELSEWHERE}
