"""What the model wrote of each text: checked, the best of it kept, and made a translation."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minikit.jobs.translating.prompts import Faulty
from minikit.jobs.translating.translation import ProblemKind, Translation, TranslationProblem
from minikit.text.document import Span
from minikit.text.fidelity import Fault, check
from minikit.text.formats.segments import restored

if TYPE_CHECKING:
    from minikit.jobs.engine import Bill
    from minikit.jobs.translating.job import TranslateJob
    from minikit.jobs.translating.units import Unit

__all__ = ["Draft", "Drafts"]

_LEFT_OUT = "the reply left it out"
_NOTHING = "the source holds no words to translate and stays as it is"
_DONE = "; messages that have a translation get another one with retranslate"
_DOUBTFUL = "the reply left out the next text, and may hold it here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What the model wrote for a text.

    Attributes:
        text: The words, with the white space of the source.
        faults: What is wrong with them.
        is_doubtful: Whether they may hold the next text too, which the reply left out.
    """

    text: str
    faults: tuple[Fault, ...]
    is_doubtful: bool = False

    @property
    def is_usable(self) -> bool:
        """Whether they would break nothing."""
        return not any(fault.is_fatal for fault in self.faults)

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """Tells how good they are: the lower, the better."""
        return not self.is_usable, self.is_doubtful, len(self.faults)

    @property
    def wrong(self) -> str:
        """What is wrong with them, in words; "" where nothing is."""
        told = [str(fault) for fault in self.faults]
        return "; ".join([*told, _DOUBTFUL] if self.is_doubtful else told)


class Drafts:
    """The best draft of each unit of a job so far."""

    def __init__(self, job: TranslateJob) -> None:
        self._job = job
        self._best: dict[int, Draft] = {}
        self._refused: dict[int, str] = {}

    def __bool__(self) -> bool:
        return bool(self._best)

    @property
    def reasons(self) -> str:
        """Why texts could not be translated."""
        return ", ".join(dict.fromkeys(self._refused.values()))

    def refuse(self, units: Iterable[Unit], reason: str) -> None:
        """Take note of units that cannot be translated."""
        self._refused.update((unit.number, reason) for unit in units)

    def take(self, units: Iterable[Unit], replies: Mapping[int, str]) -> None:
        """Take what a reply has for `units`, where it is better than what there is."""
        asked = list(units)
        for unit, after in zip(asked, [*asked[1:], None], strict=True):
            if unit.number not in replies:
                continue
            is_doubtful = after is not None and after.number not in replies
            draft = self._draft(unit, replies[unit.number], is_doubtful=is_doubtful)
            best = self._best.get(unit.number)
            if best is None or draft.rank <= best.rank:
                self._best[unit.number] = draft

    def faulty(self, units: Iterable[Unit]) -> list[Faulty]:
        """Return the units that have no draft, or one with something wrong."""
        found: list[Faulty] = []
        for unit in units:
            best = self._best.get(unit.number)
            if best is None:
                found.append(Faulty(unit=unit, was="", wrong=_LEFT_OUT))
            elif best.wrong:
                found.append(Faulty(unit=unit, was=best.text, wrong=best.wrong))
        return found

    def translation(self, bill: Bill) -> Translation:
        """Return the source with what is usable; of the rest the source stays. CPU-bound."""
        job = self._job
        usable = {number: draft.text for number, draft in self._best.items() if draft.is_usable}
        texts = [job.units.joined(index, usable) for index in range(len(job.file.segments))]
        nothing = () if texts else (_NOTHING + (_DONE if job.file.format == "po" else ""),)
        told: Bill = {**bill, "notes": (*bill["notes"], *job.file.notes, *nothing)}
        return Translation(
            **told,
            text=job.file.join(texts),
            language=job.asking.language.code,
            format=job.file.format,
            segments=len(texts),
            translated=job.file.count(texts),
            problems=tuple(self._problems()),
        )

    def _draft(self, unit: Unit, text: str, *, is_doubtful: bool) -> Draft:
        asking = self._job.asking
        words = restored(unit.segment.text, text)
        faults = check(
            unit.segment,
            words,
            asking.format,
            language=asking.language,
            source=asking.source,
            glossary=asking.terms,
        )
        return Draft(text=words, faults=tuple(faults), is_doubtful=is_doubtful)

    def _problems(self) -> Iterator[TranslationProblem]:
        text = self._job.document.text
        ends = [at for at, sign in enumerate(text) if sign == "\n"]
        places, segments = self._job.units.places(), self._job.file.segments
        for unit in self._job.units.all:
            draft = self._best.get(unit.number)
            keys = tuple(segments[index].key or (index + 1,) for index in places[unit.number])
            for kind, message in self._wrong(unit, draft):
                yield TranslationProblem(
                    kind=kind,
                    message=message,
                    source=unit.segment.text,
                    translation=draft.text if draft else None,
                    kept="translation" if draft and draft.is_usable else "source",
                    span=Span(unit.segment.start, unit.segment.end),
                    line=bisect_left(ends, unit.segment.start) + 1,
                    keys=keys,
                )

    def _wrong(self, unit: Unit, draft: Draft | None) -> Iterator[tuple[ProblemKind, str]]:
        if draft is not None:
            for fault in draft.faults:
                yield fault.kind, fault.message
        elif unit.number in self._refused:
            yield "refused", f"it could not be translated: {self._refused[unit.number]}"
        else:
            yield "missing", "no translation of it came"
