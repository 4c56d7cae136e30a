"""A comparison as one HTML page: figures in a table, replies side by side, what each alone says."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from minikit.report.markup import escaped
from minikit.report.plain import plain_page
from minikit.text.plain import money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikit.jobs.measuring.comparison import Comparison, Likeness, ModelReply
    from minikit.text.differences import Difference

__all__ = ["render_comparison"]

_HEAD = ("Model", "Provider", "Seconds", "Tokens in", "Tokens out", "Cost", "Words", "Ended", "")
_LEGEND = (
    "<mark>Marked</mark> is what one reply says and no other, "
    '<mark class="fact">dotted</mark> are numbers, dates and names of one reply alone. '
    "Both are told by words, without a model, and worth a look and no more."
)


def render_comparison(comparison: Comparison) -> str:
    """Return `comparison` as one HTML page that needs no network and runs nothing.

    Texts stand in it escaped. The same comparison gives the same page, which is legal UTF-8
    whatever the texts hold.
    """
    title = f"Comparison of {len(comparison.replies)} models"
    of = comparison.title and f' of <bdi dir="auto">{escaped(comparison.title)}</bdi>'
    asked = (
        "The same summary"
        if comparison.prompt is None
        else f'The same prompt</p><p class="asked" dir="auto">{escaped(comparison.prompt)}'
    )
    body = (
        f'<header><h1>{escaped(title)}{of or ""}</h1><p class="kicker">{asked}</p></header>\n'
        f"<section>{_figures(comparison)}</section>\n"
        f'<section class="columns">{"".join(map(_column, comparison.replies))}</section>\n'
        f'<section><p class="soft">{_LEGEND}</p></section>\n{_likenesses(comparison.likenesses)}'
    )
    return plain_page(title, body)


def _figures(comparison: Comparison) -> str:
    head = "".join(
        f'<th scope="col"{_figure(2 <= at <= 6)}>{name}</th>' for at, name in enumerate(_HEAD)
    )
    rows = "".join(_row(comparison, reply) for reply in comparison.replies)
    total = f"All together: {money(comparison.cost_usd, 'unknown')}"
    if comparison.failed_cost_usd:
        total += (
            f", and {money(comparison.failed_cost_usd, 'unknown')} for attempts without a reply"
        )
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
        f'<p class="soft">{total}</p>'
    )


def _row(comparison: Comparison, reply: ModelReply) -> str:
    if reply.text is None:
        cells = ["", "", "", "", "", escaped(reply.error_type or ""), ""]
    else:
        about = "about " if reply.usage.estimated else ""
        badges = " ".join(f'<span class="badge">{name}</span>' for name in comparison.badges(reply))
        cells = [
            "unknown" if reply.latency_s is None else f"{reply.latency_s:.2f}",
            f"{about}{reply.usage.input_tokens:,}",
            f"{about}{reply.usage.output_tokens:,}",
            money(reply.cost_usd, "unknown"),
            f"{reply.words:,}",
            escaped(reply.finish_reason or ""),
            badges,
        ]
    figures = "".join(f"<td{_figure(at < 5)}>{cell}</td>" for at, cell in enumerate(cells))
    return (
        f'<tr><th scope="row">{escaped(reply.model)}</th><td>{escaped(reply.provider)}</td>'
        f"{figures}</tr>"
    )


def _figure(is_one: bool) -> str:
    return ' class="figure"' if is_one else ""


def _column(reply: ModelReply) -> str:
    if reply.text is None:
        text = f'<p class="error" dir="auto">{escaped(reply.error or "no reply")}</p>'
    else:
        text = f'<div class="reply" dir="auto">{_marked(reply.text, reply.only)}</div>'
    looked = "".join(f"<li>{escaped(str(each))}</li>" for each in reply.warnings)
    look = f'<div class="look"><b>To look at</b><ul>{looked}</ul></div>' if looked else ""
    return f"<article><h2>{escaped(reply.model)}</h2>{text}{look}</article>"


def _marked(text: str, only: Sequence[Difference]) -> str:
    """Return `text` with marks around what it alone says; facts stand within sentences, or not."""
    changes: dict[int, Counter[bool]] = {0: Counter(), len(text): Counter()}
    for each in only:
        changes.setdefault(each.start, Counter())[each.kind == "sentence"] += 1
        changes.setdefault(each.end, Counter())[each.kind == "sentence"] -= 1
    pieces: list[str] = []
    inside = Counter[bool]()
    for start, end in pairwise(sorted(changes)):
        inside.update(changes[start])
        piece = escaped(text[start:end])
        if inside[False]:
            piece = f'<mark class="fact">{piece}</mark>'
        pieces.append(f"<mark>{piece}</mark>" if inside[True] else piece)
    return "".join(pieces)


def _likenesses(likenesses: Sequence[Likeness]) -> str:
    if not likenesses:
        return ""
    rows = "".join(
        f"<tr><td>{escaped(each.first)}</td><td>{escaped(each.second)}</td>"
        f'<td class="figure">{each.percent}%</td></tr>'
        for each in likenesses
    )
    return (
        f"<section><table><caption>How much of both replies the other one says, too</caption>"
        f"<tbody>{rows}</tbody></table></section>"
    )
