"""A test with needles as one HTML page: the heat map, the bill, and what did not come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikit.report.heat import depth_name, heat_map
from minikit.report.markup import escaped
from minikit.report.plain import plain_page
from minikit.text.plain import money

if TYPE_CHECKING:
    from minikit.jobs.measuring.needles import NeedleCell, NeedleProbe, NeedleReport

__all__ = ["render_needles"]

_MISSED_AT_MOST = 500
_SHOWN_CHARACTERS = 600
_HEAD = ("Strategy", "Tokens", "Depth", "Question", "Wanted", "Came back")


def render_needles(report: NeedleReport) -> str:
    """Return `report` as one HTML page that needs no network and runs nothing.

    Texts stand in it escaped. The same report gives the same page, which is legal UTF-8 whatever
    the texts hold. Of many questions that were missed, the first 500 are listed.
    """
    title = f"Needles found by {report.model}"
    text = "a text that was made up" if report.title is None else report.title
    low, high = report.interval()
    usage = report.usage
    told = (
        f"{report.found:,} of {report.asked:,} found, 95% interval {low:.0%} to {high:.0%}; "
        f"{len(report.calls):,} calls, {usage.input_tokens:,} tokens in, "
        f"{usage.output_tokens:,} out, {money(report.cost_usd, 'unknown')}; seed {report.seed}"
    )
    body = (
        f'<header><h1>{escaped(title)}</h1><p class="kicker">Facts were planted in '
        f'<bdi dir="auto">{escaped(text)}</bdi></p><p>{told}</p></header>\n'
        f'<section class="wide">{heat_map(report)}</section>\n{_missed(report)}'
    )
    return plain_page(title, body)


def _missed(report: NeedleReport) -> str:
    missed = [(cell, probe) for cell in report.cells for probe in cell.probes if not probe.found]
    if not missed:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in _HEAD)
    rows = "".join(_row(cell, probe) for cell, probe in missed[:_MISSED_AT_MOST])
    more = len(missed) - _MISSED_AT_MOST
    rest = f'<p class="soft">{more:,} more</p>' if more > 0 else ""
    return (
        f'<section><h2>What did not come back</h2><div class="wide"><table><thead><tr>{head}</tr>'
        f"</thead><tbody>{rows}</tbody></table></div>{rest}</section>"
    )


def _row(cell: NeedleCell, probe: NeedleProbe) -> str:
    if probe.error is not None:
        came = f'<span class="error">{escaped(probe.error)}</span>'
    else:
        reply = probe.reply or ""
        cut = f"{reply[:_SHOWN_CHARACTERS]} …" if len(reply) > _SHOWN_CHARACTERS else reply
        came = escaped(cut)
    return (
        f'<tr><td class="short">{cell.strategy}</td><td class="short">{cell.length:,}</td>'
        f'<td class="short">{depth_name(cell.depth)}</td>'
        f"<td>{escaped(probe.question)}</td><td>{escaped(probe.answer)}</td>"
        f'<td dir="auto">{came}</td></tr>'
    )
