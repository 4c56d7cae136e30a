"""What can be asked of a summary, checked before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypedDict, cast

from minikit.checks import check_choice, check_flag, check_number, check_text, check_whole
from minikit.errors import ArgumentError
from minikit.jobs.summarizing.templates import SummarizePrompts
from minikit.jobs.verb import CheckedOptions, JobOptions, OnGap, options_of

__all__ = ["LENGTH_WORDS", "Length", "Options", "Strategy", "SummarizeOptions", "SummaryOptions"]

LENGTH_WORDS = {"short": 80, "medium": 250, "long": 800}
"""Words that the named lengths ask for."""

Length = int | Literal["short", "medium", "long"]
Strategy = Literal["auto", "single", "map_reduce", "refine"]
Unsupported = Literal["mark", "drop"]


class SummaryOptions(TypedDict, total=False):
    """What can be asked of a summary; `SummarizeOptions` tells what each option means."""

    length: Length
    detail: float
    strategy: Strategy
    cite: bool
    unsupported: Unsupported
    focus: str | None
    language: str | None
    style: str | None
    instructions: str | None
    prompts: SummarizePrompts
    chunk_tokens: int | None
    on_gap: OnGap


class SummarizeOptions(SummaryOptions, JobOptions, total=False):
    """Options of `summarize`, `asummarize`, `plan` and the client's methods of these names.

    Attributes:
        length: Words of the summary: a number, or "short" (80), "medium" (250, the default) or
            "long" (800), or as much of a name as a small window, a short reply or a short source
            allows. A summary that is more than a quarter longer than the number given is shortened
            once, by one more call; `Summary.words` tells what came of it.
        detail: How finely the source is read, from 0 (as much in a call as the window allows, and
            no more than 120,000 tokens) to 1 (about 3,000 tokens a call); default 0.25, about
            47,000 tokens a call for a window of 128,000. Finer costs more output and finds more of
            the middle.
        strategy: "auto" (the default: one call where `detail` allows it, else map_reduce), "single"
            (one call, which the source must fit), "map_reduce" (parts are read side by side, and
            their summaries are merged), or "refine" (one part after the other, each with the
            summary so far: more detail, slower, and dearer to break off).
        cite: Whether each sentence shall be backed by quotes, which are held against the source;
            see `Summary.claims`. The replies are two to three times as long.
        unsupported: What to do, with `cite`, about sentences whose quotes do not stand in the
            source, or that have none: "mark" them in `Summary.claims` (the default) or "drop" them.
        focus: What the summary should be about, such as a question; default: everything.
        language: Language of the summary, such as "French"; default: that of the source.
        style: How it should read, such as "bullet points" or "for a ten-year-old".
        instructions: Anything else to ask for, in your own words.
        prompts: The words to ask with; default: `SummarizePrompts()`.
        chunk_tokens: Tokens of source per call at most; overrides `detail`.
        on_gap: What to do about a passage that a filter refuses: "mark" it in `Summary.gaps`
            (the default) or "raise" JobError.
        engine: How calls travel: "local" (the default), one by one from this machine; or "batch",
            or a `Batch`, on the Batch API: half the price, and within a day for each level of the
            plan.
        budget_usd: US dollars that this job may cost, such as "0.50", beside the client's budget. A
            call that could pass it is not sent, and the error carries what the others brought.
        on_event: Called with a `Progress` after each call. From the synchronous client it runs
            in the client's own thread. An exception in it warns and is dropped.
    """


@options_of("summarize")
@dataclass(frozen=True, slots=True, kw_only=True)
class Options(CheckedOptions):
    """`SummarizeOptions` with defaults, checked."""

    length: Length = "medium"
    detail: float = 0.25
    strategy: Strategy = "auto"
    cite: bool = False
    unsupported: Unsupported = "mark"
    focus: str | None = None
    language: str | None = None
    style: str | None = None
    instructions: str | None = None
    prompts: SummarizePrompts = field(default_factory=SummarizePrompts)
    chunk_tokens: int | None = None
    on_gap: OnGap = "mark"

    def __post_init__(self) -> None:
        CheckedOptions.__post_init__(self)
        _check_length(self.length)
        check_number("detail", self.detail, 0, 1)
        if self.chunk_tokens is not None:
            check_whole("chunk_tokens", self.chunk_tokens, 1)
        for name in ("focus", "language", "style", "instructions"):
            check_text(name, getattr(self, name))
        check_choice("on_gap", self.on_gap, OnGap)
        check_choice("strategy", self.strategy, Strategy)
        check_choice("unsupported", self.unsupported, Unsupported)
        self._check_kinds()
        self._check_together()

    def _check_kinds(self) -> None:
        check_flag("cite", self.cite)
        if not isinstance(cast("object", self.prompts), SummarizePrompts):
            raise ArgumentError(f"prompts is a SummarizePrompts, not {type(self.prompts).__name__}")

    def _check_together(self) -> None:
        """Refuse an option that another one leaves without an effect."""
        if self.strategy == "single" and self.chunk_tokens is not None:
            raise ArgumentError(
                "chunk_tokens cuts the source, and strategy='single' reads it in one call: "
                "leave one of them out"
            )
        if self.unsupported == "drop" and not self.cite:
            raise ArgumentError("unsupported='drop' is about quotes: it needs cite=True")

    @property
    def words(self) -> int:
        """The length of the summary in words."""
        return self.length if isinstance(self.length, int) else LENGTH_WORDS[self.length]


def _check_length(length: object) -> None:
    if isinstance(length, str) and length in LENGTH_WORDS:
        return
    if isinstance(length, str):
        raise ArgumentError(f'length is "short", "medium", "long" or a number, not {length!r}')
    check_whole("length", length, 1)
