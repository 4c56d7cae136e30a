"""Check a file of examples before a model is trained from it: its form, its tokens, its price."""

from __future__ import annotations

import os
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from minikit.checks import check_whole
from minikit.errors import ArgumentError, SourceError
from minikit.jobs.training.examples import example_tokens, findings
from minikit.jobs.training.lines import UnusableLineError, lines_of, parsed
from minikit.jobs.training.training import TrainingCheck, TrainingProblem, default_epochs
from minikit.models import table
from minikit.models.model import DEFAULT_MODEL, Model
from minikit.text.decoding import has_utf_mark
from minikit.text.plain import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_training_file"]

_LEAST_EXAMPLES = 10
"""OpenAI, Supervised fine-tuning, read 2026-11-22."""

_MOST_EPOCHS = 50
"""OpenAI, API reference, create a fine-tuning job, `n_epochs`, read 2026-11-22."""

_PROBLEMS_KEPT = 1_000
_COMPARED = 1_000_000
"""Examples among which the same are looked for, at 100 bytes of memory each."""

_UTF_8_MARK = b"\xef\xbb\xbf"
_A_LIST = (
    "the file is one JSON list, not JSON Lines; write each example in a line of its own, for "
    "example: jq -c '.[]' FILE > train.jsonl"
)
_PRICE = "${:f} per million tokens: OpenAI, Pricing, section Fine-tuning, read 2026-11-22"
_NO_PRICE = "no price is known for training from {!r}, and no limit of an example"
_CLOSING = (
    "OpenAI is closing fine-tuning: organizations new to it cannot train since 2026-05-07, the "
    "others until 2027-01-06 (OpenAI, Deprecations, read 2026-11-22)"
)
_NOT_COMPARED = "the same examples were looked for among the first {:,} alone"


def check_training_file(
    path: str | os.PathLike[str], *, model: str | Model = DEFAULT_MODEL, epochs: int | None = None
) -> TrainingCheck:
    """Check a file of JSON Lines for the supervised fine-tuning of a chat model.

    Needs no network. The file is read line by line: memory is bounded, however long it is. Tokens
    are counted by the published formula, and are an estimate of what the server bills; so is the
    cost.

    Args:
        path: The file.
        model: The model to train from, itself fine-tuned or not.
        epochs: How often each example is to be read, 1 to 50; default: what the server chooses.

    Raises:
        ArgumentError: `epochs` is no such number.
        SourceError: The file cannot be read at all.
        UnknownModelError: `model` is an id that no row describes.
    """
    if epochs is not None:
        check_whole("epochs", epochs, 1, _MOST_EPOCHS)
    resolved = Model.resolve(model)
    tally = _Tally(resolved)
    try:
        with Path(path).open("rb") as file:
            if Path(path).is_char_device():
                raise SourceError(f"{os.fspath(path)!r} is a device, not a file")
            tally.read(file)
    except (OSError, ValueError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"cannot read {os.fspath(path)!r}: {error}") from error
    if tally.examples < _LEAST_EXAMPLES:
        least = (
            f"{counted(tally.examples, 'usable example')}; at least {_LEAST_EXAMPLES} are needed"
        )
        tally.found(None, least, fatal=True)
    return tally.check(os.fspath(path), epochs)


class _Tally:
    """What was found in a file so far."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._tuning = table.fine_tuning(model.id)
        self._most = self._tuning["max_example_tokens"] if self._tuning else None
        self.examples = self._tokens = self._longest = self._cut = 0
        self._errors = self._warnings = 0
        self._problems: list[TrainingProblem] = []
        self._seen: dict[bytes, int] = {}

    def found(self, line: int | None, message: str, *, fatal: bool) -> None:
        """Note a problem."""
        self._errors += fatal
        self._warnings += not fatal
        if len(self._problems) < _PROBLEMS_KEPT:
            self._problems.append(TrainingProblem(line=line, message=message, fatal=fatal))

    def read(self, file: BinaryIO) -> None:
        """Read a file line by line."""
        start = file.read(4)
        if start.startswith(_UTF_8_MARK):
            self.found(1, "the file begins with a byte-order mark; save it without", fatal=False)
            file.seek(len(_UTF_8_MARK))
        elif has_utf_mark(start) or b"\0" in start:
            self.found(None, "the file is not UTF-8 text; save it as UTF-8", fatal=True)
            return
        else:
            file.seek(0)
        for number, line in enumerate(lines_of(file), 1):
            try:
                example = parsed(line)
            except UnusableLineError as error:
                if number == 1 and line.startswith(b"["):
                    self.found(None, _A_LIST, fatal=True)
                    return
                self.found(number, str(error), fatal=True)
            else:
                self._add(number, line, example)

    def check(self, path: str, epochs: int | None) -> TrainingCheck:
        """Return the result."""
        times = default_epochs(self.examples) if epochs is None else epochs
        price = Decimal(self._tuning["training_usd_per_mtok"]) if self._tuning else None
        return TrainingCheck(
            file=path.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
            model=self._model.id,
            examples=self.examples,
            problems=tuple(self._problems),
            errors=self._errors,
            warnings=self._warnings,
            tokens=self._tokens,
            longest_tokens=self._longest,
            max_example_tokens=self._most,
            cut_examples=self._cut,
            epochs=times,
            epochs_by_default=epochs is None,
            training_tokens=self._tokens * times,
            price_usd_per_mtok=price,
            cost_usd=None if price is None else self._tokens * times * price / 1_000_000,
            notes=self._notes(price),
        )

    def _notes(self, price: Decimal | None) -> tuple[str, ...]:
        notes = [_NO_PRICE.format(self._model.id) if price is None else _PRICE.format(price)]
        if self._model.provider == "openai":
            notes.append(_CLOSING)
        if len(self._seen) == _COMPARED:
            notes.append(_NOT_COMPARED.format(_COMPARED))
        return tuple(notes)

    def _add(self, number: int, line: bytes, example: object) -> None:
        is_sound = True
        for fatal, message in findings(example):
            self.found(number, message, fatal=fatal)
            is_sound &= not fatal
        if not is_sound:
            return
        self.examples += 1
        self._compare(number, line)
        try:
            tokens = example_tokens(cast("Mapping[str, Any]", example), self._model)
        except ArgumentError as error:
            self.found(number, f"its tokens are not counted: {error}", fatal=False)
            return
        self._longest = max(self._longest, tokens)
        if self._most is not None and tokens > self._most:
            self._cut += 1
            cut = f"{tokens:,} tokens, of which the last {tokens - self._most:,} are cut off"
            self.found(number, cut, fatal=False)
        self._tokens += tokens if self._most is None else min(tokens, self._most)

    def _compare(self, number: int, line: bytes) -> None:
        digest = blake2b(line.strip(), digest_size=16).digest()
        if len(self._seen) < _COMPARED or digest in self._seen:
            first = self._seen.setdefault(digest, number)
            if first != number:
                self.found(number, f"the same example as in line {first:,}", fatal=False)
