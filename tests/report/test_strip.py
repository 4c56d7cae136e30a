"""The strip counts passages along a document."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from minikit.report.strip import passages_per_bin, strip_svg


@given(
    st.lists(st.tuples(st.integers(0, 120), st.integers(0, 60))),
    st.integers(0, 100),
    st.integers(1, 20),
)
def test_a_bin_counts_the_spans_that_touch_it(
    pairs: list[tuple[int, int]], length: int, bins: int
) -> None:
    """Each span is counted once in every bin that holds one of its characters."""
    spans = [(start, start + size) for start, size in pairs]

    def bin_of(offset: int) -> int:
        return min(offset * bins // max(length, 1), bins - 1)

    expected = [
        sum(bin_of(start) <= at <= bin_of(max(start, end - 1)) for start, end in spans)
        for at in range(bins)
    ]
    assert passages_per_bin(spans, length, bins) == expected


def test_the_image_has_a_bar_for_each_bin_and_a_cross_for_each_gap() -> None:
    """What is drawn is well-formed, a bar where there are passages, and gaps in their place."""
    image = ET.fromstring(strip_svg([0, 2, 1, 0], [(50, 100)], 100))  # noqa: S314 - our own
    _, bars, gaps = image
    assert bars.attrib["d"] == "M1 24h1v-24h-1zM2 24h1v-13.5h-1z"
    assert gaps.attrib["d"] == "M2 0H4V24H2zL4 24M4 0L2 24"


def test_an_empty_document_has_an_empty_image() -> None:
    """No length and no passage draw the ground alone."""
    assert 'd=""' in strip_svg(passages_per_bin([], 0, 3), [], 0)
