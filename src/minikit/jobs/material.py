"""How stretches of a source stand in a prompt, and the room that all prompts keep for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikit.text.fence import fence
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from minikit.models.model import Model
    from minikit.text.document import Document

__all__ = [
    "HEADING_TOKENS_AT_MOST",
    "READ_TOKENS_AT_FINEST",
    "READ_TOKENS_AT_MOST",
    "REASONING_TOKENS",
    "SLACK_TOKENS",
    "TITLE_CHARACTERS_AT_MOST",
    "attribute_text",
    "form_tokens",
    "heading_cost",
    "heading_tokens",
    "part_heading",
    "part_heading_tokens",
    "source_fence",
]

TITLE_CHARACTERS_AT_MOST = 200
"""Of a title in a prompt; a longer one, which every call would pay for, is cut off."""

READ_TOKENS_AT_MOST = 120_000
"""Source or summaries in one call, however large the window: of longer prompts, which fit the
windows of some models, the middle is read worst."""

READ_TOKENS_AT_FINEST = 3_000
"""Source tokens in one call at `detail=1`."""

REASONING_TOKENS = 8_000
"""Room for what a reasoning model thinks before it writes a summary."""

SLACK_TOKENS = 64
"""Room for what a prompt adds beyond its empty form: numbers of parts, tokens at the seams."""

HEADING_TOKENS_AT_MOST = 200
"""Room for a heading path; a longer one is left out."""


def source_fence(document: Document, text: str, headings: Sequence[str] = ()) -> str:
    """Return a stretch of the source as it stands in a prompt."""
    title = " ".join((document.title or "").split())
    if len(title) > TITLE_CHARACTERS_AT_MOST:
        title = f"{title[:TITLE_CHARACTERS_AT_MOST]}…"
    told = {"title": title, "heading": " / ".join(headings)}
    return fence(text, **{name: value for name, value in told.items() if value.strip()})


def attribute_text(headings: Sequence[str]) -> str:
    """Return the path of headings as it stands in a tag."""
    import html

    return html.escape(" / ".join(headings))


def form_tokens(form: Mapping[str, Any] | None, model: Model) -> int:
    """Return the tokens of a response format at most: those of its JSON."""
    import json

    return 0 if form is None else count_text(json.dumps(form), model.encoding)


def heading_tokens(model: Model) -> int:
    """Return the room for a heading path, which is little in a small window."""
    return min(HEADING_TOKENS_AT_MOST, model.context_window // 16)


def part_heading(headings: Sequence[str], model: Model) -> str:
    """Return the innermost heading of a part in a merge; "" where there is none, or it is long."""
    heading = headings[-1] if headings else ""
    return heading if heading_cost(heading, model) <= part_heading_tokens(model) else ""


def part_heading_tokens(model: Model) -> int:
    """Return the room for the heading of a part in a merge."""
    return heading_tokens(model) // 4


def heading_cost(heading: str, model: Model) -> int:
    """Return the tokens that a heading adds to a tag, at most."""
    told = f' heading="{attribute_text([heading])}"' if heading else ""
    return count_text(told, model.encoding) + 1
