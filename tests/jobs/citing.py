"""A model that quotes, as handlers of the scripted server; it can lie as told."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from minikit.jobs.summarizing.merging import DOUBTFUL
from minikit.text.fence import unfence
from server import ok

if TYPE_CHECKING:
    from collections.abc import Callable

    from server import Reply

__all__ = ["honest", "is_merge", "numbers", "points", "prompt", "quoting", "sentences"]

Body = dict[str, Any]
_POINT = re.compile(r"^\[#(\d+)\] (.*)$", re.MULTILINE)


def prompt(body: Body) -> str:
    """Return the message of the user."""
    return str(body["messages"][-1]["content"])


def is_merge(body: Body) -> bool:
    """Whether a request holds summaries alone."""
    return "<part" in prompt(body) and "<document" not in prompt(body)


def sentences(body: Body) -> list[str]:
    """Return the sentences of the source in a request."""
    source = unfence(prompt(body))[-1]
    return [each for each in re.split(r"(?<=[.!?。])\s*", source) if each]


def numbers(body: Body) -> list[tuple[int, str]]:
    """Return the numbered points of a request."""
    return [(int(number), text) for number, text in _POINT.findall(prompt(body))]


def points(*said: tuple[str, list[str]], kept: list[int] | None = None) -> Reply:
    """Answer with points, each a text and its quotes."""
    made: list[Body] = [{"text": text, "quotes": quotes} for text, quotes in said]
    if kept is not None:
        made += [{"text": f"Kept {kept}.", "quotes": [], "points": kept}]
    return ok(json.dumps({"points": made}))


def quoting(
    quote: Callable[[str], str], *, every: int = 7, merged: int = 12
) -> Callable[[Body], Reply]:
    """Return a handler that summarizes by every seventh sentence and quotes `quote` of it.

    A merge keeps the first and the last points, each with its number.
    """

    def answer(body: Body) -> Reply:
        if is_merge(body):
            kept = numbers(body)
            few = [*kept[: merged // 2], *kept[max(merged // 2, len(kept) - merged // 2) :]]
            plain = ((number, text.removesuffix(DOUBTFUL).rstrip(" .")) for number, text in few)
            return ok(" ".join(f"{text} [#{number}]." for number, text in plain))
        return points(*((f"It says: {each}", [quote(each)]) for each in sentences(body)[::every]))

    return answer


honest = quoting(lambda sentence: sentence)
"""A handler whose quotes are all true."""
