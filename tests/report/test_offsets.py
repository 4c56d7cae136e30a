"""Offsets in code points become offsets in UTF-16 units."""

from __future__ import annotations

from hypothesis import given

from minikit.report.offsets import Units
from strategies import texts


def units_before(text: str, offset: int) -> int:
    """Count by encoding what stands before `offset`."""
    return len(text[:offset].encode("utf-16-le", "surrogatepass")) // 2


@given(texts())
def test_an_offset_counts_the_units_before_it(text: str) -> None:
    """For each offset of any text, the units are those of the text before it."""
    units = Units(text)
    assert [units(at) for at in range(len(text) + 1)] == [
        units_before(text, at) for at in range(len(text) + 1)
    ]


def test_an_offset_past_the_end_is_the_end() -> None:
    """What lies past the text is clamped to its end, in units."""
    assert Units("a😀")(99) == 3
