"""Quality and speed of the extractive summary.

    python benchmarks/extractive.py MEETINGS.jsonl [WORDS]

reads a meeting a line, as QMSum publishes them (https://github.com/Yale-LILY/QMSum, MIT:
`meeting_transcripts`, `general_query_list`) or flattened (`transcript`, `queries`), and compares
the summary of each with the first answer by ROUGE-1, -2 and -L (F, lower-cased words and numbers,
no stemming), beside the first words of the transcript.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

from minikit.text.extractive import extract


def read(row: dict[str, Any]) -> tuple[str, str]:
    """Return the transcript of a meeting and its reference summary."""
    if "transcript" in row:
        return row["transcript"], row["queries"][0]["answer"]
    turns = (f"{turn['speaker']}: {turn['content']}" for turn in row["meeting_transcripts"])
    return "\n".join(turns), row["general_query_list"][0]["answer"]


def summary(text: str, words: int) -> str:
    """Return the extractive summary with its white space collapsed."""
    chosen = (text[each.start : each.end] for each in extract(text, max_words=words))
    return " ".join(" ".join(sentence.split()) for sentence in chosen)


def rouge(candidate: str, reference: str) -> tuple[float, float, float]:
    """Return ROUGE-1, ROUGE-2 and ROUGE-L as F measures, in percent."""
    ours, theirs = (re.findall(r"[a-z0-9]+", text.lower()) for text in (candidate, reference))
    return (
        f_measure(*(Counter(zip(words)) for words in (ours, theirs))),
        f_measure(*(Counter(pairwise(words)) for words in (ours, theirs))),
        f_of(longest_common(ours, theirs), len(ours), len(theirs)),
    )


def f_measure(ours: Counter[Any], theirs: Counter[Any]) -> float:
    """Return the F measure of two bags."""
    return f_of((ours & theirs).total(), ours.total(), theirs.total())


def f_of(common: int, ours: int, theirs: int) -> float:
    """Return the F measure in percent."""
    return 200 * common / (ours + theirs) if common else 0.0


def longest_common(ours: list[str], theirs: list[str]) -> int:
    """Return the length of the longest common subsequence."""
    row = [0] * (len(theirs) + 1)
    for word in ours:
        above, row = row, [0]
        for number, other in enumerate(theirs):
            row.append(above[number] + 1 if word == other else max(above[number + 1], row[-1]))
    return row[-1]


def main(path: str, words: int = 125) -> None:
    """Print the mean scores and the time."""
    rows = [read(json.loads(line)) for line in Path(path).read_text("utf-8").splitlines()]
    began = time.perf_counter()
    summaries = [summary(text, words) for text, _ in rows]
    seconds = time.perf_counter() - began
    leads = [" ".join(text.split()[:words]) for text, _ in rows]
    for name, candidates in (("extractive", summaries), ("first words", leads)):
        scores = [rouge(ours, row[1]) for ours, row in zip(candidates, rows, strict=True)]
        means = (sum(score) / len(rows) for score in zip(*scores, strict=True))
        print(f"{name:12}", *(f"{mean:5.1f}" for mean in means))
    characters = sum(len(text) for text, _ in rows)
    print(f"{len(rows)} meetings; {seconds / characters * 1e6:.2f} s per million characters")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))
