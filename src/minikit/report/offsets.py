"""Offsets as a browser counts them."""

from __future__ import annotations

import re
from bisect import bisect_left

__all__ = ["Units"]

_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


class Units:
    """Turns offsets into a text from code points to UTF-16 units, which JavaScript counts.

    A character above U+FFFF takes two units, a lone surrogate one. Made in time linear in the
    length of the text; each offset takes the logarithm of the number of such characters.
    """

    def __init__(self, text: str) -> None:
        self.length = len(text)
        self._astral = [found.start() for found in _ASTRAL.finditer(text)]

    def __call__(self, offset: int) -> int:
        """Return `offset` in units; one past the end of the text is its end."""
        offset = min(offset, self.length)
        return offset + bisect_left(self._astral, offset)
