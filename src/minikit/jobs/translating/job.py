"""What a translation will take: what is asked for, checked, with a plan."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack, cast

from minikit.checks import check_choice, check_flag, check_text, check_whole
from minikit.errors import ArgumentError, ContextOverflowError, SourceError
from minikit.jobs.translating.prompts import Asking
from minikit.jobs.translating.units import Batch, Units, batched
from minikit.jobs.verb import (
    CheckedOptions,
    Job,
    JobOptions,
    OnGap,
    Setting,
    digest_of,
    exact_level,
    options_of,
    planned,
)
from minikit.text.document import Document
from minikit.text.formats.reading import AnyFormat, format_of, read_segments
from minikit.text.glossary import check_glossary
from minikit.text.languages import read_language
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from minikit.jobs.plan import VerbPlan
    from minikit.models.model import Model
    from minikit.text.document import Source
    from minikit.text.formats.segments import Segmented

__all__ = ["Options", "TranslateJob", "TranslateOptions", "prepare"]

CHUNK_TOKENS = 2_000
"""Source tokens in one call: enough for a passage to hang together, and few enough for a reply that
has a translation for every number."""

_CHUNK_TOKENS_AT_LEAST = 16


class TranslateOptions(JobOptions, total=False):
    """Options of `translate`, `atranslate`, and the client's method of this name.

    Attributes:
        format: What the source is: "text", "markdown", "srt", "vtt", "po" or "json"; "auto" (the
            default) tells it by the name of the file, else by what it looks like.
        source_language: The language of the source, by name or code; default: the model sees it.
        glossary: Terms and how to translate them. Those that occur are told to the model, and
            looked for in the result.
        instructions: Anything else to ask for, in your own words, such as "address the reader as
            Sie".
        chunk_tokens: Tokens of source per call at most; default 2,000, or what fits.
        retranslate: Whether the messages of a gettext catalogue that have a translation get another
            one. By default they are left; fuzzy ones get one in any case.
        on_gap: What to do about a text that stays as it was, since a filter refuses it or no
            translation of it passes the checks that would keep the file whole: "mark" it in
            `Translation.gaps` (the default) or "raise" JobError.
        engine: How calls travel: "local" (the default), one by one from this machine; or "batch",
            or a `Batch`, on the Batch API: half the price, and within a day for each level of the
            plan.
        budget_usd: US dollars that this job may cost, such as "0.50", beside the client's budget. A
            call that could pass it is not sent, and the error carries what the others brought.
        on_event: Called with a `Progress` after each call. From the synchronous client it runs
            in the client's own thread. An exception in it warns and is dropped.
    """

    format: AnyFormat
    source_language: str | None
    glossary: Mapping[str, str] | None
    instructions: str | None
    chunk_tokens: int | None
    retranslate: bool
    on_gap: OnGap


@options_of("translate")
@dataclass(frozen=True, slots=True, kw_only=True)
class Options(CheckedOptions):
    """`TranslateOptions` with defaults, checked."""

    format: AnyFormat = "auto"
    source_language: str | None = None
    glossary: Mapping[str, str] | None = None
    instructions: str | None = None
    chunk_tokens: int | None = None
    retranslate: bool = False
    on_gap: OnGap = "mark"

    def __post_init__(self) -> None:
        CheckedOptions.__post_init__(self)
        check_choice("format", self.format, AnyFormat)
        check_text("instructions", self.instructions)
        check_flag("retranslate", self.retranslate)
        check_choice("on_gap", self.on_gap, OnGap)
        if self.chunk_tokens is not None:
            check_whole("chunk_tokens", self.chunk_tokens, _CHUNK_TOKENS_AT_LEAST)
        read = {} if self.glossary is None else check_glossary(self.glossary)
        object.__setattr__(self, "glossary", read)

    @property
    def terms(self) -> Mapping[str, str]:
        """The glossary."""
        return cast("Mapping[str, str]", self.glossary)  # since it was read


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslateJob(Job):
    """A planned translation.

    Attributes:
        options: What was asked for.
        asking: What is asked of the texts.
        document: What is translated.
        file: The same as segments.
        units: The texts that are asked for.
        batches: They by calls.
        chunk_tokens: Tokens of source per call at most.
    """

    options: Options
    asking: Asking
    document: Document
    file: Segmented
    units: Units
    batches: tuple[Batch, ...]
    chunk_tokens: int


def prepare(
    source: Source,
    language: str,
    *,
    model: Model,
    setting: Setting,
    **options: Unpack[TranslateOptions],
) -> TranslateJob:
    """Read the source and plan the calls, without a network. CPU-bound, linear.

    Args:
        source: What to translate.
        language: Into which language, by code or name.
        model: Who is asked.
        setting: What the client allows.
        **options: See `TranslateOptions`.

    Raises:
        SourceError: The source is empty, cannot be read, or does not have the format.
        ArgumentError: An argument cannot be used, or the model is the offline one.
        ContextOverflowError: The window has no room for a text.
    """
    checked = Options(**options)
    target = read_language(language)
    origin = None if checked.source_language is None else read_language(checked.source_language)
    if origin is not None and origin.code == target.code:
        raise ArgumentError(
            f"source_language is {origin}, and so is the language to translate into"
        )
    if model.provider == "offline":
        raise ArgumentError(
            f"the model {model.id!r} selects sentences and translates none: set OPENAI_API_KEY or "
            f"choose another model"
        )
    document = _document(source)
    kind = format_of(document, checked.format)
    file = read_segments(document, kind, target, again=checked.retranslate)
    asking = Asking(
        model=model,
        format=kind,
        language=target,
        source=origin,
        terms=checked.terms,
        instructions=checked.instructions,
    )
    chunk_tokens = _chunk_tokens(asking, checked)
    units = Units(file, model.encoding, chunk_tokens)
    batches = batched(units.all, chunk_tokens)
    decisive = {
        "format": kind,
        "languages": [target.code, origin and origin.code],
        "chunk_tokens": chunk_tokens,
        "retranslate": checked.retranslate,
        "instructions": checked.instructions,
        "glossary": dict(checked.terms),
    }
    return TranslateJob(
        model=model,
        plan=_plan(asking, units, batches, document, setting),
        digest=digest_of("translate", model, [document], decisive),
        options=checked,
        asking=asking,
        document=document,
        file=file,
        units=units,
        batches=batches,
        chunk_tokens=chunk_tokens,
        notes=document.notes,
    )


def _plan(
    asking: Asking,
    units: Units,
    batches: Sequence[Batch],
    document: Document,
    setting: Setting,
) -> VerbPlan:
    prompts = [asking.tokens(asking.first(batch, units)) for batch in batches]
    level = replace(
        exact_level("map", prompts, 0),
        input_tokens_at_most=sum(prompts) + len(prompts) * asking.form,
        output_tokens_at_most=sum(map(asking.limit, batches)),
    )
    return planned(
        "translate",
        asking.model,
        [level],
        setting,
        document_characters=len(document.text),
        document_tokens=count_text(document.text, asking.model.encoding),
    )


def _document(source: Source) -> Document:
    if isinstance(source, os.PathLike) and Path(source).is_dir():
        raise SourceError(f"{str(source)!r} is a folder; translate takes one file at a time")
    document = Document.of(source)
    if not document.text.strip():
        raise SourceError("the source is empty or only white space; there is nothing to translate")
    return document


def _chunk_tokens(asking: Asking, options: Options) -> int:
    room, model = asking.room, asking.model
    if room < _CHUNK_TOKENS_AT_LEAST:
        raise ContextOverflowError(
            f"{model.id!r} has no room for texts to translate: beside the request and the reply "
            f"{max(0, room)} tokens are left; shorten instructions, or choose a larger window"
        )
    asked = options.chunk_tokens
    if asked is not None and asked > room:
        raise ArgumentError(
            f"chunk_tokens={asked} is out of range: {model.id!r} has room for {room} tokens of "
            f"source beside the request and the reply"
        )
    return asked or min(CHUNK_TOKENS, room)
