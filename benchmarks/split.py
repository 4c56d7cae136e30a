"""How long `split` takes, beside one plain pass of tiktoken over the same text.

    python benchmarks/split.py [--limits 512,4000,100000] [--runs 5] [FILE ...]

Without files it cuts the reference manual of Python that every interpreter carries (0.5 MB), and
the same text eight times over (3.7 MB), for which two threads are used. Each run of `split` is
paired with a plain `encode_ordinary` of the whole text just before it; the ratio is the median of
the pairs, so a busy machine matters little. Fill is the fewest chunks possible by the actual ones.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from pydoc_data.topics import topics
from statistics import median
from typing import TYPE_CHECKING

from minikit import split
from minikit.tokens.vocabulary import encoding

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Print one line a text and limit."""
    parser = argparse.ArgumentParser(description="Time split beside tiktoken.")
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--limits", default="512,4000,100000")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{'text':24} {'limit':>7}  ratio   MB/s  chunks  fill at ends")
    for name, text in _texts(arguments.files).items():
        for limit in map(int, arguments.limits.split(",")):
            print(f"{name:24} {limit:7} {_measure(text, limit, arguments.runs)}", flush=True)


def _texts(files: list[Path]) -> dict[str, str]:
    if files:
        return {file.name: file.read_bytes().decode() for file in files}
    manual = "\n".join(topics.values())
    return {"manual": manual, "manual x 8": manual * 8}


def _measure(text: str, limit: int, runs: int) -> str:
    encoder = encoding("o200k_base")
    split(text, limit)  # loads the second vocabulary where one is used
    plain: list[float] = []
    ours: list[float] = []
    for _ in range(runs):
        plain.append(_seconds(lambda: encoder.encode_ordinary(text)))
        ours.append(_seconds(lambda: split(text, limit)))
    ratio = median(mine / theirs for mine, theirs in zip(ours, plain, strict=True))
    chunks = split(text, limit)
    fewest = -(-sum(chunk.tokens for chunk in chunks) // limit)
    ends = [_is_end(text, chunk.start) for chunk in chunks[1:]] or [True]
    speed = len(text.encode()) / median(ours) / 1e6
    return (
        f"{ratio:6.2f} {speed:6.1f} {len(chunks):7} {fewest / len(chunks):5.2f} "
        f"{sum(ends) / len(ends):7.0%}"
    )


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _is_end(text: str, cut: int) -> bool:
    """Whether a line or a sentence ends at `cut`."""
    return (
        text[cut - 1] in "\r\n"
        or text[max(0, cut - 9) : cut].rstrip("\"'”’)»」』*_")[-1:] in ".!?…。！？"
    )


if __name__ == "__main__":
    main()
