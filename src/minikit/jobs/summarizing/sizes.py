"""How large the calls of a summary are: plain arithmetic on the model, the options and the text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minikit.errors import ArgumentError, ContextOverflowError
from minikit.jobs.material import (
    READ_TOKENS_AT_FINEST,
    READ_TOKENS_AT_MOST,
    REASONING_TOKENS,
    SLACK_TOKENS,
    form_tokens,
    heading_cost,
    heading_tokens,
    part_heading,
    part_heading_tokens,
)
from minikit.jobs.points import REFINED_FORMAT
from minikit.jobs.summarizing.prompts import (
    Stretch,
    map_prompt,
    merge_prompt,
    part_fence,
    refine_prompt,
    single_prompt,
)
from minikit.text.document import Document, Span
from minikit.text.words import count_words
from minikit.tokens.chat import count_tokens
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikit.jobs.summarizing.options import Options
    from minikit.models.model import Model

__all__ = ["Sizes", "chunk_count"]

PARTIAL_WORDS_AT_MOST = 600
SOURCE_TOKENS_PER_PARTIAL_WORD = 80

TOKENS_PER_WORD = 1.25
"""Of English, at least; what is known of the source's language counts where it takes more."""

TOKENS_PER_FOREIGN_WORD = 3.0
"""Where another language than the source's is asked for."""

CITED = 3
"""A cited sentence takes so many times the tokens of a plain one: a quote is about as long as
it is, and JSON stands around both."""

EVIDENCE_SHARE = 4
"""Quotes from the source beside a partial summary take a fourth of its limit at most."""

EVIDENCE_TOKENS_AT_MOST = 200

_FIRST, _LAST = Span(0, 0), Span(1, 1)  # of one character: 0 % and 100 %, the longest to write


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Limits of the calls of one job, in tokens unless named otherwise.

    Attributes:
        words: Words of the summary.
        tokens_per_word: Of the language it is written in, about.
        cited: How many times longer a reply is that quotes; 1 where none does.
        source: Source per call that is wanted; a limit where it is `explicit`.
        source_at_most: Source per call that fits.
        explicit: Whether the caller gave `source`.
        final_output: The largest output limit of the last call.
        merge_input: Fenced partial summaries per merge at most.
        merge_overhead: Prompt around them.
        fence_at_least: Fence around a partial summary, the shortest there is.
        fence_at_most: The same, the longest.
    """

    model: Model
    words: int
    tokens_per_word: float
    cited: float
    source: int
    source_at_most: int
    explicit: bool
    final_output: int
    merge_input: int
    merge_overhead: int
    fence_at_least: int
    fence_at_most: int

    @classmethod
    def of(cls, document: Document, tokens: int, model: Model, options: Options) -> Sizes:
        """Work out the limits for a document of so many tokens.

        Raises:
            ArgumentError: The length is more than the model writes, or `chunk_tokens` is more
                than it reads in one call.
            ContextOverflowError: The instructions leave no room in the window.
        """
        source_words = max(1, count_words(document.text))
        words = _words(options, model, source_words)
        per_word = TOKENS_PER_FOREIGN_WORD if options.language else tokens / source_words
        per_word = min(4.0, max(TOKENS_PER_WORD, per_word))
        cited = CITED if options.cite else 1
        final_output = _ample(math.ceil(words * cited), model)
        overhead = _overhead(document, model, options) + SLACK_TOKENS
        if options.strategy == "refine":  # each call after the first has the summary so far
            overhead += final_output + _fence_tokens(_LAST, model)
        merge_overhead = _merge_overhead(model, options)
        room = model.room(final_output) - max(overhead, merge_overhead + SLACK_TOKENS)
        if room < 1:
            raise ContextOverflowError(
                f"{model.id!r} has no room for source text: {model.room(final_output)} tokens "
                f"beside the summary, {overhead} of them taken by the "
                f"request itself; shorten instructions or length, or choose a larger window"
            )
        return cls(
            model=model,
            words=words,
            tokens_per_word=per_word,
            cited=cited,
            source=_source_tokens(room, words, options),
            source_at_most=room,
            explicit=options.chunk_tokens is not None,
            final_output=final_output,
            merge_input=min(room, READ_TOKENS_AT_MOST),
            merge_overhead=merge_overhead,
            fence_at_least=_fence_tokens(_FIRST, model),
            fence_at_most=_fence_tokens(_LAST, model) + part_heading_tokens(model) + 4,
        )

    def partial_words(self, source_tokens: int, chunks: int) -> int:
        """Return how many words to ask for from a chunk: an eightieth of it, 50 to 600.

        More where many words are asked of few chunks, so that the merge has enough to draw on.
        """
        enough = math.ceil(1.5 * self.words / chunks)
        usual = min(max(50, source_tokens // SOURCE_TOKENS_PER_PARTIAL_WORD), PARTIAL_WORDS_AT_MOST)
        return max(usual, enough)

    def limit(self, words: int, input_tokens: int, *, cited: bool = False) -> int:
        """Return an output limit in tokens for a text of `words` words out of so much input.

        A third more than the words take, and a sixteenth of the input: the longer the input, the
        less a long reply adds to what the call costs, and the dearer it is to make it again. Where
        the input is long, that is ample: it cuts off only what runs away. A model that reasons
        counts its thoughts as output and gets room for them.
        """
        words = math.ceil(words * self.cited) if cited else words
        expected = math.ceil(1.35 * words * self.tokens_per_word) + 16
        marks = expected // 4 if self.cited > 1 and not cited else 0  # numbers of points
        thoughts = REASONING_TOKENS if "reasoning" in self.model.supports else 0
        most = _ample(words, self.model)
        return min(most, expected + marks + input_tokens // 16 + thoughts)

    def ample(self, words: int) -> int:
        """Return the output limit of a text that quotes where room matters more than its price."""
        return _ample(math.ceil(words * self.cited), self.model)

    def partial_output(self, words: int, prompt_tokens: int) -> int:
        """Return the output limit of a partial summary, such that two fit into one merge.

        Raises:
            ContextOverflowError: The window is too small to merge anything.
        """
        half = self.merge_input // 2 - self.fence_at_most
        limit = min(self.limit(words, prompt_tokens, cited=True), half)
        if limit < 16:
            raise ContextOverflowError(
                f"{self.model.id!r} has room for {self.merge_input} tokens of partial summaries, "
                f"too few to merge two; choose a larger window or a shorter length"
            )
        return limit

    def longest_fence(self, headings: Sequence[Sequence[str]]) -> int:
        """Return the tokens of the longest fence around a part under one of `headings`."""
        room = part_heading_tokens(self.model)
        found = (part_heading(path, self.model) for path in headings)
        longest = max((heading_cost(each, self.model) for each in found), default=0)
        return self.fence_at_most - room + longest

    def evidence(self, partial_output: int) -> int:
        """Return the room for quotes beside a partial summary that has so much itself."""
        left = self.merge_input // 2 - self.fence_at_most - partial_output
        return max(0, min(EVIDENCE_TOKENS_AT_MOST, partial_output // EVIDENCE_SHARE, left))


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


def _ample(words: int, model: Model) -> int:
    """Return five tokens a word and 256 more, where no large language takes more than 4.

    A small window is for the source.
    """
    thoughts = REASONING_TOKENS if "reasoning" in model.supports else 0
    ample = min(5 * words + 256, model.context_window // 3)
    return min(max(ample, 2 * words) + thoughts, model.max_output_tokens)


def _overhead(document: Document, model: Model, options: Options) -> int:
    """Return the tokens of a prompt that reads the source, without the source."""
    empty = Document(text="", title=document.title)
    stretch = Stretch(text="", part="", parts="")
    prompts = (
        single_prompt(empty, 1, options),
        map_prompt(empty, stretch, 1, options),
        refine_prompt(empty, "", stretch, 1, options),
    )
    longest = max(count_tokens(prompt, model=model) for prompt in prompts)
    form = form_tokens(REFINED_FORMAT, model) if options.cite else 0
    return longest + heading_tokens(model) + form


def _merge_overhead(model: Model, options: Options) -> int:
    prompt = merge_prompt((), words=1, final=False, unread=10**6, options=options)
    return count_tokens(prompt, model=model)


def _fence_tokens(span: Span, model: Model) -> int:
    """Return the tokens of an empty fence around a stretch of a source of one character."""
    return count_text(part_fence("", span, 1), model.encoding)


def _words(options: Options, model: Model, source_words: int) -> int:
    """Return the words of the summary: a name is what fits of it, a number is exact."""
    most = max(1, int(model.max_output_tokens / 1.4))
    if isinstance(options.length, str):
        short_source = max(20, source_words // 2)
        return max(1, min(options.words, most, model.context_window // 6, short_source))
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
