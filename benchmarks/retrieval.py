"""How often the passage that holds an answer reaches the prompt.

    python benchmarks/retrieval.py MEETINGS.jsonl [BOOK.txt]

reads a meeting a line, from QMSum (https://github.com/Yale-LILY/QMSum, MIT): its `transcript`, a
turn a line, and `queries`, of which the specific ones have `spans`: the first and last turns that
hold the answer. For rooms of several sizes, in tokens of passages, it prints the share of these
stretches that reach the prompt whole, the share of which something does, and the mean share of
their characters, once where the question is about its own meeting, and once where it is about all
meetings together. The choices in the library were made on every other question; the figures are of
the rest. Of a book, questions are made of four words of a sentence that was drawn at random, and
the share of sentences that reach the prompt is printed. Where bm25s is installed, its ranking by
the same words stands beside ours, of the same passages and of longer ones.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

from minikit.text.document import Document, Span
from minikit.text.retrieval import PassageIndex, Ranked, _coded, filling, stretches
from minikit.text.stopwords import stop_words
from minikit.text.units import units
from minikit.text.words import terms
from minikit.tokens.counting import count_text

ROOMS = (2_000, 4_000, 8_000, 16_000, 32_000)
NEEDLES = 150
ENGLISH = stop_words("en")

Rank = Callable[[str], Sequence[Ranked]]


@dataclass(frozen=True)
class Question:
    """A question, its meeting, and the stretches of the transcript that hold the answer."""

    meeting: int
    text: str
    spans: list[Span]


def read(path: Path) -> tuple[list[Document], list[Question]]:
    """Return the transcripts, and the specific questions about them."""
    documents: list[Document] = []
    questions: list[Question] = []
    for meeting, line in enumerate(path.read_text("utf-8").splitlines()):
        row = json.loads(line)
        text = row["transcript"]
        ends = [*(end.end() for end in re.finditer("\n", text)), len(text)]
        starts = [0, *ends]
        documents.append(Document(text=text))
        for query in row["queries"]:
            spans = [
                Span(starts[int(first)], ends[int(last)]) for first, last in query.get("spans", [])
            ]
            if spans:
                questions.append(Question(meeting, query["query"], spans))
    return documents, questions


def ours(documents: Sequence[Document]) -> Rank:
    """Rank as the library does."""
    return PassageIndex(documents).rank


def by_bm25s(documents: Sequence[Document], *, run: int = 1) -> Rank:
    """Rank passages by bm25s, each by itself: the same, or runs of so many of them."""
    import bm25s  # type: ignore[import-not-found, unused-ignore] # no part of the project

    in_order = sorted(PassageIndex(documents).rank(""), key=lambda each: each.number)
    passages = list(runs(in_order, run))
    engine: Any = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    words = [stems(documents[each.document][each.span]) for each in passages]
    engine.index(words, show_progress=False)

    def rank(question: str) -> Sequence[Ranked]:
        asked = [word for word in terms(question) if word not in ENGLISH]
        scores = engine.get_scores(stems(" ".join(asked)))
        return [passages[number] for number in sorted(range(len(scores)), key=lambda n: -scores[n])]

    return rank


def runs(passages: Sequence[Ranked], length: int) -> Iterator[Ranked]:
    """Yield runs of so many passages of a document as one."""
    number = 0
    for _, group in groupby(passages, key=lambda each: each.document):
        several = list(group)
        for first in range(0, len(several), length):
            joined = several[first : first + length]
            span = Span(joined[0].span.start, joined[-1].span.end)
            yield replace(joined[0], number=number, span=span)
            number += 1


def stems(text: str) -> list[str]:
    """Return the words that the library counts."""
    return list(_coded(terms(text)))


def brought(
    rank: Rank, question: str, documents: Sequence[Document], room: int
) -> list[tuple[int, Span]]:
    """Return the stretches that fill a room of so many tokens."""

    def size(passage: Ranked) -> int:
        return count_text(documents[passage.document][passage.span], "o200k_base") + 1

    chosen, _ = filling(rank(question), room, size)
    return [(each.document, each.span) for each in stretches(chosen)]


def share(span: Span, text: str, found: Sequence[Span]) -> float:
    """Return the share of the characters of a stretch, white space apart, that were found."""
    pieces = [
        text[max(span.start, each.start) : min(span.end, each.end)]
        for each in found
        if each.start < span.end and each.end > span.start
    ]
    return sum(map(solid, pieces)) / solid(text[span.start : span.end])


def solid(text: str) -> int:
    """Count the characters that are no white space."""
    return len("".join(text.split()))


def meetings(
    documents: Sequence[Document],
    questions: Sequence[Question],
    make: Callable[[Sequence[Document]], Rank],
    *,
    together: bool,
) -> Iterator[tuple[int, list[float]]]:
    """Yield each room with the share of each stretch that reaches the prompt."""
    groups = [documents] if together else [[document] for document in documents]
    ranks = [make(group) for group in groups]
    for room in ROOMS:
        shares: list[float] = []
        for question in questions:
            group = 0 if together else question.meeting
            place = question.meeting if together else 0
            found = brought(ranks[group], question.text, groups[group], room)
            spans = [span for document, span in found if document == place]
            text = documents[question.meeting].text
            shares += [share(span, text, spans) for span in question.spans]
        yield room, shares


def needles(book: Document, make: Callable[[Sequence[Document]], Rank]) -> list[tuple[int, float]]:
    """Return for each room the share of sentences that four of their words bring back."""
    draw = Random(5)
    sentences = [Span(each.start, each.end) for each in units(book.text) if each.words <= 40]
    told = [(each, sorted(set(terms(book[each])) - ENGLISH)) for each in sentences]
    rank = make([book])
    hits = dict.fromkeys(ROOMS, 0)
    for sentence, words in draw.sample([each for each in told if len(each[1]) >= 6], NEEDLES):
        asked = " ".join(draw.sample(words, 4))
        for room in ROOMS:
            spans = [span for _, span in brought(rank, asked, [book], room)]
            hits[room] += share(sentence, book.text, spans) == 1
    return [(room, count / NEEDLES) for room, count in hits.items()]


def main() -> None:
    """Print the shares for each way to rank, and how long an index takes."""
    paths = [Path(name) for name in sys.argv[1:]]
    if not paths or not all(path.is_file() for path in paths):
        print("skipped: name a file of meetings, and a book if you like")
        return
    documents, questions = read(paths[0])
    held_out = questions[1::2]
    ways: dict[str, Callable[[Sequence[Document]], Rank]] = {"minikit": ours}
    if find_spec("bm25s"):
        ways |= {
            "bm25s": by_bm25s,
            "bm25s of passages five times as long": partial(by_bm25s, run=5),
        }
    for name, make in ways.items():
        for together in (False, True):
            print(f"{name}, {'all meetings together' if together else 'its own meeting'}")
            for room, shares in meetings(documents, held_out, make, together=together):
                whole = sum(each > 0.999 for each in shares) / len(shares)
                some = sum(each > 0 for each in shares) / len(shares)
                mean = sum(shares) / len(shares)
                print(f"  {room:>6,} tokens: whole {whole:.2f}, some {some:.2f}, mean {mean:.2f}")
        for book in map(Document.from_path, paths[1:2]):
            start = time.perf_counter()
            PassageIndex([book])
            print(f"{name}, sentences of {book.title} ({time.perf_counter() - start:.1f} s)")
            print("  " + ", ".join(f"{room:,}: {hits:.2f}" for room, hits in needles(book, make)))


if __name__ == "__main__":
    main()
