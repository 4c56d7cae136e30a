"""Which passages of some documents a question asks about, told without a model.

Documents are cut into passages of some sixty words, which SQLite's full-text index ranks by BM25
(Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009; https://sqlite.org/fts5.html,
read 2026-11-22). What a question asks about is often longer than what repeats its words: so a
passage counts for as much by itself as by what stands around it.
"""

from __future__ import annotations

import math
import re
import sqlite3
import weakref
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from threading import Lock
from typing import TYPE_CHECKING, TypeVar
from unicodedata import normalize

from minikit.errors import MissingExtraError
from minikit.text.document import Span
from minikit.text.stopwords import guess_language, stop_words
from minikit.text.units import units
from minikit.text.words import terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from minikit.text.document import Document

__all__ = ["PassageIndex", "Ranked", "Stretch", "edges_first", "filling", "stretches"]

T = TypeVar("T")

# Chosen on half of the questions of benchmarks/retrieval.py, where neighbouring values do as well
# within the noise.
_WORDS = 60
_DECAY = 0.9
_STEM = 7  # what inflects does so at the end: seven letters stand for a word
_EARLIER = 0.5  # what the words of the question before count for; those before it half of that

_EARLIER_AT_MOST = 4
_TERMS_AT_MOST = 200
_SAMPLE = 5_000
_ACCENTS = re.compile("[\u0300-\u036f]")
_GAP_AT_MOST = 16  # characters of white space between passages that are joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A passage, and how well it matches a question.

    Attributes:
        document: Position of its document.
        number: Its position among the passages of all documents.
        span: Where it stands in the document, without white space around it.
        score: 0 to 1, where 1 is for a passage that is the best both by itself and by what
            stands around it; 0 where nothing in its document has a word of the question.
    """

    document: int
    number: int
    span: Span
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Passages that follow each other in a document, joined.

    Attributes:
        document: Position of the document.
        span: From the first to the last of them.
        score: That of the best of them.
    """

    document: int
    span: Span
    score: float


class PassageIndex:
    """Knows the passages of some documents, and ranks them for any number of questions.

    Made in time and memory linear in the length of the documents; about 1.5 s for a long novel.
    CPU-bound; safe to use from several threads.

    Args:
        documents: What to search: any texts in any script, each with a title or none, whose words
            count for all of its passages.

    Raises:
        MissingExtraError: Python was built with an SQLite that has no full-text index.
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = tuple(documents)
        self._lock = Lock()
        self._passages: list[tuple[int, Span]] = []
        self._starts = [0]
        self._stops = [_stop_words(document) for document in self.documents]
        self._index = _full_text_index()
        weakref.finalize(self, self._index.close)
        with self._index:  # one transaction: each of its own would be written out
            self._index.executemany(
                "INSERT INTO passages (rowid, words) VALUES (?, ?)", self._rows()
            )

    def __len__(self) -> int:
        return len(self._passages)

    def rank(self, question: str, *, earlier: Sequence[str] = ()) -> list[Ranked]:
        """Rank all passages for a question, the best first; the same question ranks them the same.

        Args:
            question: Any str.
            earlier: Questions that it follows, the latest last; their words count for half of what
                its own do, those of each before again for half.

        Returns:
            Each passage once, the first in the documents first among equals; all of score 0 where
            none has a word of the question.
        """
        own = self._scores(question, earlier)
        around: list[float] = []
        for first, last in zip(self._starts, self._starts[1:], strict=False):
            around += _glow(own[first:last])
        best, brightest = max(own, default=0.0) or 1.0, max(around, default=0.0) or 1.0
        ranked = (
            Ranked(
                document=document,
                number=number,
                span=span,
                score=(own[number] / best + around[number] / brightest) / 2,
            )
            for number, (document, span) in enumerate(self._passages)
        )
        return sorted(ranked, key=lambda each: (-each.score, each.number))

    def _rows(self) -> Iterator[tuple[int, str]]:
        for number, document in enumerate(self.documents):
            title = " ".join(_words(document.title or ""))
            for span in _passages(document.text):
                yield len(self._passages), f"{title} {' '.join(_words(document[span]))}"
                self._passages.append((number, span))
            self._starts.append(len(self._passages))

    def _scores(self, question: str, earlier: Sequence[str]) -> list[float]:
        """Return what each passage scores by itself."""
        scores = [0.0] * len(self._passages)
        known: set[str] = set()
        weight = 1.0
        for asked in [question, *reversed(earlier[-_EARLIER_AT_MOST:])]:
            telling = [word for word in self._query(asked) if word not in known]
            known.update(telling)
            for number, score in self._matches(telling):
                scores[number] += weight * score
            weight *= _EARLIER
        return scores

    def _query(self, question: str) -> list[str]:
        """Return the words of a question that say something; all where none seems to."""
        asked = terms(question)
        language = guess_language(Counter(asked))
        stops = stop_words(language).union(*self._stops[:1])
        telling = [term for term in asked if term not in stops]
        return list(dict.fromkeys(_coded(telling or asked)))[:_TERMS_AT_MOST]

    def _matches(self, words: Sequence[str]) -> list[tuple[int, float]]:
        if not words:
            return []
        either = " OR ".join(words)
        with self._lock:
            return self._index.execute(
                "SELECT rowid, -bm25(passages) FROM passages WHERE passages MATCH ?", (either,)
            ).fetchall()


def filling(
    ranked: Iterable[Ranked], room: int, size: Callable[[Ranked], int]
) -> tuple[list[Ranked], int]:
    """Take passages, the best first, until the room is full.

    Args:
        ranked: As `PassageIndex.rank` returns them.
        room: What they may take in all.
        size: What one of them takes.

    Returns:
        Those that fit, before the first that does not; and what is left of the room.
    """
    taken: list[Ranked] = []
    for each in ranked:
        needed = size(each)
        if needed > room:
            break
        taken.append(each)
        room -= needed
    return taken, room


def stretches(chosen: Iterable[Ranked]) -> list[Stretch]:
    """Join passages that follow each other; the best stretch first.

    Those that stand apart by more than a little white space are not joined.
    """
    joined: list[Stretch] = []
    last = -1
    for each in sorted(chosen, key=lambda each: each.number):
        before = joined[-1] if joined and each.number == last + 1 else None
        last = each.number
        if before and _touch(before, each):
            span = Span(before.span.start, each.span.end)
            score = max(before.score, each.score)
            joined[-1] = Stretch(document=each.document, span=span, score=score)
        else:
            joined.append(Stretch(document=each.document, span=each.span, score=each.score))
    return sorted(joined, key=lambda each: (-each.score, each.document, each.span))


def edges_first(best_first: Sequence[T]) -> list[T]:
    """Put the best at both ends, where a model reads best: the first, the third ... the second."""
    return [*best_first[::2], *reversed(best_first[1::2])]


def _touch(before: Stretch, after: Ranked) -> bool:
    gap = after.span.start - before.span.end
    return before.document == after.document and gap <= _GAP_AT_MOST


def _full_text_index() -> sqlite3.Connection:
    index = sqlite3.connect(":memory:", check_same_thread=False)
    try:
        index.execute("CREATE VIRTUAL TABLE passages USING fts5(words, content='')")
    except sqlite3.OperationalError as error:
        index.close()
        raise MissingExtraError(
            f"this Python was built with an SQLite without FTS5, which finds passages ({error}); "
            f"use a build of Python that has it, such as python.org's"
        ) from error
    return index


def _passages(text: str) -> Iterator[Span]:
    """Cut a text into runs of whole sentences or lines, of about `_WORDS` words at most."""
    start = end = words = 0
    for unit in units(text):
        if words and words + unit.words > _WORDS:
            yield Span(start, end)
            words = 0
        start = start if words else unit.start
        end = unit.end
        words += unit.words
    if words:
        yield Span(start, end)


def _stop_words(document: Document) -> frozenset[str]:
    return stop_words(guess_language(Counter(terms(document.text[:_SAMPLE]))))


def _words(text: str) -> Iterator[str]:
    return _coded(terms(text))


def _coded(words: Iterable[str]) -> Iterator[str]:
    """Yield what of each word does not inflect, in letters that SQLite takes for one word.

    Its own tokenizers know no words in Thai or Chinese; names with digits differ by their ends.
    """
    for word in map(_unaccented, words):
        stem = word[:_STEM]
        is_stem = stem.isalpha() and (word.isalpha() or "'" in word)
        whole = stem if is_stem else word[:64]
        yield "x" + whole.encode().hex()


def _unaccented(word: str) -> str:
    """Return a word as those write it whose keyboard has no accents: Rostóv as Rostov."""
    return word if word.isascii() else normalize("NFC", _ACCENTS.sub("", normalize("NFD", word)))


def _glow(scores: Sequence[float]) -> list[float]:
    """Return for each passage the scores around it, which fade with each passage in between.

    Squares are added, so that one good match outshines many poor ones.
    """

    def faded(light: float, score: float) -> float:
        return light * _DECAY + score * score

    before = list(accumulate(scores, faded, initial=0.0))[1:]
    after = list(accumulate(reversed(scores), faded, initial=0.0))[:0:-1]
    return [
        math.sqrt(left + right - score * score)
        for left, right, score in zip(before, after, scores, strict=True)
    ]
