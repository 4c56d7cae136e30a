"""Counters that could stand in for tiktoken: how fast each is, and whether it counts the same.

    python benchmarks/counters.py [--quick] [--fuzz 60000]

measures those of rs_bpe, bpe-openai and gigatoken that are installed in this environment or, where
there is one, in `venvs/counters`: seconds beside one `encode_ordinary` of tiktoken over the same
text just before, and the number of texts that are counted otherwise, among them runs that no
pattern cuts, special tokens, lone surrogates, and random strings of awkward characters.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from pydoc_data.topics import topics
from statistics import median
from string import ascii_lowercase
from typing import Any

from results import HOME, Row, save

Counter = Callable[[str], int]

_RUNS = 5
_RANKS = HOME / "tiktoken" / "fb374d419588a4632f3f557e76b4b70aebbca790"
_SIGNS = (
    *"aZéßſK1٣½ \t\n\r'’s/-.,;:!?\"()<|>_#@&*+=\\`~^{}[]",
    *"中国。，の東京ひカ한국ไทยمرحбашהशिक्षा́️😀👨‍👩‍👧‍👦\u200d\xa0\u3000\u2028\x00\x0b\x0c\x85",
    *(
        "the",
        "'ll",
        "'S",
        " and",
        "\r\n",
        "  ",
        "<|endoftext|>",
        "123",
        "ſ",
        "İ",
        "DŽ",
        "ǅ",
        "\u0345",
    ),
)


_BLOCKS: tuple[Callable[[random.Random], int], ...] = (
    lambda draw: draw.randrange(0x20, 0x7F),
    lambda draw: draw.randrange(0xA0, 0x3100),
    lambda draw: draw.randrange(0x4E00, 0xD7A4),
    lambda draw: draw.randrange(0xE000, 0x110000),
)
"""Ranges that characters are drawn from, also those that no version of Unicode has assigned."""


def rs_bpe() -> Counter:
    """Return the counter of rs_bpe."""
    openai: Any = import_module("rs_bpe").openai

    count: Counter = openai.o200k_base().count
    return count


def bpe_openai() -> Counter:
    """Return the counter of bpe-openai."""
    get_encoding: Any = import_module("bpe_openai").get_encoding

    encode = get_encoding("o200k_base").encode_ordinary
    return lambda text: len(encode(text))


def gigatoken() -> Counter:
    """Return the counter of gigatoken, which knows no special tokens if it is given none."""
    tokenizer: Any = import_module("gigatoken").Tokenizer

    encode = tokenizer.from_tiktoken(_RANKS, "o200k", {}).encode
    return lambda text: len(encode(text))


COUNTERS = {"rs_bpe": rs_bpe, "bpe-openai": bpe_openai, "gigatoken": gigatoken}


def texts(*, quick: bool) -> dict[str, str]:
    """Return real texts and runs that tokenizers are slow on."""
    found = {"manual": "\n\n".join(topics.values())}
    for name, file in {"wp": "docs/wp.txt", "cjk": "docs/cjk.txt"}.items():
        if (HOME / file).exists() and not quick:
            found[name] = (HOME / file).read_text("utf-8")
    long = 20_000 if quick else 200_000
    draw = random.Random(7)
    letters = "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=long))
    runs = {"one letter": "a" * long, "spaces": " " * long, "letters": letters}
    signs = {"newlines": "\n" * long, "one sign": "-" * long, "emoji": "👨‍👩‍👧‍👦" * (long // 10)}
    return {**found, **runs, **signs}


def fuzz(count: int) -> Iterator[str]:
    """Yield random strings of awkward characters; lone surrogates in some."""
    draw = random.Random(11)
    for number in range(count):
        size = draw.randint(1, 24)
        signs = draw.choices(_SIGNS, k=size)
        if number % 3 == 0:
            signs = [chr(draw.choice(_BLOCKS)(draw)) for _ in range(size)]
        yield "".join([*signs, *(["\ud800"] if number % 50 == 0 else [])])


def words(count: int, seed: int) -> str:
    """Return words that no text holds."""
    draw = random.Random(seed)
    lengths = (draw.randint(5, 12) for _ in range(count))
    return " ".join("".join(draw.choices(ascii_lowercase, k=length)) for length in lengths)


def measured(name: str, plain: Counter, *, quick: bool, count: int) -> list[Row]:
    """Return a row for each text, and one for all random strings."""
    started = time.perf_counter()
    counter = COUNTERS[name]()
    counter("Warm up.")
    load_s = round(time.perf_counter() - started, 3)
    told = {"counter": name, "version": version(name), "load_s": load_s}
    rows = [
        {**told, "text": key, **_timed(counter, plain, text)}
        for key, text in texts(quick=quick).items()
    ]
    before = _resident_mb()
    for number in range(100):
        counter(words(10_000, number))
    grown = {"grown_mb": _resident_mb() - before}
    wrong = [text for text in fuzz(count) if _count(counter, text) != plain(text)]
    surrogates = sum(any("\ud800" <= sign <= "\udfff" for sign in text) for text in wrong)
    return [
        *rows,
        {
            **told,
            **grown,
            "text": "random strings",
            "of": count,
            "wrong": len(wrong),
            "surrogates": surrogates,
        },
    ]


def _timed(counter: Counter, plain: Counter, text: str) -> Row:
    pairs = [(_seconds(plain, text), _seconds(counter, text)) for _ in range(_RUNS)]
    cold = pairs[0][1] / pairs[0][0]
    ratio = median(theirs / ours for ours, theirs in pairs[1:])
    same = _count(counter, text) == plain(text)
    return {"cold": round(cold, 3), "warm": round(ratio, 3), "same": same}


def _resident_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def _seconds(counter: Counter, text: str) -> float:
    start = time.perf_counter()
    _count(counter, text)
    return time.perf_counter() - start


def _count(counter: Counter, text: str) -> int | None:
    try:
        return counter(text)
    except Exception:  # noqa: BLE001 - whatever it is, it did not count
        return None


def main() -> None:
    """Measure the counters, in an environment of their own where there is one."""
    parser = argparse.ArgumentParser(description="Counters beside tiktoken.")
    parser.add_argument("--quick", action="store_true", help="short texts")
    parser.add_argument("--fuzz", type=int, default=60_000, help="random strings")
    parser.add_argument("--here", action="store_true", help="print rows of this environment only")
    arguments = parser.parse_args()
    python = HOME / "venvs" / "counters" / "bin" / "python"
    if not arguments.here and python.exists():
        command = [str(python), __file__, "--here", "--fuzz", str(arguments.fuzz)]
        quick = ["--quick"] if arguments.quick else []
        environment = {**os.environ, "TIKTOKEN_CACHE_DIR": str(HOME / "tiktoken")}
        told = subprocess.run(
            [*command, *quick], check=True, stdout=subprocess.PIPE, env=environment
        )
        rows = json.loads(told.stdout)
    else:
        rows = _rows(quick=arguments.quick, count=arguments.fuzz)
    if arguments.here:
        print(json.dumps(rows))
        return
    for row in rows:
        print(json.dumps(row))
    save("counters", rows, command="python benchmarks/counters.py")


def _rows(*, quick: bool, count: int) -> list[Row]:
    import tiktoken

    encoder = tiktoken.get_encoding("o200k_base")

    def plain(text: str) -> int:
        return len(encoder.encode_ordinary(text))

    rows = list[Row]()
    for name in COUNTERS:
        try:
            rows += measured(name, plain, quick=quick, count=count)
        except ImportError as error:
            print(f"{name}: {error}", file=sys.stderr)
    return rows


if __name__ == "__main__":
    main()
