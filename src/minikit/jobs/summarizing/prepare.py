"""Working out what a summary will take, without a network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from minikit.errors import ContextOverflowError
from minikit.jobs.material import SLACK_TOKENS, attribute_text, form_tokens, heading_tokens
from minikit.jobs.plan import Level, Plan
from minikit.jobs.points import POINTS_FORMAT, REFINED_FORMAT
from minikit.jobs.result import Operation
from minikit.jobs.summarizing.options import Options
from minikit.jobs.summarizing.prompts import (
    Stretch,
    map_prompt,
    part_fence,
    refine_prompt,
    single_prompt,
)
from minikit.jobs.summarizing.sizes import Sizes, chunk_count
from minikit.models.model import Model
from minikit.models.money import total_usd
from minikit.models.prices import cost_usd
from minikit.models.usage import Usage
from minikit.text.document import Document, Span
from minikit.text.split import Chunk, split, split_evenly
from minikit.tokens.chat import count_tokens
from minikit.tokens.counting import count_text
from minikit.tokens.messages import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from minikit.jobs.verb import Setting

__all__ = ["Job", "prepare"]

BESIDE = ("engine", "budget_usd", "on_event")
"""Options that decide on no call."""

Way = Literal["single", "map_reduce", "refine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the source is read.

    Attributes:
        way: In one call, in parts side by side, or in parts one after the other.
        chunks: The parts, in order.
        words: Words to ask for from each.
    """

    document: Document
    model: Model
    options: Options
    way: Way
    chunks: tuple[Chunk, ...]
    words: int

    def prompt(self, index: int, summary: str | None = None) -> tuple[Message, ...]:
        """Return what is asked of the part at `index`; of a later one beside the `summary` so far.

        The summary is as `part_fence` returns it.
        """
        if self.way == "single":
            return single_prompt(self.document, self.words, self.options)
        chunk = self.chunks[index]
        stretch = Stretch(
            text=chunk.text,
            part=str(index + 1),
            parts=str(len(self.chunks)),
            headings=self._short_path(chunk),
        )
        if summary is None:
            return map_prompt(self.document, stretch, self.words, self.options)
        return refine_prompt(self.document, summary, stretch, self.words, self.options)

    def form(self) -> Mapping[str, Any] | None:
        """Return the form of the replies, where they quote and the model takes one."""
        model = self.model
        if not self.options.cite or not {"json_schema", "offline"} & {
            *model.supports,
            model.provider,
        }:
            return None
        return REFINED_FORMAT if self.way == "refine" else POINTS_FORMAT

    def _short_path(self, chunk: Chunk) -> tuple[str, ...]:
        """Return the headings of a chunk, or none where they are too long for a prompt."""
        path = attribute_text(chunk.headings)
        fits = count_text(path, self.model.encoding) < heading_tokens(self.model)
        return chunk.headings if fits else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A plan with all that is needed to carry it out.

    Attributes:
        prompt_tokens: Tokens of each part's prompt, a summary beside it left out; 0 for a part of
            white space, which no model is asked about.
        output: Output limit of each call that reads the source, and of merges below the last.
        form: The form of the replies of these calls; None is plain text.
        digest: Tells the job from every other, for the journal.
    """

    reading: Reading
    sizes: Sizes
    prompt_tokens: tuple[int, ...]
    output: int
    form: Mapping[str, Any] | None
    plan: Plan
    digest: str

    @property
    def document(self) -> Document:
        """What is summarized."""
        return self.reading.document

    @property
    def model(self) -> Model:
        """The model that is asked."""
        return self.reading.model

    @property
    def options(self) -> Options:
        """What is asked for."""
        return self.reading.options


def prepare(
    document: Document,
    model: Model,
    options: Options,
    setting: Setting,
) -> Job:
    """Plan the summary of `document`, as the client allows it. CPU-bound, linear.

    Raises:
        ArgumentError: An option asks for what the model cannot do.
        ContextOverflowError: The window is too small for the request, or for the whole document
            where one call shall read it.
    """
    tokens = count_text(document.text, model.encoding)
    sizes = Sizes.of(document, tokens, model, options)
    way, chunks = _chunks(document, tokens, sizes, options, setting.max_concurrency)
    is_parted = way == "map_reduce"
    words = sizes.partial_words(tokens // len(chunks), len(chunks)) if is_parted else sizes.words
    reading = Reading(
        document=document, model=model, options=options, way=way, chunks=chunks, words=words
    )
    prompts = _prompt_tokens(reading)
    form = reading.form()
    costs = _Costs(
        sizes=sizes,
        prompts=prompts,
        form_tokens=form_tokens(form, model),
        fence=sizes.longest_fence([chunk.headings for chunk in chunks]),
        output=_output(sizes, reading, prompts),
        tier=setting.tier_for(model),
    )
    levels = costs.levels(way)
    return Job(
        digest=_digest(document, model, options),
        reading=reading,
        sizes=sizes,
        prompt_tokens=tuple(prompts),
        output=costs.output,
        form=form,
        plan=Plan(
            model=model.id,
            strategy=way,
            document_characters=len(document.text),
            document_tokens=tokens,
            chunk_tokens=max(chunk.tokens for chunk in chunks),
            spans=tuple(chunk.span for chunk in chunks),
            headings=tuple(chunk.headings for chunk in chunks),
            levels=tuple(levels),
            cost_usd_at_least=total_usd(costs.least(levels)),
            cost_usd_at_most=total_usd(costs.most(levels)),
            max_concurrency=setting.max_concurrency,
            requests_per_minute=setting.requests_per_minute,
            tokens_per_minute=setting.tokens_per_minute,
            engine=setting.engine,
        ),
    )


def _prompt_tokens(reading: Reading) -> list[int]:
    """Count each prompt; that of a later part to be refined beside an empty summary."""
    length = len(reading.document.text)
    empty = part_fence("", Span(0, length), length) if reading.way == "refine" else None
    return [
        count_tokens(reading.prompt(index, empty if index else None), model=reading.model)
        if chunk.text.strip()
        else 0
        for index, chunk in enumerate(reading.chunks)
    ]


def _output(sizes: Sizes, reading: Reading, prompts: Sequence[int]) -> int:
    """Return the output limit of the calls that read the source."""
    if reading.way != "map_reduce":
        return sizes.limit(reading.words, max(prompts), cited=True)
    # A chunk leaves room for the last summary, and a partial one may be longer.
    room = sizes.model.context_window - max(prompts) - form_tokens(reading.form(), sizes.model)
    return min(sizes.partial_output(reading.words, max(prompts)), room)


def _digest(document: Document, model: Model, options: Options) -> str:
    """Hash what decides on the calls; what only bounds or watches them does not."""
    import hashlib
    import json

    names = (each.name for each in fields(options) if each.name not in BESIDE)
    decisive = {name: getattr(options, name) for name in names} | {
        "prompts": asdict(options.prompts)
    }
    text = hashlib.sha256(document.text.encode("utf-8", "surrogatepass")).hexdigest()
    told = json.dumps([2, model.id, document.title, text, decisive], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def _chunks(
    document: Document, tokens: int, sizes: Sizes, options: Options, concurrency: int
) -> tuple[Way, tuple[Chunk, ...]]:
    """Cut the document as the strategy says; what is not cut is read in one call."""
    if options.strategy == "single":
        return "single", _whole(document, tokens, sizes)
    wanted = chunk_count(tokens, sizes, concurrency if options.strategy != "refine" else 1)
    if options.strategy != "auto":
        wanted = max(2, wanted)
    if sizes.explicit and wanted == math.ceil(tokens / sizes.source):
        chunks = split(document.text, sizes.source, model=sizes.model)
    else:
        chunks = split_evenly(document.text, sizes.source_at_most, model=sizes.model, chunks=wanted)
    if len(chunks) == 1:
        return "single", tuple(chunks)
    return "refine" if options.strategy == "refine" else "map_reduce", tuple(chunks)


def _whole(document: Document, tokens: int, sizes: Sizes) -> tuple[Chunk, ...]:
    if tokens > sizes.source_at_most:
        raise ContextOverflowError(
            f"strategy='single' reads the source in one call, and its {tokens} tokens are more "
            f"than the {sizes.source_at_most} that {sizes.model.id!r} has room for: leave strategy "
            f"out, or choose a larger window"
        )
    return tuple(split(document.text, max(1, tokens), model=sizes.model))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Costs:
    """What the calls take at least and at most.

    Attributes:
        prompts: Tokens of each prompt that reads the source.
        form_tokens: What the form of the reply adds to each of them, at most.
        fence: The longest fence around a partial summary.
        output: Output limit of each of them.
        tier: The service tier whose prices hold.
    """

    sizes: Sizes
    prompts: Sequence[int]
    form_tokens: int
    fence: int
    output: int
    tier: str

    def levels(self, way: Way) -> list[Level]:
        calls = sum(tokens > 0 for tokens in self.prompts)
        before = (self.output + self.fence) * (calls - 1) if way == "refine" else 0
        operation: Operation = "map" if way == "map_reduce" else way
        first = Level(
            operation=operation,
            calls_at_least=calls,
            calls_at_most=calls,
            input_tokens_at_least=sum(self.prompts),
            input_tokens_at_most=sum(self.prompts) + calls * self.form_tokens + before,
            output_tokens_at_most=calls * self.output,
        )
        return [first, *self._merges(calls)] if way == "map_reduce" else [first]

    def _merges(self, partials: int) -> Iterator[Level]:
        """Bound the merges: shortest replies make the fewest calls, longest ones the most."""
        sizes = self.sizes
        shortest = sizes.fence_at_least
        longest = self.output + sizes.evidence(self.output) + self.fence
        few, many = partials, partials
        is_first = True
        while many > 1 or is_first:
            few_in, many_in = few, many
            few = math.ceil(few / (sizes.merge_input // shortest))
            many = math.ceil(many / (sizes.merge_input // longest))
            # The last group of a level may hold a single summary, which is passed on as it is.
            least = max(1, few - 1) if few_in > 1 or is_first else 0
            inputs = many_in * longest + many * (sizes.merge_overhead + SLACK_TOKENS)
            yield Level(
                operation="merge",
                calls_at_least=least,
                calls_at_most=many,
                input_tokens_at_least=least * sizes.merge_overhead,
                input_tokens_at_most=inputs,
                output_tokens_at_most=(
                    sizes.limit(sizes.words, inputs) if many == 1 else many * self.output
                ),
            )
            is_first = False

    def least(self, levels: Sequence[Level]) -> Iterator[Decimal | None]:
        """Yield the costs where every prompt is read from the cache and every reply one token."""
        for tokens in filter(None, self.prompts):
            yield self._usd(Usage(input_tokens=tokens, cached_tokens=tokens, output_tokens=1))
        token = self._usd(Usage(input_tokens=1, cached_tokens=1))
        reply = self._usd(Usage(output_tokens=1))
        for level in levels[1:]:
            yield token and token * level.input_tokens_at_least
            yield reply and reply * level.calls_at_least

    def most(self, levels: Sequence[Level]) -> Iterator[Decimal | None]:
        """Yield the costs where nothing is cached and every reply is as long as its limit."""
        beside = (levels[0].input_tokens_at_most - sum(self.prompts)) // levels[0].calls_at_most
        beside += 1 if levels[0].operation == "refine" else 0  # what the division left
        for tokens in filter(None, self.prompts):
            yield self._usd(Usage(input_tokens=tokens + beside, output_tokens=self.output))
        # Merges stay below every tier of prompt length, so their price is linear in tokens.
        token = self._usd(Usage(input_tokens=1))
        reply = self._usd(Usage(output_tokens=1))
        for level in levels[1:]:
            yield token and token * level.input_tokens_at_most
            yield reply and reply * level.output_tokens_at_most

    def _usd(self, usage: Usage) -> Decimal | None:
        return cost_usd(self.sizes.model, usage, tier=self.tier)
