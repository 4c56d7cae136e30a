"""What is asked for: each text once, long ones in pieces, as many in a call as fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from minikit.jobs.result import Place
from minikit.text.document import Span
from minikit.text.fence import fence
from minikit.text.split import split_text
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from minikit.jobs.result import Operation
    from minikit.text.formats.segments import Segment, Segmented

__all__ = ["Batch", "Unit", "Units", "batched"]

_NOTE_CHARACTERS = 200
_CONTEXT_UNITS = 5
_CONTEXT_CHARACTERS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A text to translate once, wherever it stands.

    Attributes:
        number: From 1, in the order of the file.
        segment: The text, as the first of the segments that it stands for; of one that is cut,
            the piece.
        tokens: Of the text as it stands in a call.
        heading: The heading that it stands under; "" where there is none.
    """

    number: int
    segment: Segment
    tokens: int
    heading: str

    @property
    def fenced(self) -> str:
        """The text as it stands in a call, with its number and what is told of it."""
        note = "; ".join(filter(None, (self.segment.context, self.segment.hint)))
        told = {"note": note[:_NOTE_CHARACTERS]} if note else {}
        return fence(self.segment.text, "part", id=self.number, **told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The units of one call, in order; `is_half` tells a piece of one that could not be done."""

    units: tuple[Unit, ...]
    is_half: bool = False

    @property
    def tokens(self) -> int:
        """Tokens of its units."""
        return sum(unit.tokens for unit in self.units)

    def place(self, operation: Operation = "map") -> Place:
        """Return where a call about it stands in its job."""
        first, last = self.units[0].segment, self.units[-1].segment
        return Place(
            operation=operation,
            level=0,
            span=Span(first.start, max(first.end, last.end)),
            redone=self.is_half or operation == "revise",
        )

    def halves(self) -> list[Batch]:
        """Cut it in two of about the same size; one unit alone comes back."""
        if len(self.units) == 1:
            return [self]
        middle, taken, at = self.tokens / 2, 0, 0
        while at < len(self.units) - 1 and (at == 0 or taken + self.units[at].tokens <= middle):
            taken += self.units[at].tokens
            at += 1
        return [Batch(units=part, is_half=True) for part in (self.units[:at], self.units[at:])]


def batched(units: Iterable[Unit], most: int) -> tuple[Batch, ...]:
    """Return the units of each call: neighbours, of at most `most` tokens together."""
    batches: list[list[Unit]] = []
    room = 0
    for unit in units:
        if unit.tokens > room or not batches:
            batches.append([])
            room = most
        batches[-1].append(unit)
        room -= unit.tokens
    return tuple(Batch(units=tuple(batch)) for batch in batches)


class Units:
    """The units of a file, and how their translations make those of its segments.

    Attributes:
        all: The units, in the order of the file.
    """

    def __init__(self, file: Segmented, encoding: str, most: int) -> None:
        """Find the units of `file`, none of which has more than `most` tokens. CPU-bound."""
        self.all: list[Unit] = []
        self._encoding = encoding
        self._most = most
        self._known: dict[tuple[object, ...], list[tuple[str, Unit]]] = {}
        self._pieces: list[list[tuple[str, Unit]]] = []  # of each segment, with the space before
        heading = ""
        for segment in file.segments:
            key = (segment.text, segment.context, segment.other, segment.fixed, segment.kind)
            if key not in self._known:
                self._known[key] = list(self._cut(segment, heading))
            self._pieces.append(self._known[key])
            heading = segment.text if segment.kind == "heading" else heading

    def _cut(self, segment: Segment, heading: str) -> Iterator[tuple[str, Unit]]:
        """Yield a segment as one unit, or as the pieces of one that is too long."""
        if count_text(segment.text, self._encoding) <= self._most:
            yield "", self._unit(segment, heading)
            return
        before = ""
        for chunk in split_text(segment.text, self._most, self._encoding):
            text = chunk.text.strip()
            before += chunk.text[: len(chunk.text) - len(chunk.text.lstrip())]
            if text:
                piece = replace(segment, text=text, other=None)
                yield before, self._unit(piece, heading)
                before = chunk.text[len(chunk.text.rstrip()) :]

    def _unit(self, segment: Segment, heading: str) -> Unit:
        unit = Unit(number=len(self.all) + 1, segment=segment, tokens=0, heading=heading)
        self.all.append(replace(unit, tokens=count_text(unit.fenced, self._encoding)))
        return self.all[-1]

    def places(self) -> dict[int, list[int]]:
        """Return where each unit stands, as positions of segments, by its number."""
        found: dict[int, list[int]] = {}
        for index, pieces in enumerate(self._pieces):
            for _, unit in pieces:
                found.setdefault(unit.number, []).append(index)
        return found

    def context(self, batch: Batch) -> str:
        """Return the texts right before those of a batch, as far as they are shown."""
        first = batch.units[0].number - 1
        texts = (unit.segment.text for unit in self.all[max(0, first - _CONTEXT_UNITS) : first])
        return "\n".join(texts)[-_CONTEXT_CHARACTERS:]

    def joined(self, index: int, translations: Mapping[int, str]) -> str | None:
        """Return the translation of a segment; pieces without one stay as they are.

        None where no piece of it has one.
        """
        pieces = self._pieces[index]
        if not any(unit.number in translations for _, unit in pieces):
            return None
        return "".join(
            before + translations.get(unit.number, unit.segment.text) for before, unit in pieces
        )
