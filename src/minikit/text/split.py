"""Cutting a text into chunks that a model can take."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import isqrt
from typing import TYPE_CHECKING

from minikit.errors import ArgumentError, ChunkTooSmallError
from minikit.models.model import DEFAULT_MODEL, Model
from minikit.text.cutter import Cutter, overlapping
from minikit.text.document import Document, Span
from minikit.text.headings import Heading, find_headings, heading_paths
from minikit.text.ruler import Ruler
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Chunk", "split", "split_evenly"]

_BLOCK = 4  # times the slack: the tokens of a block of the ruler; chosen by measuring
_SIGN = re.compile(r"\S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A stretch of a text, with what is known about it.

    Attributes:
        text: The stretch itself.
        start: Offset of its first character in the whole text, in code points.
        end: Offset after its last character (exclusive).
        headings: The titles it stands under where it starts, outermost first.
        encoding_name: The encoding that `tokens` counts in.
    """

    text: str
    start: int
    end: int
    headings: tuple[str, ...] = ()
    encoding_name: str = "o200k_base"
    _tokens: int | None = field(default=None, repr=False, compare=False)

    @property
    def span(self) -> Span:
        """Where the chunk stands in the whole text."""
        return Span(self.start, self.end)

    @property
    def tokens(self) -> int:
        """How many tokens `text` has, exactly; counted when first asked for if not before."""
        if self._tokens is None:
            object.__setattr__(self, "_tokens", count_text(self.text, self.encoding_name))
        return self._tokens  # type: ignore[return-value] # set above


def split(
    text: str | Document,
    max_tokens: int,
    *,
    model: str | Model = DEFAULT_MODEL,
    overlap: int = 0,
) -> list[Chunk]:
    """Cut `text` into chunks of at most `max_tokens` tokens; joining them gives `text` back.

    There are about as few chunks as possible, of about the same size, and each cut lies at the best
    place near the even size: before a heading, else after a paragraph, a line or a sentence, else
    between words, else between grapheme clusters. The time is linear in the length of `text`, a
    little more than counting its tokens takes; a text of more than 1 MB is counted in two threads.
    A text with no more bytes than `max_tokens` is not counted at all.

    Args:
        text: Any str, lone surrogates included, or a document.
        max_tokens: Limit per chunk, in tokens of the model's encoding; >= 1.
        model: The model whose encoding counts, by id or as a `Model`.
        overlap: At most so many tokens from the end of a chunk are repeated at the start of the
            next, within `max_tokens`; then `start` lies before the previous chunk's `end`. >= 0 and
            < `max_tokens`.

    Returns:
        Chunks in order; none for the empty text. `start` and `end` are code-point offsets.

    Raises:
        ArgumentError: `max_tokens` or `overlap` is not an int in its range.
        ChunkTooSmallError: One character needs more than `max_tokens` tokens.
    """
    _check("max_tokens", max_tokens, 1)
    _check("overlap", overlap, 0)
    if overlap >= max_tokens:
        raise ArgumentError(f"overlap must be less than max_tokens={max_tokens!r}, not {overlap!r}")
    encoding_name = Model.resolve(model).encoding
    return split_text(Document.of(text).text, max_tokens, encoding_name, overlap=overlap)


def split_evenly(text: str, max_tokens: int, *, model: Model, chunks: int) -> list[Chunk]:
    """Cut `text` like `split`, but into at least `chunks` chunks of about the same size.

    There are fewer only where the text has fewer characters.
    """
    _check("max_tokens", max_tokens, 1)
    _check("chunks", chunks, 1)
    return split_text(text, max_tokens, model.encoding, chunks=chunks)


def split_text(
    text: str, max_tokens: int, encoding_name: str, *, overlap: int = 0, chunks: int = 1
) -> list[Chunk]:
    """Cut `text` as `split` and `split_evenly` say, without their checks."""
    if not text:
        return []
    headings = find_headings(text)
    if chunks == 1 and _fits_surely(text, max_tokens):
        return _chunks(text, [(0, len(text), None)], [0], headings, encoding_name)
    size = min(max_tokens, -(-len(text) // chunks))  # of a chunk at most
    ruler = Ruler(text, encoding_name, _BLOCK * isqrt(size))
    end = len(text)
    if chunks == 1 and ruler.total <= max_tokens >= (tokens := ruler.count(0, end)):
        return _chunks(text, [(0, end, tokens)], [0], headings, encoding_name)
    starts = [heading.start for heading in headings]
    try:
        spans = list(Cutter(ruler, max_tokens - overlap, starts).cut(chunks))
    except ChunkTooSmallError:
        if not overlap:
            raise
        spans = list(Cutter(ruler, max_tokens, starts).cut(chunks))  # and repeat what room is left
    edges = [start for start, _, _ in spans]
    if overlap:
        spans = list(overlapping(ruler, spans, overlap, max_tokens))
    return _chunks(text, spans, edges, headings, encoding_name)


def _check(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ArgumentError(f"{name} must be an int of {least} or more, not {value!r}")


def _fits_surely(text: str, max_tokens: int) -> bool:
    """Whether the UTF-8 bytes alone tell that `text` fits: no token is shorter than a byte."""
    if len(text) > max_tokens:
        return False
    return len(text.encode("utf-8", "surrogatepass")) <= max_tokens


def _chunks(
    text: str,
    spans: Iterable[tuple[int, int, int | None]],
    edges: Sequence[int],
    headings: Sequence[Heading],
    encoding_name: str,
) -> list[Chunk]:
    starts = [_first_sign(text, edge) for edge in edges] if headings else edges
    paths = heading_paths(headings, starts)
    return [
        Chunk(
            text=text[start:end],
            start=start,
            end=end,
            headings=path,
            encoding_name=encoding_name,
            _tokens=tokens,
        )
        for (start, end, tokens), path in zip(spans, paths, strict=True)
    ]


def _first_sign(text: str, start: int) -> int:
    sign = _SIGN.search(text, start)
    return sign.start() if sign else len(text)
