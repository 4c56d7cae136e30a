"""What a check of a training file brings: problems with their lines, tokens, epochs, the price."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from minikit.jobs.serialize import Serializable
from minikit.text.plain import counted, money

__all__ = ["TrainingCheck", "TrainingProblem", "default_epochs"]

_TOLD = 50
"""Problems that the text of a check names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingProblem:
    """Something about a training file that is wrong, or may be.

    Attributes:
        line: Number of its line, from 1; None where it is about the whole file.
        message: What it is, and what would be right.
        fatal: Whether the server refuses the file for it.
    """

    line: int | None
    message: str
    fatal: bool

    def __str__(self) -> str:
        where = "" if self.line is None else f"line {self.line:,}: "
        return f"{'error' if self.fatal else 'warning'}: {where}{self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingCheck(Serializable):
    """What a training file holds, what is wrong with it, and what training from it costs.

    Attributes:
        file: The file.
        model: Id of the model that is trained.
        examples: Lines that can be used.
        problems: What was found, in the order of lines; the first 1,000.
        errors: How many problems the server refuses the file for.
        warnings: How many other problems there are.
        tokens: Of all examples, each as far as the server reads it; an estimate.
        longest_tokens: Of the longest example, all of it.
        max_example_tokens: So many of each example are read, the rest is cut off; None: unknown.
        cut_examples: Examples that are longer.
        epochs: How often each example is read.
        epochs_by_default: Whether `epochs` is what the server would choose.
        training_tokens: What is paid for: `tokens` times `epochs`.
        price_usd_per_mtok: US dollars for a million of them, or None where it is unknown.
        cost_usd: US dollars of the training, or None where the price is unknown.
        notes: What else there is to know, such as where the price is from.
    """

    file: str
    model: str
    examples: int
    problems: tuple[TrainingProblem, ...]
    errors: int
    warnings: int
    tokens: int
    longest_tokens: int
    max_example_tokens: int | None
    cut_examples: int
    epochs: int
    epochs_by_default: bool
    training_tokens: int
    price_usd_per_mtok: Decimal | None
    cost_usd: Decimal | None
    notes: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Whether the server should take the file: it has no errors."""
        return not self.errors

    def __str__(self) -> str:
        rows = {
            "examples": f"{self.examples:,}",
            "tokens": f"{self.tokens:,}; {self.longest_tokens:,} in the longest example",
            "epochs": f"{self.epochs}{' (by default)' * self.epochs_by_default}",
            "training": f"{self.training_tokens:,} tokens for {self.model}",
            "cost": money(self.cost_usd),
            "found": f"{counted(self.errors, 'error')}, {counted(self.warnings, 'warning')}",
        }
        lines = [f"{name:<8}  {value}" for name, value in rows.items()]
        told = self.problems[:_TOLD]
        more = self.errors + self.warnings - len(told)
        untold = [f"... and {more:,} more"] if more else []
        return "\n".join([*lines, *map(str, told), *untold])


def default_epochs(examples: int) -> int:
    """Return how often a server reads so many examples where it is not told.

    The rule is that of the cookbook, "Data preparation and analysis for chat model fine-tuning",
    read 2026-11-22: three times, but so often that 100 to 25,000 examples are read, 1 to 25 times.
    """
    if examples * 3 < 100:
        return min(25, 100 // max(examples, 1))
    if examples * 3 > 25_000:
        return max(1, 25_000 // examples)
    return 3
