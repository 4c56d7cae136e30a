"""A test with needles as a picture: a grid of lengths and depths for each strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikit.report.markup import escaped

if TYPE_CHECKING:
    from minikit.jobs.measuring.needles import NeedleCell, NeedleReport, NeedleStrategy

__all__ = ["depth_name", "heat_map"]

# From nothing found to all: orange to blue, which all kinds of colour blindness tell apart, and
# whose middle is the lightest, so that a print in grey is read by the figures in the cells.
_COLOURS = ((179, 77, 8), (240, 163, 91), (243, 238, 228), (143, 184, 220), (31, 95, 153))
_INK, _SOFT, _GROUND, _NOTHING = "#22201c", "#69645a", "#ffffff", "#e5e0d5"
_CELL_WIDTH, _CELL_HEIGHT, _LEFT, _TOP, _MARGIN = 96, 40, 88, 84, 20
_LEAST_WIDTH = 460
_FONT = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif"


def heat_map(report: NeedleReport) -> str:
    """Return the cells of `report` as one SVG picture, with the figures in them.

    It loads and runs nothing, and has a ground of its own, so that it stands out on any page. The
    same report gives the same picture.
    """
    panel_height = _TOP + len(report.depths) * _CELL_HEIGHT + _MARGIN
    width = max(_LEAST_WIDTH, _LEFT + len(report.lengths) * _CELL_WIDTH + 2 * _MARGIN)
    height = len(report.strategies) * panel_height + 74
    panels = "".join(
        f'<g transform="translate({_MARGIN},{at * panel_height + _MARGIN})">'
        f"{_panel(report, strategy)}</g>"
        for at, strategy in enumerate(report.strategies)
    )
    title = f"Needles found by {escaped(report.model)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{title}" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="{_FONT}" font-size="14" fill="{_INK}">'
        f'<title>{title}</title><rect width="{width}" height="{height}" fill="{_GROUND}"/>'
        f"{panels}"
        f'<g transform="translate({_MARGIN + _LEFT},{height - 58})">{_legend()}</g></svg>\n'
    )


def depth_name(depth: float) -> str:
    """Return how a depth is told: start, end, or a share of the text."""
    return {0.0: "start", 1.0: "end"}.get(float(depth), f"{100 * depth:.4g}%")


def _panel(report: NeedleReport, strategy: NeedleStrategy) -> str:
    found, asked = report.counts(strategy)
    low, high = report.interval(strategy)
    told = f"{found} of {asked} found, {low:.0%} to {high:.0%} (95% interval)"
    told = told if asked else "nothing was answered"
    columns = "".join(
        f'<text x="{_LEFT + (at + 0.5) * _CELL_WIDTH:g}" y="{_TOP - 10}" '
        f'text-anchor="middle">{length:,}</text>'
        for at, length in enumerate(report.lengths)
    )
    rows = "".join(
        f'<text x="{_LEFT - 10}" y="{_TOP + (at + 0.5) * _CELL_HEIGHT + 5:g}" '
        f'text-anchor="end">{depth_name(depth)}</text>'
        for at, depth in enumerate(report.depths)
    )
    cells = "".join(
        _cell(report.cell(strategy, length, depth), column, row)
        for row, depth in enumerate(report.depths)
        for column, length in enumerate(report.lengths)
    )
    return (
        f'<text y="14" font-size="16" font-weight="600">{escaped(report.model)}, {strategy}</text>'
        f'<text y="34" fill="{_SOFT}" font-size="13">{told}</text>'
        f'<text x="{_LEFT}" y="56" fill="{_SOFT}" font-size="12">tokens of text</text>'
        f'<text x="{_LEFT - 10}" y="{_TOP - 10}" fill="{_SOFT}" font-size="12" '
        f'text-anchor="end">depth</text>{columns}{rows}{cells}'
    )


def _cell(cell: NeedleCell, column: int, row: int) -> str:
    x, y = _LEFT + column * _CELL_WIDTH, _TOP + row * _CELL_HEIGHT
    told = "–" if cell.rate is None else f"{cell.found}/{cell.asked}"
    colour = None if cell.rate is None else _colour(cell.rate)
    failed = f", {cell.failed} failed" if cell.failed else ""
    return (
        f"<g><title>{cell.length:,} tokens, depth {depth_name(cell.depth)}: {cell.found} of "
        f"{cell.asked} found{failed}</title>"
        f'<rect x="{x + 1}" y="{y + 1}" width="{_CELL_WIDTH - 2}" height="{_CELL_HEIGHT - 2}" '
        f'rx="4" fill="{_hex(colour) if colour else _NOTHING}"/>'
        f'<text x="{x + _CELL_WIDTH / 2:g}" y="{y + _CELL_HEIGHT / 2 + 5:g}" text-anchor="middle" '
        f'fill="{_ink(colour)}">{told}{"*" if cell.failed else ""}</text></g>'
    )


def _legend() -> str:
    swatches = "".join(
        f'<rect x="{at * 48}" width="48" height="14" fill="{_hex(_colour(at / 5))}"/>'
        f'<text x="{at * 48 + 24}" y="30" text-anchor="middle" font-size="12" '
        f'fill="{_SOFT}">{at / 5:.0%}</text>'
        for at in range(6)
    )
    return (
        f'{swatches}<text y="48" font-size="12" fill="{_SOFT}">found; * some calls failed, '
        f"which count neither way</text>"
    )


def _colour(rate: float) -> tuple[int, int, int]:
    """Return the colour of a share, between those of its neighbours in the scale."""
    place = rate * (len(_COLOURS) - 1)
    at = min(int(place), len(_COLOURS) - 2)
    first, second, part = _COLOURS[at], _COLOURS[at + 1], place - at
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _ink(colour: tuple[int, int, int] | None) -> str:
    """Return the ink that stands out on a colour."""
    red, green, blue = colour or (255, 255, 255)
    return _GROUND if 299 * red + 587 * green + 114 * blue < 120_000 else _INK
