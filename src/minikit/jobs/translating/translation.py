"""What a translation is: its text, what it cost, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from minikit.errors import ArgumentError
from minikit.jobs.result import Gap, Result
from minikit.text.document import Span
from minikit.text.fidelity import FaultKind
from minikit.text.formats.segments import Format, Key

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["ProblemKind", "Translation", "TranslationProblem"]

ProblemKind = FaultKind | Literal["missing", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationProblem:
    """Something that is wrong with the translation of a segment, after it was asked for again.

    Attributes:
        kind: "placeholder" (lost, added, changed, or in another order where a program fills them by
            their order), "tag" (lost, or not closed as before), "structure" (it would not be read
            as a cue, as an ICU message, or as the links that it has), "empty", "missing" (the model
            left it out) or "refused"; with these the source text was kept. Or "entity" (such as
            "&amp;"), "lines" (of a cue), "untranslated" (it seems so) or "glossary" (a term is not
            as it was given); with these the translation was kept.
        message: What it is, in words.
        source: The segment, as it was to be translated.
        translation: What the model wrote, or None.
        kept: Which of the two stands in the text: "source" or "translation".
        span: Where the segment stands in the source.
        line: The line of the source in which that is, from 1.
        keys: What it is found by, and then each other segment that the same words stand in. Of JSON
            the keys and positions that lead to a message, ("menu", "open"); of PO its msgctxt,
            where there is one, its msgid, and of a plural the number of its form, ("%d file",
            1); of subtitles the number of the cue, of other texts that of the segment, from 1.
    """

    kind: ProblemKind
    message: str
    source: str
    translation: str | None
    kept: Literal["source", "translation"]
    span: Span
    line: int
    keys: tuple[Key, ...]

    @property
    def key(self) -> Key:
        """What the segment at `span` is found by."""
        return self.keys[0]

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}; the {self.kept} was kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation(Result):
    """A translation, and what it took. `str(translation)` is its text.

    Attributes:
        text: The source with its texts translated; all else is as it was.
        language: The language that it is in, as a code by BCP 47, such as "pt-BR".
        format: What it is: "text", "markdown", "srt", "vtt", "po" or "json".
        problems: What the checks found, in the order of the source.
        segments: Texts that were to be translated, those that occur again included.
        translated: How many of them are translated in `text`.
        model: Id of the model that was asked.
        usage: Tokens of all calls.
        cost_usd: US dollars of all calls, or None when the price of one is unknown.
        failed_cost_usd: US dollars of attempts that brought no reply, on top of `cost_usd`.
        unmeasured: Attempts whose cost only the server knows, such as timed-out ones.
        calls: A record of each call, in the order in which the replies came.
        notes: What minikit did about a server that lacks something, as told by the calls, and
            what the file lacks for the language.
    """

    text: str
    language: str
    format: Format
    segments: int
    translated: int
    problems: tuple[TranslationProblem, ...] = ()

    def __str__(self) -> str:
        return self.text

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The stretches of the source that stand in the text as they were; the kind says why."""
        kept = (problem for problem in self.problems if problem.kept == "source")
        return tuple(Gap(span=problem.span, reason=problem.kind) for problem in kept)

    def write(self, path: str | PathLike[str]) -> None:
        """Write the text to a file in UTF-8, with its line ends as they are.

        Raises:
            ArgumentError: The file cannot be written.
        """
        try:
            Path(path).write_bytes(self.text.encode("utf-8", "surrogatepass"))
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            raise ArgumentError(f"cannot write {str(path)!r}: {error}") from error
