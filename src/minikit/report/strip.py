"""Where along a document its passages lie, as a strip of bins."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["passages_per_bin", "strip_svg"]

_HEIGHT = 24
_BASE = 3  # how high a bin stands that has a passage


def passages_per_bin(spans: Iterable[tuple[int, int]], length: int, bins: int) -> list[int]:
    """Count for each of `bins` equal stretches the spans that touch it.

    Args:
        spans: Start and end offsets, end exclusive; what lies past the end counts as at the end.
        length: Of the document.
        bins: How many; >= 1.
    """
    changes = [0] * (bins + 1)
    for start, end in spans:
        first = _bin(start, length, bins)
        changes[first] += 1
        changes[max(_bin(end - 1, length, bins), first) + 1] -= 1
    return list(accumulate(changes[:-1]))


def strip_svg(counts: Sequence[int], gaps: Iterable[tuple[int, int]], length: int) -> str:
    """Return an inline image: a bar for each bin with passages, a crossed-out box for each gap.

    It is drawn in the colour of the text around it, on no ground, so that it stands out on a dark
    page as on a light one.
    """
    width = len(counts)
    most = max(counts, default=0)
    bars = "".join(
        f"M{at} {_HEIGHT}h1v-{_BASE + (_HEIGHT - _BASE) * count / most:.4g}h-1z"
        for at, count in enumerate(counts)
        if count
    )
    crossed = "".join(_crossed(start, end, width / max(length, 1)) for start, end in gaps)
    return (
        f'<svg role="img" aria-label="Where in the source the summary rests" '
        f'viewBox="0 0 {width} {_HEIGHT}" preserveAspectRatio="none" '
        f'style="display:block;width:100%;height:{_HEIGHT}px" fill="currentColor">'
        f'<rect width="{width}" height="{_HEIGHT}" opacity=".1"/>'
        f'<path d="{bars}" opacity=".7"/>'
        f'<path d="{crossed}" fill="#d9534f" fill-opacity=".25" stroke="#d9534f" '
        f'vector-effect="non-scaling-stroke"/></svg>'
    )


def _bin(offset: int, length: int, bins: int) -> int:
    return min(max(offset, 0) * bins // max(length, 1), bins - 1)


def _crossed(start: int, end: int, scale: float) -> str:
    left, right = f"{start * scale:.4g}", f"{end * scale:.4g}"
    return f"M{left} 0H{right}V{_HEIGHT}H{left}zL{right} {_HEIGHT}M{right} 0L{left} {_HEIGHT}"
