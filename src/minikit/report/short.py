"""A summary as a fragment of HTML for notebooks: no script, and the colours of the notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikit.report.figures import (
    VERDICTS,
    figures,
    offsets,
    reason,
    title,
    verdict_counts,
)
from minikit.report.markup import escaped
from minikit.report.strip import passages_per_bin, strip_svg
from minikit.text.plain import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from minikit.jobs.provenance import Claim, Verdict
    from minikit.jobs.summarizing.summary import Summary
    from minikit.text.passage import Passage

__all__ = ["render_short"]

_BINS = 120
_CLAIMS_AT_MOST = 100
_CITED_AT_MOST = 300
# Of 3:1 at least on white and on the dark grounds of Jupyter and VS Code (#111 to #1e1e1e).
_TONES: dict[Verdict, str] = {
    "found": "#2e8b57",
    "fuzzy": "#6b8e23",
    "misattributed": "#ad7d0a",
    "attributed": "#4f86b8",
    "spliced": "#cf6a1f",
    "unsupported": "#a566a0",
    "fabricated": "#d9534f",
}
_SOFT = "opacity:.75;font-size:.9em"
# Without these classes Jupyter takes what stands between two dollar signs for mathematics.
_OUTER = 'class="tex2jax_ignore mathjax_ignore" style="max-width:46em;line-height:1.5"'


def render_short(summary: Summary) -> str:
    """Return `summary` as a fragment of HTML: text, figures, citations, coverage, what to look at.

    It takes its colours from the page around it, so that it suits dark and light notebooks, and
    can neither run nor load anything. It is legal UTF-8 whatever the texts hold. Of many claims
    the first hundred are listed.
    """
    warnings = (f"{_kind(each.kind)} {escaped(each.message)}" for each in summary.warnings)
    gaps = (
        f"{_kind(reason(gap.reason))} {offsets(gap.span.start, gap.span.end, None)}"
        for gap in summary.gaps
    )
    return (
        f"<div {_OUTER}>"
        f'<div style="{_SOFT}">Summary of <bdi>{escaped(title(summary))}</bdi></div>'
        f'<div dir="auto" style="white-space:pre-wrap;margin:.6em 0">{_text(summary)}</div>'
        f"{_strip(summary)}{_claims(summary.claims)}"
        f"{_listed('To look at', warnings)}{_listed('Not read', gaps)}"
        f"{_listed('Notes', map(escaped, summary.notes))}"
        f'<div style="{_SOFT};margin-top:.6em">{_figures(summary)}</div></div>'
    )


def _text(summary: Summary) -> str:
    """Return the text with the sign of its verdict after each claim."""
    parts: list[str] = []
    at = 0
    for claim in summary.claims:
        parts.append(escaped(summary.text[at : claim.end]))
        parts.append(f"<sup>{_sign(claim.verdict)}</sup>")
        at = max(at, claim.end)
    return "".join(parts) + escaped(summary.text[at:])


def _sign(verdict: Verdict) -> str:
    meaning = VERDICTS[verdict].meaning
    return (
        f'<span style="color:{_TONES[verdict]}" title="{verdict}: {meaning}">'
        f"{VERDICTS[verdict].sign}</span>"
    )


def _verdict(verdict: Verdict) -> str:
    return f'{_sign(verdict)} <span style="color:{_TONES[verdict]}">{verdict}</span>'


def _kind(name: str) -> str:
    return f"<b>{escaped(name)}</b>"


def _strip(summary: Summary) -> str:
    spans = [(each.start, each.end) for each in summary.sources]
    if not spans and not summary.gaps:
        return ""
    length = summary.tree.span.end
    gaps = ((gap.span.start, gap.span.end) for gap in summary.gaps)
    return strip_svg(passages_per_bin(spans, length, _BINS), gaps, length)


def _claims(claims: tuple[Claim, ...]) -> str:
    if not claims:
        return ""
    counts = verdict_counts(claim.verdict for claim in claims)
    told = " · ".join(f"{count:,} {_verdict(verdict)}" for verdict, count in counts)
    rows = [f'<li style="margin:.5em 0">{_claim(claim)}</li>' for claim in claims[:_CLAIMS_AT_MOST]]
    if len(claims) > _CLAIMS_AT_MOST:
        rows.append(f'<li style="list-style:none">{len(claims) - _CLAIMS_AT_MOST:,} more</li>')
    return (
        f'<details style="margin:.6em 0"><summary style="cursor:pointer">'
        f"{counted(len(claims), 'sentence')}: {told}</summary><ol>{''.join(rows)}</ol></details>"
    )


def _claim(claim: Claim) -> str:
    shown = f'{_verdict(claim.verdict)} <span dir="auto">{escaped(claim.text)}</span>'
    return shown + "".join(map(_passage, claim.passages))


def _passage(passage: Passage) -> str:
    cited = passage.cited_text
    cut = f"{cited[:_CITED_AT_MOST]} …" if len(cited) > _CITED_AT_MOST else cited
    where = [*passage.headings, offsets(passage.start, passage.end, passage.page)]
    return (
        f'<div dir="auto" style="margin:.2em 0 0 1em">“{escaped(cut)}” '
        f'<bdi style="{_SOFT}">{escaped(" › ".join(where))}</bdi></div>'
    )


def _listed(name: str, rows: Iterable[str]) -> str:
    items = "".join(f"<li>{row}</li>" for row in rows)
    return f'<div style="margin:.6em 0"><b>{name}</b><ul>{items}</ul></div>' if items else ""


def _figures(summary: Summary) -> str:
    told = (
        f"{each.name}: {escaped(each.value)}" + (f" ({each.note})" if each.note else "")
        for each in figures(summary)
    )
    return " · ".join(told)
