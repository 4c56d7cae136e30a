"""Where a text can be cut without taking a character apart as readers see it."""

from __future__ import annotations

from unicodedata import category, combining

__all__ = ["cluster_boundary"]

_JOINERS = frozenset("\u200c\u200d\uff9e\uff9f\u0e33\u0eb3")  # the last two: vowels
_MODIFIERS = (("\U0001f3fb", "\U0001f3ff"), ("\U000e0020", "\U000e007f"))  # skin tones, tags
_FLAGS = "".join(map(chr, range(0x1F1E6, 0x1F200)))  # a flag is a pair of these
_PREPENDED = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e")
_VIRAMA = 9  # the combining class of the signs that join consonants
_LOOK_BACK = 4096  # characters; even, as flags are counted in pairs


def cluster_boundary(text: str, at: int, low: int) -> int | None:
    """Return the last place in low..`at` where `text` can be cut between two grapheme clusters.

    The rules of Unicode Standard Annex 29 (revision 45), simplified to the safe side: it may miss a
    boundary next to Indic and Hangul letters, but takes no cluster apart. In a row of more than
    2,048 flags it can mistake a pair.

    Args:
        text: Any str.
        at: Offset in 1..len(text) - 1.
        low: Smallest offset wanted; >= 1.

    Returns:
        The offset, or None where all of low..`at` is one cluster.
    """
    while at >= low:
        if not _joined(text, at):
            return at
        at -= 1
    return None


def _joined(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    if after < "\u0300" and before < "\u0600":
        return (before, after) == ("\r", "\n")
    if before in _PREPENDED or before == "\u200d" or after in _JOINERS:
        return True
    if "\U0001f1e6" <= after <= "\U0001f1ff":
        row = text[max(0, at - _LOOK_BACK) : at]
        return (len(row) - len(row.rstrip(_FLAGS))) % 2 == 1
    if any(first <= after <= last for first, last in _MODIFIERS):
        return True
    kind = category(after)
    return (
        kind[0] == "M"
        or (kind == "Cs" and "\ud800" <= before < "\udc00" <= after)
        or (kind == "Lo" and (combining(before) == _VIRAMA or _hangul(before, after)))
    )


def _hangul(before: str, after: str) -> bool:
    if "\u1160" <= after <= "\u11ff" or "\ud7b0" <= after <= "\ud7fb":  # a vowel or a final
        return _is_jamo(before) or "\uac00" <= before <= "\ud7a3"
    initial = "\u1100" <= before <= "\u115f" or "\ua960" <= before <= "\ua97c"
    return initial and (_is_jamo(after) or "\uac00" <= after <= "\ud7a3")


def _is_jamo(letter: str) -> bool:
    return (
        "\u1100" <= letter <= "\u11ff"
        or "\ua960" <= letter <= "\ua97c"
        or "\ud7b0" <= letter <= "\ud7fb"
    )
