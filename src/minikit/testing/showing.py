"""Requests in the words of a failing test: short, and one beside the other."""

from __future__ import annotations

import difflib
import json
import re
from itertools import takewhile
from operator import eq

from minikit.testing.request import Request

__all__ = ["difference", "likeness", "shown"]

SHOWN_CHARACTERS = 600
"""Of each message; of a longer one its two ends."""

LINES_AT_MOST = 30
_COMPARED_CHARACTERS = 4_000
_COMPARED_LINES = 2_000
_BREAK = re.compile(r"(?<=[.!?])\s+|\n")
_WIDTH = 160


def shown(request: Request) -> str:
    """Return what was asked, indented, long texts in the middle left out."""
    told = {name: value for name, value in request.options.items() if name not in _LONG}
    told |= {name: "..." for name in _LONG if name in request.options}
    options = "".join(f", {name}={json.dumps(value)}" for name, value in told.items())
    lines = [f"{request.model}{options}"]
    lines += (f"{role}: {_short(text)}" for role, text in request.texts)
    return "\n".join("    " + line.replace("\n", "\n      ") for line in lines)


_LONG = ("tools", "tool_choice", "response_format")


def _short(text: str) -> str:
    left_out = len(text) - SHOWN_CHARACTERS
    if left_out <= 0:
        return text
    half = SHOWN_CHARACTERS // 2
    return f"{text[:half]}\n[... {left_out:,} characters ...]\n{text[-half:]}"


def likeness(one: Request, other: Request) -> float:
    """Tell how alike two requests are, from 0 to 1, by their ends: a document may be long."""
    from rapidfuzz.fuzz import ratio

    return ratio(_ends(one), _ends(other)) / 100


def _ends(request: Request) -> str:
    text = f"{request.model}\n{request.prompt}\n{json.dumps(request.options)}"
    return text[:_COMPARED_CHARACTERS] + text[-_COMPARED_CHARACTERS:]


def difference(recorded: Request, asked: Request) -> str:
    """Return the lines in which two requests differ: "-" as recorded, "+" as asked."""
    before, after = _lines(recorded), _lines(asked)
    same = len(list(takewhile(bool, map(eq, before, after))))
    start = max(0, same - 1)  # what differs is found far from the start of a long document too
    before, after = before[start:][:_COMPARED_LINES], after[start:][:_COMPARED_LINES]
    changes = list(difflib.unified_diff(before, after, n=1, lineterm=""))[3:]
    left_out = len(changes) - LINES_AT_MOST
    more = [f"[... {left_out:,} more lines ...]"] if left_out > 0 else []
    return "\n".join("    " + line for line in changes[:LINES_AT_MOST] + more)


def _lines(request: Request) -> list[str]:
    options = {"model": request.model, "stream": request.is_streamed, **request.options}
    told = [f"{name}: {json.dumps(value)}" for name, value in options.items()]
    texts = [f"{role}: {text}" for role, text in request.texts]
    sentences = (sentence for text in (*told, *texts) for sentence in _BREAK.split(text))
    return [
        sentence[start : start + _WIDTH]
        for sentence in sentences
        for start in range(0, max(1, len(sentence)), _WIDTH)
    ]
