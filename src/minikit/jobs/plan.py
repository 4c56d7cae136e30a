"""What a summary will take, worked out without a network."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal

from minikit.errors import SourceError
from minikit.jobs.options import Options
from minikit.jobs.prompts import map_prompt, single_prompt
from minikit.jobs.serialize import Serializable
from minikit.jobs.sizes import SLACK_TOKENS, Sizes, chunk_count, heading_tokens
from minikit.jobs.summary import Operation
from minikit.models.model import Model
from minikit.models.money import total_usd
from minikit.models.prices import cost_usd
from minikit.models.usage import Usage
from minikit.text.document import Document, Source, Span
from minikit.text.split import Chunk, split, split_evenly
from minikit.tokens.chat import count_tokens
from minikit.tokens.counting import count_text
from minikit.tokens.messages import Message

__all__ = ["Job", "Level", "Plan", "prepare"]

BESIDE = ("budget_usd", "on_event")
"""Options that decide on no call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Calls that can run at the same time.

    Attributes:
        operation: "single", "map" or "merge".
        calls_at_least: Calls if every reply is as short as can be.
        calls_at_most: Calls if every reply is as long as its limit.
        input_tokens_at_least: Tokens of all prompts of the level; exact for single and map.
        input_tokens_at_most: The same.
        output_tokens_at_most: The output limits of the level added up.
    """

    operation: Operation
    calls_at_least: int
    calls_at_most: int
    input_tokens_at_least: int
    input_tokens_at_most: int
    output_tokens_at_most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Serializable):
    """The calls of a summary and what they cost, before any is made.

    The map calls are exact; the merges depend on how long the replies are, so they are bounds.
    What retries and redone chunks add comes on top and is shown apart in the result.

    Attributes:
        model: Id of the model.
        document_characters: Code points of the source.
        document_tokens: Tokens of the source.
        chunk_tokens: Tokens of the largest chunk.
        spans: The spans of the source that the calls read, in order; together the whole source.
        levels: What runs in one go, first to last.
        cost_usd_at_least: Every prompt read from the prompt cache, every reply one token; None
            when the model's price is unknown.
        cost_usd_at_most: Nothing cached, every reply nearly as long as its limit (one that reaches
            it is cut off, and done again on top); None likewise.
    """

    model: str
    document_characters: int
    document_tokens: int
    chunk_tokens: int
    spans: tuple[Span, ...]
    levels: tuple[Level, ...]
    cost_usd_at_least: Decimal | None
    cost_usd_at_most: Decimal | None

    @property
    def calls_at_least(self) -> int:
        """Calls of all levels, if every reply is as short as can be."""
        return sum(level.calls_at_least for level in self.levels)

    @property
    def calls_at_most(self) -> int:
        """Calls of all levels, if every reply is as long as its limit."""
        return sum(level.calls_at_most for level in self.levels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A plan with all that is needed to carry it out.

    Attributes:
        chunks: The chunks to read, in order; one means that a single call does it all.
        prompt_tokens: Tokens of each chunk's prompt; 0 for a chunk of white space, which no
            model is asked about.
        partial_words: Words to ask for from each chunk.
        partial_output: Output limit of each chunk's summary and of the merges below the last.
        digest: Tells the job from every other, for the journal.
    """

    document: Document
    model: Model
    options: Options
    sizes: Sizes
    chunks: tuple[Chunk, ...]
    prompt_tokens: tuple[int, ...]
    partial_words: int
    partial_output: int
    plan: Plan
    digest: str

    def map_prompt(self, index: int) -> tuple[Message, ...]:
        """Return what is asked of the chunk at `index`."""
        return _map_prompt(
            self.document, self.chunks, index, self.partial_words, self.options, model=self.model
        )


def readable(source: Source) -> Document:
    """Read `source`, which must hold more than white space.

    Raises:
        SourceError: It cannot be read as text, or there is nothing in it to read.
    """
    document = Document.of(source)
    if not document.text.strip():
        named = f" {document.origin!r}" if document.origin else ""
        what = "only white space" if document.text else "empty"
        raise SourceError(f"the source{named} is {what}; there is nothing to summarize")
    return document


def prepare(document: Document, model: Model, options: Options, *, concurrency: int) -> Job:
    """Plan the summary of `document` for so many calls in flight. CPU-bound, linear.

    Raises:
        ArgumentError: An option asks for what the model cannot do.
        ContextOverflowError: The window is too small for the request.
    """
    sizes = Sizes.of(document, model, options)
    tokens = count_text(document.text, model.encoding)
    chunks = _chunks(document, tokens, sizes, concurrency)
    if len(chunks) == 1:
        words, limit = sizes.words, sizes.final_output
        prompts = [count_tokens(single_prompt(document, words, options), model=model)]
        levels = [_fixed_level("single", prompts, limit)]
    else:
        words = sizes.partial_words(tokens // len(chunks), len(chunks))
        prompts = [
            count_tokens(
                _map_prompt(document, chunks, index, words, options, model=model), model=model
            )
            if chunk.text.strip()
            else 0
            for index, chunk in enumerate(chunks)
        ]
        # A chunk leaves room for the last summary, and a partial one may be longer.
        limit = min(sizes.partial_output(words), model.context_window - max(prompts))
        levels = [
            _fixed_level("map", prompts, limit),
            *_merge_levels(sum(map(bool, prompts)), limit, sizes),
        ]
    return Job(
        digest=_digest(document, model, options),
        document=document,
        model=model,
        options=options,
        sizes=sizes,
        chunks=chunks,
        prompt_tokens=tuple(prompts),
        partial_words=words,
        partial_output=limit,
        plan=Plan(
            model=model.id,
            document_characters=len(document.text),
            document_tokens=tokens,
            chunk_tokens=max(chunk.tokens for chunk in chunks),
            spans=tuple(chunk.span for chunk in chunks),
            levels=tuple(levels),
            cost_usd_at_least=total_usd(_least_costs(model, prompts, levels)),
            cost_usd_at_most=total_usd(_most_costs(model, prompts, levels)),
        ),
    )


def _digest(document: Document, model: Model, options: Options) -> str:
    """Hash what decides on the calls; what only bounds or watches them does not."""
    import hashlib
    import json

    names = (field.name for field in fields(options))
    decisive = {name: getattr(options, name) for name in names if name not in BESIDE}
    text = hashlib.sha256(document.text.encode("utf-8", "surrogatepass")).hexdigest()
    told = json.dumps([1, model.id, document.title, text, decisive], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def _chunks(document: Document, tokens: int, sizes: Sizes, concurrency: int) -> tuple[Chunk, ...]:
    wanted = chunk_count(tokens, sizes, concurrency)
    if sizes.explicit:
        return tuple(split(document.text, sizes.source, model=sizes.model))
    return tuple(
        split_evenly(document.text, sizes.source_at_most, model=sizes.model, chunks=wanted)
    )


def _map_prompt(
    document: Document,
    chunks: tuple[Chunk, ...],
    index: int,
    words: int,
    options: Options,
    *,
    model: Model,
) -> tuple[Message, ...]:
    chunk = chunks[index]
    path_tokens = count_text(" / ".join(chunk.headings), model.encoding)
    return map_prompt(
        document,
        chunk.text,
        place=f"{index + 1} of {len(chunks)}",
        headings=chunk.headings if path_tokens < heading_tokens(model) else (),
        words=words,
        options=options,
    )


def _fixed_level(operation: Operation, prompts: list[int], limit: int) -> Level:
    calls = sum(tokens > 0 for tokens in prompts)
    return Level(
        operation=operation,
        calls_at_least=calls,
        calls_at_most=calls,
        input_tokens_at_least=sum(prompts),
        input_tokens_at_most=sum(prompts),
        output_tokens_at_most=calls * limit,
    )


def _merge_levels(partials: int, limit: int, sizes: Sizes) -> list[Level]:
    """Bound the merges: shortest replies make the fewest calls, longest ones the most."""
    few, many = partials, partials
    levels: list[Level] = []
    while many > 1 or not levels:
        few_in, many_in = few, many
        few = math.ceil(few / (sizes.merge_input // sizes.fence_at_least))
        many = math.ceil(many / (sizes.merge_input // (limit + sizes.fence_at_most)))
        # The last group of a level may hold a single summary, which is passed on as it is.
        least = max(1, few - 1) if few_in > 1 or not levels else 0
        levels.append(
            Level(
                operation="merge",
                calls_at_least=least,
                calls_at_most=many,
                input_tokens_at_least=least * sizes.merge_overhead,
                input_tokens_at_most=many_in * (limit + sizes.fence_at_most)
                + many * (sizes.merge_overhead + SLACK_TOKENS),
                output_tokens_at_most=sizes.final_output if many == 1 else many * limit,
            )
        )
    return levels


def _least_costs(model: Model, prompts: list[int], levels: list[Level]) -> Iterator[Decimal | None]:
    for tokens in filter(None, prompts):
        yield cost_usd(model, Usage(input_tokens=tokens, cached_tokens=tokens, output_tokens=1))
    token = cost_usd(model, Usage(input_tokens=1, cached_tokens=1))
    reply = cost_usd(model, Usage(output_tokens=1))
    for level in levels[1:]:
        yield token and token * level.input_tokens_at_least
        yield reply and reply * level.calls_at_least


def _most_costs(model: Model, prompts: list[int], levels: list[Level]) -> Iterator[Decimal | None]:
    limit = levels[0].output_tokens_at_most // levels[0].calls_at_most
    for tokens in filter(None, prompts):
        yield cost_usd(model, Usage(input_tokens=tokens, output_tokens=limit))
    # Merges stay below every tier of prompt length, so their price is linear in tokens.
    token, reply = (cost_usd(model, Usage(input_tokens=1)), cost_usd(model, Usage(output_tokens=1)))
    for level in levels[1:]:
        yield token and token * level.input_tokens_at_most
        yield reply and reply * level.output_tokens_at_most
