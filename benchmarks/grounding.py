"""What the checks without a model find, measured on true summaries and on corrupted ones.

    python benchmarks/grounding.py MEETINGS.jsonl

reads a meeting a line, from QMSum (https://github.com/Yale-LILY/QMSum, MIT): its `transcript`, a
turn a line, and `queries` with a reference `answer` each and, for specific questions, `spans`: the
first and last turns that hold it. Every answer counts as a true summary. It is corrupted in four
ways, and for each the AUC of each check is printed: how often a corrupted summary looks worse than
a true one, ties counting half (0.5 is chance). Then how often the passages that are found for a
sentence lie in the turns of its question, and what the checks cost beside one plain regular
expression over the same text.
"""

from __future__ import annotations

import json
import re
import sys
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from minikit.text.attribution import attribute, evidence
from minikit.text.document import Span
from minikit.text.grounding import grusky_coverage, ungrounded
from minikit.text.units import units

DRAWS = 5
# Told apart from the names that the library finds: a capital after a lower-case word.
NAME = re.compile(r"(?<=[a-z,] )[A-Z][^\W_]+(?: [A-Z][^\W_]+)*(?!\w)")
NUMBER_WORDS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"]
NUMBER_WORDS += ["twelve", "fifteen", "twenty", "thirty", "forty", "fifty"]
NUMBER = re.compile(rf"(?<!\w)\d+(?!\w)|\b(?:{'|'.join(NUMBER_WORDS)})\b")
VERB = re.compile(r"\b(?:is|are|was|were|will|would|can|could|should|had|has|have)\b")


@dataclass(frozen=True)
class Answer:
    """A true summary: its meeting, its text, and the stretches of the transcript that hold it."""

    meeting: int
    text: str
    spans: list[tuple[int, int]]


def read(path: str) -> tuple[list[str], list[Answer]]:
    """Return the transcripts, and the answers to the questions about them."""
    rows = [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
    answers: list[Answer] = []
    for meeting, row in enumerate(rows):
        turns = [0, *(end.end() for end in re.finditer("\n", row["transcript"]))]
        turns.append(len(row["transcript"]) + 1)
        for query in row["queries"]:
            pairs = [map(int, span) for span in query.get("spans", [])]
            spans = [(turns[first], turns[last + 1]) for first, last in pairs]
            answers.append(Answer(meeting, query["answer"], spans))
    return [row["transcript"] for row in rows], answers


Sample = tuple[str, str]
"""A summary, and the source that it is held against."""


def other_meetings(answers: Sequence[Answer], sources: Sequence[str]) -> Iterator[Sample]:
    """Hold each summary against every other meeting."""
    for answer in answers:
        for number, source in enumerate(sources):
            if number != answer.meeting:
                yield answer.text, source


def swapped_names(answers: Sequence[Answer], sources: Sequence[str]) -> Iterator[Sample]:
    """Replace a name by one of another meeting that is not in this one."""
    draw = Random(1)
    everything = "\n".join([*sources, *(answer.text for answer in answers)])
    pool = sorted(set(NAME.findall(everything)))
    for answer in answers:
        source = sources[answer.meeting]
        words = set(re.findall(r"[^\W_]+", source.lower()))
        strangers = [name for name in pool if words.isdisjoint(name.lower().split())]
        for name in NAME.finditer(answer.text):
            for stranger in draw.sample(strangers, DRAWS):
                yield replaced(name, stranger), source


def changed_numbers(answers: Sequence[Answer], sources: Sequence[str]) -> Iterator[Sample]:
    """Replace a number by another of as many digits, or another word."""
    draw = Random(2)
    for answer in answers:
        for number in NUMBER.finditer(answer.text):
            for _ in range(DRAWS):
                yield replaced(number, other_number(number[0], draw)), sources[answer.meeting]


def other_number(number: str, draw: Random) -> str:
    """Return another number of the same kind."""
    if number in NUMBER_WORDS:
        return draw.choice([word for word in NUMBER_WORDS if word != number])
    low = 10 ** (len(number) - 1)
    return str(draw.choice([n for n in range(low, 10 * low) if n != int(number)]))


def negations(answers: Sequence[Answer], sources: Sequence[str]) -> Iterator[Sample]:
    """Put "not" after a verb."""
    for answer in answers:
        for verb in VERB.finditer(answer.text):
            yield replaced(verb, f"{verb[0]} not"), sources[answer.meeting]


def replaced(found: re.Match[str], text: str) -> str:
    """Return the whole text with `text` in place of what was found."""
    return found.string[: found.start()] + text + found.string[found.end() :]


def count_of(*kinds: str) -> Callable[[Sample], float]:
    """Return the check that counts what is not in the source."""
    return lambda sample: sum(each.kind in kinds for each in ungrounded(*sample))


CHECKS: dict[str, Callable[[Sample], float]] = {
    "names": count_of("name"),
    "numbers": count_of("number", "date"),
    "coverage": lambda sample: -grusky_coverage(*sample),
}


def auc(true: Iterable[float], corrupted: Iterable[float]) -> float:
    """Return how often a corrupted summary scores higher than a true one, ties counting half."""
    ranked, scores = sorted(true), list(corrupted)
    wins = sum(bisect_left(ranked, each) + bisect_right(ranked, each) for each in scores)
    return wins / 2 / len(ranked) / len(scores)


def print_aucs(answers: Sequence[Answer], sources: Sequence[str]) -> None:
    """Print the AUC of each check for each way to corrupt the summaries that can be so."""
    print(f"{'AUC':22}", *(f"{name:>9}" for name in CHECKS))
    for corrupt, has in (
        (other_meetings, None),
        (swapped_names, NAME),
        (changed_numbers, NUMBER),
        (negations, VERB),
    ):
        fit = [answer for answer in answers if not has or has.search(answer.text)]
        true = [(answer.text, sources[answer.meeting]) for answer in fit]
        corrupted = list(corrupt(fit, sources))
        cells = (
            f"{auc(map(check, true), map(check, corrupted)):9.3f}" for check in CHECKS.values()
        )
        print(f"{corrupt.__name__:22}", *cells, f"  ({len(true)} true, {len(corrupted)} corrupted)")


def print_hits(answers: Sequence[Answer], sources: Sequence[str]) -> None:
    """Print how often the middle of a passage lies in the turns that hold the answer."""
    hits: list[list[bool]] = []
    for number, source in enumerate(sources):
        asked = [answer for answer in answers if answer.meeting == number and answer.spans]
        pairs = [
            (answer.text[unit.start : unit.end], answer.spans)
            for answer in asked
            for unit in units(answer.text)
        ]
        found = attribute([sentence for sentence, _ in pairs], source)
        for matches, (_, spans) in zip(found, pairs, strict=True):
            middles = [(match.span.start + match.span.end) / 2 for match in matches]
            hits.append([any(low <= at < high for low, high in spans) for at in middles])
    for most in (1, 3):
        share = sum(any(each[:most]) for each in hits) / len(hits)
        print(f"hit@{most} {share:.3f} of {len(hits)} sentences")


def print_times(answers: Sequence[Answer], sources: Sequence[str]) -> None:
    """Print what each check costs, as a multiple of one regular expression."""
    text = "\n".join(sources)
    summary = answers[0].text
    sentences = [answers[0].text[unit.start : unit.end] for unit in units(summary)]
    part = Span(0, len(text))
    jobs: dict[str, Callable[[], object]] = {
        "one regular expression": lambda: re.findall(r"\w+", text),
        "ungrounded": lambda: ungrounded(summary, text),
        "grusky_coverage": lambda: grusky_coverage(summary, text),
        "attribute": lambda: attribute(sentences, text),
        "evidence": lambda: evidence(summary, text, part, max_characters=2_000),
    }
    plain = 0.0
    for name, job in jobs.items():
        seconds = min(timed(job) for _ in range(5)) / len(text) * 1e6
        plain = plain or seconds
        print(f"{name:22} {seconds:6.3f} s per million characters = {seconds / plain:4.1f} x")


def timed(job: Callable[[], object]) -> float:
    """Return how many seconds `job` takes."""
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def main(path: str) -> None:
    """Print all figures."""
    sources, answers = read(path)
    print_aucs(answers, sources)
    warned = [bool(ungrounded(answer.text, sources[answer.meeting])) for answer in answers]
    print(f"{sum(warned) / len(warned):.1%} of {len(warned)} true summaries are warned of")
    print_hits(answers, sources)
    print_times(answers, sources)


if __name__ == "__main__":
    main(sys.argv[1])
