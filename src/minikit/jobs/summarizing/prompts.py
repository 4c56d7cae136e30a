"""How the calls of a summary are put together.

The source stands first, in a fence, and what is asked stands after it: a second question about the
same passage is then read from the prompt cache, and the request is the last thing read. Whatever
comes from a document or from a model (texts, titles, headings, summaries, quotes) stands in a
fence; outside stand the words of the prompts and of the caller alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from minikit.jobs.material import source_fence
from minikit.jobs.points import unmarked
from minikit.text.fence import fence
from minikit.tokens.messages import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikit.jobs.summarizing.options import Options
    from minikit.text.document import Document, Span

__all__ = [
    "Stretch",
    "map_prompt",
    "merge_prompt",
    "part_fence",
    "refine_prompt",
    "revise_prompt",
    "single_prompt",
]


def single_prompt(document: Document, words: int, options: Options) -> tuple[Message, ...]:
    """Ask for the summary of a whole document."""
    ask = options.prompts.fill("single", words=words)
    return _messages([source_fence(document, document.text)], [ask, *_cite(options)], options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of the source as a call reads it.

    Attributes:
        text: The stretch.
        part: Which part it is, such as "3".
        parts: Of how many, such as "16".
        headings: The titles that it begins under, outermost first.
    """

    text: str
    part: str
    parts: str
    headings: tuple[str, ...] = ()


def map_prompt(
    document: Document, stretch: Stretch, words: int, options: Options
) -> tuple[Message, ...]:
    """Ask for the summary of one stretch."""
    ask = options.prompts.fill("map", words=words, part=stretch.part, parts=stretch.parts)
    fenced = source_fence(document, stretch.text, stretch.headings)
    return _messages([fenced], [ask, *_cite(options)], options)


def refine_prompt(
    document: Document, summary: str, stretch: Stretch, words: int, options: Options
) -> tuple[Message, ...]:
    """Ask to go on with `summary`, which is fenced, over the next stretch."""
    ask = options.prompts.fill("refine", words=words, part=stretch.part, parts=stretch.parts)
    cite = [options.prompts.fill("cite_refine")] if options.cite else []
    material = [summary, source_fence(document, stretch.text, stretch.headings)]
    return _messages(material, [ask, *cite], options)


def merge_prompt(
    parts: Sequence[str], *, words: int, final: bool, unread: int, options: Options
) -> tuple[Message, ...]:
    """Ask for one summary out of those of consecutive parts, which are fenced."""
    scope = "the whole document" if final else "this stretch of the document"
    ask = [options.prompts.fill("merge", words=words, scope=scope)]
    if unread:
        ask.append(
            f"Of {scope}, {unread} passages between the parts could not be read; do not guess "
            f"what stands there."
        )
    return _messages(parts, [*ask, *_keep(options)], options)


def revise_prompt(
    summary: str, *, words: int, written: int, options: Options
) -> tuple[Message, ...]:
    """Ask to shorten a summary, which is fenced."""
    ask = options.prompts.fill("revise", words=words, written=written)
    return _messages([summary], [ask, *_keep(options)], options)


def part_fence(text: str, span: Span, length: int, heading: str = "") -> str:
    """Return a summary as it stands in a prompt, with its place in a source of `length`."""
    first, last = (100 * offset // max(1, length) for offset in (span.start, span.end))
    told = {"heading": unmarked(heading)} if heading.strip() else {}
    return fence(text, "part", place=f"{first}%-{last}%", **told)


def _messages(material: Sequence[str], ask: Sequence[str], options: Options) -> tuple[Message, ...]:
    asked = "\n\n".join(["\n".join(material), *ask, *_wishes(options)])
    return (
        Message(role="system", content=options.prompts.fill("system")),
        Message(role="user", content=asked),
    )


def _cite(options: Options) -> list[str]:
    return [options.prompts.fill("cite")] if options.cite else []


def _keep(options: Options) -> list[str]:
    return [options.prompts.fill("keep")] if options.cite else []


def _wishes(options: Options) -> list[str]:
    prompts, wishes = options.prompts, list[str]()
    for name in ("focus", "language", "style"):
        if wish := getattr(options, name):
            wishes.append(prompts.fill(name, **{name: wish}))
    if options.instructions:
        wishes.append(options.instructions)
    return wishes if options.language else [*wishes, prompts.fill("same_language")]
