"""How large the calls of a summary are: plain arithmetic on the model, the options and the text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minikit.errors import ArgumentError, ContextOverflowError
from minikit.jobs.prompts import map_prompt, merge_prompt, part_fence
from minikit.jobs.summary import Partial
from minikit.text.document import Document, Span
from minikit.tokens.chat import count_tokens
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from minikit.jobs.options import Options
    from minikit.models.model import Model

__all__ = ["Sizes", "chunk_count", "heading_tokens", "output_limit"]

READ_TOKENS_AT_MOST = 120_000
"""Source or summaries in one call, however large the window: of longer prompts, which fit the
windows of some models, the middle is read worst."""

READ_TOKENS_AT_FINEST = 3_000
"""Source tokens in one call at `detail=1`."""

PARTIAL_WORDS_AT_MOST = 600
SOURCE_TOKENS_PER_PARTIAL_WORD = 80

REASONING_TOKENS = 8_000
"""Room for what a reasoning model thinks before it writes a summary."""

SLACK_TOKENS = 64
"""Room for what a prompt adds beyond its empty form: numbers of parts, tokens at the seams."""

HEADING_TOKENS_AT_MOST = 200
"""Room for a heading path; a longer one is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Limits of the calls of one job, in tokens unless named otherwise.

    Attributes:
        words: Words of the summary.
        source: Source per call that is wanted; a limit where it is `explicit`.
        source_at_most: Source per call that fits.
        explicit: Whether the caller gave `source`.
        final_output: Output limit of the last call.
        merge_input: Fenced partial summaries per merge at most.
        merge_overhead: Prompt around them.
        fence_at_least: Fence around a partial summary, the shortest there is.
        fence_at_most: The same, the longest.
    """

    model: Model
    words: int
    source: int
    source_at_most: int
    explicit: bool
    final_output: int
    merge_input: int
    merge_overhead: int
    fence_at_least: int
    fence_at_most: int

    @classmethod
    def of(cls, document: Document, model: Model, options: Options) -> Sizes:
        """Work out the limits.

        Raises:
            ArgumentError: The length is more than the model writes, or `chunk_tokens` is more
                than it reads in one call.
            ContextOverflowError: The instructions leave no room in the window.
        """
        words = _words(options, model)
        final_output = output_limit(words, model)
        empty = Document(text="", title=document.title)
        map_overhead = heading_tokens(model) + count_tokens(
            map_prompt(empty, "", place="", headings=(), words=1, options=options), model=model
        )
        merge_overhead = count_tokens(
            merge_prompt(empty, (), words=1, final=False, options=options), model=model
        )
        overhead = max(map_overhead, merge_overhead) + SLACK_TOKENS
        room = model.room(final_output) - overhead
        if room < 1:
            raise ContextOverflowError(
                f"{model.id!r} has no room for source text: {model.room(final_output)} tokens "
                f"beside the summary, {overhead} of them taken by the "
                f"request itself; shorten instructions or length, or choose a larger window"
            )
        return cls(
            model=model,
            words=words,
            source=_source_tokens(room, words, options),
            source_at_most=room,
            explicit=options.chunk_tokens is not None,
            final_output=final_output,
            merge_input=min(room, READ_TOKENS_AT_MOST),
            merge_overhead=merge_overhead,
            fence_at_least=_fence_tokens(0, model),
            fence_at_most=_fence_tokens(10**11, model) + 4,
        )

    def partial_words(self, source_tokens: int, chunks: int) -> int:
        """Return how many words to ask for from a chunk: an eightieth of it, 50 to 600.

        More where many words are asked of few chunks, so that the merge has enough to draw on.
        """
        enough = math.ceil(1.5 * self.words / chunks)
        usual = min(max(50, source_tokens // SOURCE_TOKENS_PER_PARTIAL_WORD), PARTIAL_WORDS_AT_MOST)
        return max(usual, enough)

    def partial_output(self, words: int) -> int:
        """Return the output limit of a partial summary, such that two fit into one merge.

        Raises:
            ContextOverflowError: The window is too small to merge anything.
        """
        limit = min(output_limit(words, self.model), self.merge_input // 2 - self.fence_at_most)
        if limit < 16:
            raise ContextOverflowError(
                f"{self.model.id!r} has room for {self.merge_input} tokens of partial summaries, "
                f"too few to merge two; choose a larger window or a shorter length"
            )
        return limit


def output_limit(words: int, model: Model) -> int:
    """Return an output limit in tokens that a text of `words` words stays under.

    Five tokens a word and 256 more, where English takes 1.3 and no large language more than 4: it
    cuts off only what runs away; the wish itself stands in the prompt. A model that reasons
    counts its thoughts as output and gets room for them.
    """
    thoughts = REASONING_TOKENS if "reasoning" in model.supports else 0
    ample = min(5 * words + 256, model.context_window // 3)  # a small window is for the source
    return min(max(ample, 2 * words) + thoughts, model.max_output_tokens)


def chunk_count(tokens: int, sizes: Sizes, concurrency: int) -> int:
    """Return into how many chunks to cut a text, so that no wave of calls is left half empty.

    As many as `sizes.source` asks for; above the number of calls in flight, the multiple of it
    that lies nearest, since a last wave with one call takes as long as a full one.
    """
    wanted = math.ceil(tokens / sizes.source)
    if sizes.explicit or wanted <= concurrency:
        return wanted
    fewer = wanted // concurrency * concurrency
    more = fewer + concurrency
    fits = math.ceil(tokens / fewer) <= sizes.source_at_most * 0.9
    return fewer if fits and wanted / fewer <= more / wanted else more


def _fence_tokens(offset: int, model: Model) -> int:
    return count_text(part_fence(Partial(text="", span=Span(offset, offset))), model.encoding)


def heading_tokens(model: Model) -> int:
    """Return the room for a heading path, which is little in a small window."""
    return min(HEADING_TOKENS_AT_MOST, model.context_window // 16)


def _words(options: Options, model: Model) -> int:
    """Return the words of the summary: a name is what fits of it, a number is exact."""
    most = max(1, int(model.max_output_tokens / 1.4))
    if isinstance(options.length, str):
        return max(1, min(options.words, most, model.context_window // 6))
    if options.words > most:
        raise ArgumentError(
            f"length={options.length!r} is out of range: {model.id!r} writes at most "
            f"{model.max_output_tokens} tokens, about {most} words, in one reply"
        )
    return options.words


def _source_tokens(room: int, words: int, options: Options) -> int:
    if options.chunk_tokens is None:
        most = min(room, READ_TOKENS_AT_MOST)
        finest = min(room, READ_TOKENS_AT_FINEST)
        return int(most ** (1 - options.detail) * finest**options.detail)
    if options.chunk_tokens > room:
        raise ArgumentError(
            f"chunk_tokens={options.chunk_tokens!r} is above what fits: {room} tokens of source "
            f"beside the request and {words} words of summary"
        )
    return options.chunk_tokens
