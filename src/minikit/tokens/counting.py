"""Counting the tokens of text, exactly and in time linear in its length."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from minikit.tokens.vocabulary import encoding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tiktoken import Encoding

__all__ = ["count_segments", "count_text", "is_additive", "segment_ends"]

# Places where a text can be cut so that the counts of the two sides add up to the count of the
# whole, in both encodings: their patterns never let a piece reach across. (A piece that ends in
# signs may take the newlines and slashes after it, and a letter the contraction after it.)
_ADDITIVE = re.compile(
    r"(?<=\S)(?=[ \t])"
    r"|(?<=\n)(?=[^\s/]|[ \t]+\S)"
    r"|(?<=[A-Za-z])(?=[\r\n0-9!-&(-/:-@\[-`{-~])"
    r"|(?<=[\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3])(?=[\r\n。，、！？；：「」])"
)
_NEAR = 40  # characters in which the next space is looked for first
_SEGMENT = 32_768  # characters that tiktoken gets at once, so that its lists of ids stay small
_WINDOW = 2 * _SEGMENT  # characters it gets at most: beyond 999,998 spaces it panics
_MARGIN = 64  # tokens at the end of a window that what follows may still change
_TWO_THREADS = 4_000_000  # characters above which a second thread is worth its vocabulary


def count_text(text: str, encoding_name: str) -> int:
    """Return the number of tokens of `text`, with special tokens such as <|endoftext|> as text.

    Equal to `len(tiktoken.get_encoding(encoding_name).encode_ordinary(text))`, also where that
    panics (a million spaces); a lone surrogate counts as U+FFFD. Time is linear in the length.
    It takes long texts in segments between additive cuts. Where there is none for 65,536
    characters (a run of letters, of spaces, of signs) it counts in overlapping windows: such a run
    can be off by a token, as 21,846 times "'s" and a combining sign between two newlines is.

    Thread-safe; long counts release the interpreter's lock for most of the time, and very long ones
    take two threads.

    Args:
        text: Any str.
        encoding_name: "o200k_base" or "cl100k_base".
    """
    edges = [0, *segment_ends(text, _SEGMENT)]
    return sum(count_segments(text, edges, encoding_name, in_parallel=len(text) > _TWO_THREADS))


def count_segments(
    text: str, edges: Sequence[int], encoding_name: str, *, in_parallel: bool
) -> list[int]:
    """Count the tokens of each stretch of `text` from one of `edges` to the next.

    In parallel, two threads have an encoding each, since they would contend for one.
    """
    if not in_parallel:
        return _counts(text, edges, encoding_name)
    from concurrent.futures import ThreadPoolExecutor

    half = len(edges) // 2
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(_counts, text, edges[half:], encoding_name, copy=1)
        return _counts(text, edges[: half + 1], encoding_name) + second.result()


def _counts(text: str, edges: Sequence[int], encoding_name: str, *, copy: int = 0) -> list[int]:
    encoder = encoding(encoding_name, copy=copy)
    return [_count(encoder, text[start:end]) for start, end in pairwise(edges)]


def segment_ends(text: str, size: int, *, longest: int | None = None) -> Iterator[int]:
    """Cut `text` into segments of `size` characters or more; yield the end of each.

    A segment ends at the first additive cut after `size` characters. Where there is none before
    `longest`, it ends after `size` anywhere, so that the counts may not add up there; without
    `longest` it goes on. The empty text has no segment.
    """
    end = 0
    while end + size < len(text):
        start, end = end, text.find(" ", end + size, end + size + _NEAR)  # the usual cut, fast
        if end < 0 or text[end - 1].isspace():
            cut = _ADDITIVE.search(text, start + size, start + (longest or len(text)))
            if not cut and not longest:
                break
            end = cut.start() if cut else start + size
        yield end
    if text:
        yield len(text)


def is_additive(text: str, cut: int) -> bool:
    """Whether the counts of `text[:cut]` and `text[cut:]` are known to add up to that of `text`."""
    return _ADDITIVE.match(text, cut) is not None


def _count(encoder: Encoding, text: str) -> int:
    if len(text) <= _WINDOW:
        return len(encoder.encode_ordinary(text))
    return _count_by_windows(encoder, text, _WINDOW)


def _count_by_windows(encoder: Encoding, text: str, window: int) -> int:
    """Count a text without additive cuts.

    What follows a byte pair encoding decides only about its last tokens. So the tokens of a window
    but its last ones are those of the whole text, and the next window starts after them.
    """
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # as tiktoken does
    total = start = 0
    while len(text) - start > window:
        tokens = encoder.encode_ordinary(text[start : start + window])
        kept = next(
            index
            for index in range(max(len(tokens) - _MARGIN, len(tokens) // 2), 0, -1)
            if _starts_a_character(encoder.decode_single_token_bytes(tokens[index]))
        )
        start += len(encoder.decode_bytes(tokens[:kept]).decode())
        total += kept
    return total + len(encoder.encode_ordinary(text[start:]))


def _starts_a_character(token: bytes) -> bool:
    return token[0] & 0xC0 != 0x80  # no continuation byte of UTF-8
