"""What the offline model answers: sentences of the material in a prompt, and none of its own.

A `part` of the material may hold numbered points of an earlier call, a line each: "[#12] What was
said.", and, indented, what was quoted for it or for all of the part: "“What was said.”". The number
goes with each sentence that is selected from its line, and the quotations are never selected.

Where what stands around the material ends with a line "Question: ...", the reply is what matches
the question best; a `part` is then an earlier question with its answer, and no material. Earlier
questions are what a question is about that has no word of its own.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING

from minikit.text.attribution import attribute
from minikit.text.document import Span
from minikit.text.extractive import extract
from minikit.text.fence import fenced, outside
from minikit.text.stopwords import guess_language, stop_words
from minikit.text.units import units
from minikit.text.words import terms
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from minikit.text.extractive import Excerpt

__all__ = ["NOTHING_TO_SELECT", "Selected", "cut", "select", "select_sentences"]

NOTHING_TO_SELECT = "[…]"
"""The reply to a fence with only white space in it: a mark, since an empty reply is an error."""

_DEFAULT_WORDS = 150
_MOST_WORDS = 100_000
# A word of English is about 1.3 tokens; of other languages often more.
_WORDS_PER_TOKEN = 0.6
_ABOUT_WORDS = re.compile(
    r"\b(?:about|most|in|of|than)\s+([0-9][0-9,]{0,9})[\s-]words?\b", re.IGNORECASE
)
_WORDS = re.compile(r"\b([0-9][0-9,]{0,9})[\s-]words?\b", re.IGNORECASE)
_NUMBER = re.compile(r"\[#([0-9]{1,9})\]")
_QUOTATION = re.compile(r"[ \t]+“")
_BETWEEN = "\n\n"
_QUESTION = re.compile(r"^Question: ", re.MULTILINE)
_MATCHES_AT_MOST = 3
_NEARLY_AS_GOOD = 0.6  # as the best match
_ASKING = ("?", "？", "؟")
_AFTER = 800  # characters in which the sentence after a question is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """A stretch of the material that was selected.

    Attributes:
        words: It, verbatim but for white space.
        is_whole: False when it breaks off in the middle of a sentence.
        points: The numbers of its line, in ascending order; () where it has none.
    """

    words: str
    is_whole: bool
    points: tuple[int, ...]

    @property
    def text(self) -> str:
        """The words, with a mark where they break off."""
        return self.words if self.is_whole else f"{self.words} {NOTHING_TO_SELECT}"


def select(prompt: str, *, max_tokens: int) -> str:
    """Choose sentences of the material in `prompt`: as many as it asks for, or those it asks for.

    The material is the texts of its fences, and what stands outside them says how long the
    reply shall be: "in about 200 words", or else any other "200 words". A prompt without fences
    is all material, and then, or where no length is asked for, the reply has 150 words, or as
    many as are sure to fit into `max_tokens`. Where it asks a question, the reply is the three
    passages at most that match it best, the best first.

    Args:
        prompt: Not blank.
        max_tokens: Limit of the reply; a length that is asked for is kept even if it passes it.

    Returns:
        Sentences of the material, verbatim but for white space, in its order, a line each or for
        several that follow each other; the numbers of a line that has some stand at its end:
        "What was said. [#12]". `NOTHING_TO_SELECT` where the material is blank.
    """
    answer = _matching(prompt)
    if answer is not None:
        return "\n".join(each.text for each in answer) or NOTHING_TO_SELECT
    material, excerpts = _extracted(prompt, max_tokens)
    lines = (_numbered(material.at(each.start, each.end, each.is_whole)) for each in excerpts)
    return "\n".join(lines) or NOTHING_TO_SELECT


def select_sentences(prompt: str, *, max_tokens: int) -> list[Selected]:
    """Choose the sentences that `select` chooses, and return each on its own."""
    answer = _matching(prompt)
    if answer is not None:
        return answer
    material, excerpts = _extracted(prompt, max_tokens)
    return list(_apart(material, excerpts))


def cut(content: str, max_tokens: int, encoding: str) -> str:
    """Return a beginning of `content` of at most `max_tokens` tokens, and hardly fewer."""
    fits, too_long = 0, len(content)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if count_text(content[:middle], encoding) <= max_tokens:
            fits = middle
        else:
            too_long = middle
    return content[:fits]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    """Text without the numbers of its lines; of each line that had some, where it stands."""

    text: str
    starts: list[int]
    ends: list[int]
    numbers: list[tuple[int, ...]]

    @classmethod
    def of(cls, fences: Sequence[tuple[str, str]]) -> _Material:
        """Join the texts of fences; of parts without their numbers and quotations."""
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        numbers: list[tuple[int, ...]] = []
        length = 0
        for tag, text in fences:
            for line in text.split("\n") if tag == "part" else [text]:
                found, piece = _parted(line) if tag == "part" else ((), line)
                if tag == "part" and not found and _QUOTATION.match(line):
                    continue
                if found:
                    piece = f"\n{piece}\n"  # a paragraph of its own, which is wrapped with no other
                    starts.append(length)
                    ends.append(length + len(piece))
                    numbers.append(found)
                pieces.append(piece)
                length += len(piece) + 1
            pieces.append("")
            length += 1
        return cls(text="\n".join(pieces), starts=starts, ends=ends, numbers=numbers)

    def at(self, start: int, end: int, is_whole: bool) -> Selected:
        line = bisect_right(self.starts, start) - 1
        is_numbered = line >= 0 and start < self.ends[line]
        return Selected(
            words=" ".join(self.text[start:end].split()),
            is_whole=is_whole,
            points=self.numbers[line] if is_numbered else (),
        )


def _parted(line: str) -> tuple[tuple[int, ...], str]:
    """Part the numbers at the beginning and the end of a line from what stands between them."""
    found = list(_NUMBER.finditer(line))
    numbers: set[int] = set()
    start, end = 0, len(line)
    for number in found:
        if line[start : number.start()].strip():
            break
        numbers.add(int(number[1]))
        start = number.end()
    for number in reversed(found):
        if number.start() < start or line[number.end() : end].strip():
            break
        numbers.add(int(number[1]))
        end = number.start()
    return tuple(sorted(numbers)), line[start:end]


def _matching(prompt: str) -> list[Selected] | None:
    """Return what matches the question of a prompt; None where it asks none of its material."""
    fences = fenced(prompt)
    asked = _QUESTION.split(outside(prompt))
    if not fences or len(asked) < 2:
        return None
    texts = [text for tag, text in fences if tag != "part"]
    text = _BETWEEN.join(texts)
    question = asked[-1]
    if not _tells(question):  # as "And why?", which only those before it explain
        parts = (text for tag, text in fences if tag == "part")
        question = " ".join(_QUESTION.sub("", text.split("\n", 1)[0]) for text in parts)
    starts = accumulate((len(each) + len(_BETWEEN) for each in texts), initial=0)
    spans = [Span(start, start + len(each)) for start, each in zip(starts, texts, strict=False)]
    found = attribute([question], text, spans=spans, most=_MATCHES_AT_MOST)[0]
    good = (each.span for each in found if each.score >= _NEARLY_AS_GOOD * found[0].score)
    return _told(text, good, spans)


def _tells(question: str) -> bool:
    """Whether a question has a word that is no stop word."""
    words = terms(question)
    return not stop_words(guess_language(Counter(words))).issuperset(words)


def _told(text: str, found: Iterable[Span], fences: Sequence[Span]) -> list[Selected]:
    """Return passages, those that only ask with the sentence after them; each sentence once."""
    told: list[Span] = []
    for span in found:
        if not any(each.start <= span.start < each.end for each in told):
            fence = next(each for each in fences if span.end <= each.end)
            told.append(replace(span, end=_told_at(text, span, fence.end)))
    words = dict.fromkeys(" ".join(text[each.start : each.end].split()) for each in told)
    return [Selected(words=each, is_whole=True, points=()) for each in words]


def _told_at(text: str, span: Span, end: int) -> int:
    """Return where a passage ends, or, where it only asks, the sentence after it up to `end`."""
    if not text[span.start : span.end].endswith(_ASKING):
        return span.end
    after = units(text[span.end : min(end, span.end + _AFTER)])
    return span.end + after[0].end if after else span.end


def _extracted(prompt: str, max_tokens: int) -> tuple[_Material, list[Excerpt]]:
    fences = fenced(prompt)
    words = _words_asked(outside(prompt)) if fences else None
    if words is None:
        words = min(_DEFAULT_WORDS, max(1, int(max_tokens * _WORDS_PER_TOKEN)))
    material = _Material.of(fences or [("document", prompt)])
    return material, extract(material.text, max_words=words)


def _apart(material: _Material, excerpts: Sequence[Excerpt]) -> Iterator[Selected]:
    """Yield the sentences of excerpts, which may hold several or the beginning of one."""
    left = iter(excerpts)
    excerpt = next(left, None)
    for unit in units(material.text):
        while excerpt and excerpt.end <= unit.start:
            excerpt = next(left, None)
        if excerpt and excerpt.start < unit.end:
            end = min(excerpt.end, unit.end)
            is_whole = unit.is_whole and end == unit.end
            yield material.at(max(excerpt.start, unit.start), end, is_whole)


def _numbered(selected: Selected) -> str:
    return " ".join([selected.text, *(f"[#{number}]" for number in selected.points)])


def _words_asked(ask: str) -> int | None:
    asked = _ABOUT_WORDS.search(ask) or _WORDS.search(ask)
    return min(_MOST_WORDS, max(1, int(asked[1].replace(",", "")))) if asked else None
