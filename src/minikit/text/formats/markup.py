"""HTML inside Markdown: what stands between the tags of blocks is translated, the tags stay."""

from __future__ import annotations

import re
from collections.abc import Iterator

from minikit.text.formats.paragraphs import paragraph
from minikit.text.formats.segments import Slot

__all__ = ["html_slots"]

_BLOCKS = (
    "address|article|aside|blockquote|body|br|caption|center|col|colgroup|dd|details|dialog|dir|div"
    "|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|head|header|hr|html|iframe|img|legend|li"
    "|link|main|menu|meta|nav|ol|option|p|picture|section|select|source|summary|table|tbody|td"
    "|tfoot|th|thead|title|tr|ul|video"
)
_TAG = re.compile(rf"</?(?:{_BLOCKS})(?![\w-])[^<>]*>|<[!?][^<>]*>", re.IGNORECASE)
# What is kept with all that it holds, and what ends it.
_WHOLE = re.compile(r"<!--|<(script|style|pre|code|textarea|svg|math)(?![\w-])", re.IGNORECASE)


def html_slots(text: str, start: int, end: int) -> Iterator[Slot]:
    """Yield the texts of a block of HTML; comments, scripts, styles and code are left. Linear."""
    position = start
    while whole := _WHOLE.search(text, position, end):
        yield from _texts(text, position, whole.start())
        closing = "-->" if whole[1] is None else rf"</{whole[1]}\s*>"
        closed = re.compile(closing, re.IGNORECASE).search(text, whole.end(), end)
        if closed is None:
            return
        position = closed.end()
    yield from _texts(text, position, end)


def _texts(text: str, start: int, end: int) -> Iterator[Slot]:
    position = start
    for tag in _TAG.finditer(text, start, end):
        yield from filter(None, [paragraph(text, position, tag.start())])
        position = tag.end()
    yield from filter(None, [paragraph(text, position, end)])
