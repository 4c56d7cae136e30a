"""Markdown whose text is indented under a head: admonitions, tabs, footnotes, definitions.

CommonMark takes what is indented by four for code. Those who write with MkDocs (Python-Markdown and
its extensions) mean text: https://python-markdown.github.io/extensions/ (read 2026-11-22).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock

__all__ = ["container"]

_TITLED = re.compile(r'(?:!!!|\?\?\?\+?|===[!+]*+(?=[ \t]*"))[\w \t-]*+(?:"(.*)")?[ \t]*$')
_LED = re.compile(r"(?:\[\^[^\]\s]+\]:|:)[ \t]+(?=\S)")
_INDENT = 4
_ROOM = 2  # levels that a paragraph in it needs; past the deepest one the parser skips the rest


def container(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read a head and what is indented under it, as a rule for blocks of markdown-it-py."""
    if state.is_code_block(start) or state.level + _ROOM >= state.md.options.maxNesting:
        return False
    at = state.bMarks[start] + state.tShift[start]
    titled = _TITLED.match(state.src, at, state.eMarks[start])
    led = _LED.match(state.src, at, state.eMarks[start])
    if led is None and (titled is None or not _has_body(state, start + 1, end)):
        return False
    if silent:
        return True
    if led is not None:
        _read(state, start, end, led.end())
        return True
    if titled is not None and titled[1]:
        state.push("paragraph_open", "p", 1).map = [start, start + 1]
        inline = state.push("inline", "", 0)
        inline.map, inline.content = [start, start + 1], titled[1]
        state.push("paragraph_close", "p", -1)
    _read(state, start + 1, end)
    return True


def _has_body(state: StateBlock, line: int, end: int) -> bool:
    while line < end and state.isEmpty(line):
        line += 1
    return line < end and state.sCount[line] - state.blkIndent >= _INDENT


def _read(state: StateBlock, start: int, end: int, words: int | None = None) -> None:
    """Read what is indented from `start` on; the first line as if it were, from `words` on."""
    before = state.blkIndent, state.level, state.tShift[start], state.sCount[start]
    state.blkIndent += _INDENT
    state.level += 1
    if words is not None:
        state.tShift[start] = words - state.bMarks[start]
        state.sCount[start] = state.blkIndent
    state.md.block.tokenize(state, start, end)
    state.blkIndent, state.level, state.tShift[start], state.sCount[start] = before
