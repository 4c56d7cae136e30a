"""A heat map as a picture and a page: figures in the cells, and nothing that runs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

from minikit.jobs.measuring.needles import NeedleProbe, NeedleReport, cells_of
from minikit.models.usage import Usage
from minikit.report.heat import depth_name, heat_map
from minikit.report.needles import render_needles

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>\" ' &amp; \ud800\x00"


def probe(*, found: bool, error: str | None = None, reply: str | None = "So.") -> NeedleProbe:
    """A question that was answered, or not."""
    return NeedleProbe(
        position=0.5,
        fact="A fact.",
        question="What?",
        answer="So",
        reply=reply,
        found=found,
        error=error,
    )


def report(
    *probes: tuple[int, float, NeedleProbe | None], title: str | None = None
) -> NeedleReport:
    """A report of these questions."""
    return NeedleReport(
        model="m",
        usage=Usage(),
        cost_usd=Decimal("0.25"),
        calls=(),
        title=title,
        strategies=("single",),
        lengths=tuple(sorted({length for length, _, _ in probes})),
        depths=tuple(sorted({depth for _, depth, _ in probes})),
        seed=7,
        cells=cells_of(("single", *each) for each in probes),
    )


def test_each_cell_has_its_figures() -> None:
    """A cell is told by figures and by colour, and by a title for readers of screens."""
    svg = heat_map(
        report(
            (1_000, 0, probe(found=True)),
            (1_000, 1, probe(found=False)),
            (2_000, 0, probe(found=False, error="late", reply=None)),
            (2_000, 1, None),
        )
    )
    texts = [each.text for each in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314 - our own
    assert {"m, single", "1/1", "0/1", "–*", "–", "1,000", "2,000", "start", "end"} <= set(texts)
    titles = [each.text for each in ET.fromstring(svg).iter(f"{SVG}title")]  # noqa: S314 - as above
    assert "2,000 tokens, depth start: 0 of 0 found, 1 failed" in titles
    fills = {each.get("fill") for each in ET.fromstring(svg).iter(f"{SVG}rect")}  # noqa: S314 - as above
    assert {"#1f5f99", "#b34d08"} <= fills


@pytest.mark.parametrize("found", range(9))
def test_figures_stand_out_on_every_colour(found: int) -> None:
    """Whatever share was found, the figures have a contrast of 3:1 at least to their ground."""
    probes = [probe(found=number < found) for number in range(8)]
    svg = heat_map(report(*((1_000, 0.5, each) for each in probes)))
    group = next(
        each
        for each in ET.fromstring(svg).iter(f"{SVG}g")  # noqa: S314 - our own
        if (shown := each.find(f"{SVG}text")) is not None and shown.text == f"{found}/8"
    )
    rect, text = group.find(f"{SVG}rect"), group.find(f"{SVG}text")
    assert rect is not None
    assert text is not None
    light, dark = sorted((luminance(rect), luminance(text)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3


def luminance(element: ET.Element) -> float:
    """Return the relative luminance of a fill (WCAG 2.2)."""
    colour = str(element.get("fill"))
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_depths_have_names() -> None:
    """The ends are told in words, and the rest in percent."""
    assert [depth_name(each) for each in (0, 0.25, 0.333333, 1)] == [
        "start",
        "25%",
        "33.33%",
        "end",
    ]


def test_the_page_lists_what_was_missed() -> None:
    """Questions that were missed stand with what came back, and failures with their error."""
    page = render_needles(
        report(
            (1_000, 0, probe(found=True)),
            (1_000, 0, probe(found=False, reply="It does not say." + "x" * 900)),
            (1_000, 0, probe(found=False, error="too late", reply=None)),
            title="My book",
        )
    )
    assert "My book" in page
    assert "It does not say." in page
    assert "x" * 700 not in page
    assert "too late" in page
    assert "1 of 2 found" in page
    assert "seed 7" in page


def test_a_page_of_success_lists_nothing() -> None:
    """Where all came back there is no list; of very many misses the first are listed."""
    assert "did not come back" not in render_needles(report((1_000, 0, probe(found=True))))
    many = report(*((1_000, 0.0, probe(found=False)) for _ in range(600)))
    assert "100 more" in render_needles(many)
    assert "a text that was made up" in render_needles(many)


def test_hostile_texts_are_text() -> None:
    """Neither picture nor page can run what stands in a text."""
    hostile = replace(
        report((1_000, 0, probe(found=False, reply=HOSTILE, error=HOSTILE)), title=HOSTILE),
        model=HOSTILE,
    )
    for made in (heat_map(hostile), render_needles(hostile)):
        assert "<script" not in made
        assert made.encode().decode() == made
    ET.fromstring(heat_map(hostile))  # noqa: S314 - our own
