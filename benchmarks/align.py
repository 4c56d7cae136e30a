"""What quotes are taken for, true ones and corrupted ones, and how long that takes.

    python benchmarks/align.py FILE [QUOTES]

makes up to QUOTES (default 300) quotes of each kind from sentences of 8 to 60 words of a text in
English, says that each comes from the part of 200,000 characters that its sentence is in, and
counts the verdicts, and the quotes that were found at another sentence (one may stand in a text
twice, or be about the same as the next). The time of a quote is shown beside one `str.find` of it
over the whole text, and beside rapidfuzz alone (`partial_ratio` over the part, lower case). The
last line is a book's worth: 500 quotes, 90 % exact, 5 % mistyped, 5 % made up, with normalizing.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random
from statistics import mean
from typing import TYPE_CHECKING

from rapidfuzz import fuzz

from minikit.text.align import QuoteFinder
from minikit.text.document import Span
from minikit.text.normalize import Normalized
from minikit.text.units import sentences

if TYPE_CHECKING:
    from collections.abc import Callable

PART = 200_000
VERDICTS = ("found", "fuzzy", "misattributed", "spliced", "fabricated")
KINDS = (
    *("exact", "typos", "dropped", "ellipsis"),  # true
    *("number", "name", "negation", "silent", "spliced", "shuffled", "made up"),
)
NUMBERS = (
    *("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "twenty"),
    *("thirty", "hundred"),
)
NUMBER = re.compile(rf"\d+|\b(?:{'|'.join(NUMBERS)})\b")
SMALL = re.compile(r" (?:the|a|an|and|of|that|um|uh|so) ")
VERB = re.compile(
    r"\b(?:is|are|was|were|will|would|can|could|did|do|does|has|had|should)\b(?! not|[’'])"
)
NOT = re.compile(r" not\b")
NAME = re.compile(r"(?<=[a-z,] )[A-Z][^\W\d_]{2,}")


class Maker:
    """Makes quotes of a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.draw = Random(7)
        spans = [span for span in sentences(text) if 8 <= len(text[slice(*span)].split()) < 60]
        self.spans = self.draw.sample(spans, len(spans))
        small = {word for word in re.findall(r"[^\W\d_]+", text) if word.islower()}
        names = Counter(name for name in NAME.findall(text) if name.lower() not in small)
        self.names = sorted(name for name, times in names.items() if times > 1)
        self.words = text.split()

    def exact(self, sentence: str) -> str:
        """Set it otherwise: spaces, quotation marks, dashes, case of the first letter."""
        quote = " ".join(sentence.split()).translate(str.maketrans("“”‘’—", "\"\"''–"))
        return f'"{quote[0].swapcase()}{quote[1:].rstrip(".")}"'

    def typos(self, sentence: str, every: int = 60) -> str:
        """Mistype a letter in each 60 characters: doubled, left out, or put after the next."""
        quote = " ".join(sentence.split())
        for at in range(len(quote) - 3, 3, -every):
            if quote[at : at + 2].isalpha():
                two = quote[at : at + 2]
                new = self.draw.choice([two[0] + two, two[1], two[::-1]])
                quote = quote[:at] + new + quote[at + 2 :]
        return quote

    def dropped(self, sentence: str) -> str:
        """Leave out a small word."""
        return re.sub(
            r" (?:the|a|an|and|of|that|um|uh|so) ", " ", " ".join(sentence.split()), count=1
        )

    def ellipsis(self, sentence: str) -> str:
        """Put an ellipsis for the middle third."""
        words = sentence.split()
        third = len(words) // 3
        return " ".join([*words[:third], "...", *words[-third:]])

    def silent(self, sentence: str) -> str:
        """Leave out the middle third, and say nothing of it."""
        return self.ellipsis(sentence).replace(" ... ", " ")

    def number(self, sentence: str) -> str | None:
        """Change a number."""
        return NUMBER.sub(self._other_number, sentence, 1) if NUMBER.search(sentence) else None

    def name(self, sentence: str) -> str | None:
        """Put another name of the text for one."""
        names = [match for match in NAME.finditer(sentence) if match[0] in self.names]
        others = [name for name in self.names if name not in sentence]
        if not names:
            return None
        found = self.draw.choice(names)
        other = self.draw.choice(others)
        return f"{sentence[: found.start()]}{other}{sentence[found.end() :]}"

    def negation(self, sentence: str) -> str | None:
        """Leave out "not", or put it after a verb."""
        if NOT.search(sentence):
            return NOT.sub("", sentence, 1)
        return VERB.sub(r"\g<0> not", sentence, 1) if VERB.search(sentence) else None

    def spliced(self, sentence: str) -> str:
        """Go on with the second half of another sentence."""
        words = sentence.split()
        other = self.text[slice(*self.draw.choice(self.spans))].split()
        return " ".join(words[: len(words) // 2] + other[len(other) // 2 :])

    def shuffled(self, sentence: str) -> str:
        """Put its words in another order."""
        words = sentence.split()
        return " ".join(self.draw.sample(words, len(words)))

    def made_up(self, sentence: str) -> str:
        """Put words of the text together, as many."""
        return " ".join(self.draw.choices(self.words, k=len(sentence.split())))

    def _other_number(self, match: re.Match[str]) -> str:
        if match[0].isdigit():
            return str(int(match[0]) + self.draw.randint(1, 9))
        return self.draw.choice([number for number in NUMBERS if number != match.group()])


def quotes(maker: Maker, kind: str, count: int) -> list[tuple[str, Span, int]]:
    """Make quotes; each with the part that it is said to come from, and where it stands."""
    make: Callable[[str], str | None] = getattr(maker, kind.replace(" ", "_"))
    made: list[tuple[str, Span, int]] = []
    for start, end in maker.spans:
        low = start // PART * PART
        part = Span(low, min(len(maker.text), low + PART))
        if end <= part.end and (quote := make(maker.text[start:end].strip())):
            made.append((quote, part, start))
        if len(made) == count:
            break
    return made


def seconds(job: Callable[[], object]) -> float:
    """Return how long it takes."""
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def measure(finder: QuoteFinder, kind: str, made: list[tuple[str, Span, int]], text: str) -> None:
    """Print verdicts and times of one kind."""
    verdicts: Counter[str] = Counter()
    elsewhere = 0
    times: dict[str, list[float]] = {"ours": [], "find": [], "fuzzy": []}
    lower = text.lower()
    for quote, part, start in made:
        began = time.perf_counter()
        found = finder.align(quote, part)
        times["ours"].append(time.perf_counter() - began)
        verdicts[found.verdict] += 1
        elsewhere += any(abs(span.start - start) > len(quote) for span in found.spans[:1])
        times["find"].append(seconds(partial(text.find, quote)))
        alone = partial(fuzz.partial_ratio, quote.lower(), lower[part.start : part.end])
        times["fuzzy"].append(seconds(partial(alone, score_cutoff=90)))
    ours, find, fuzzy = map(mean, times.values())
    counts = "".join(f"{verdicts[name] or '':>{len(name) + 2}}" for name in VERDICTS)
    print(
        f"{kind:9}{len(made):8}{counts}{elsewhere or '':>11}"
        f"{ours * 1e3:8.2f}{ours / find:8.1f}{ours / fuzzy:9.1f}",
        flush=True,
    )


def main(path: str, count: int = 300) -> None:
    """Print a line a kind, and the time of a book's worth of quotes."""
    text = Path(path).read_bytes().decode()
    maker = Maker(text)
    finder = QuoteFinder(text)
    print(f"{len(text):,} characters, normalized in {seconds(lambda: Normalized(text)):.2f} s")
    finder.align(text[:100])
    heads = "".join(f"  {name}" for name in VERDICTS)
    print(f"kind       quotes{heads}  elsewhere      ms  x find  x fuzzy")
    for kind in KINDS:
        if made := quotes(maker, kind, count):
            measure(finder, kind, made, text)
    shares = {"exact": 450, "typos": 25, "made up": 25}
    book = [quote for kind, share in shares.items() for quote in quotes(maker, kind, share)]
    fresh = QuoteFinder(text)
    took = seconds(lambda: [fresh.align(quote, part) for quote, part, _ in book])
    print(f"{len(book)} quotes of a book: {took:.2f} s, normalizing it among them")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))
