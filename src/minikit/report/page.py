"""A summary as one self-contained HTML page: the text, its source, and what lies between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikit.errors import ArgumentError
from minikit.report.data import page_data
from minikit.report.figures import title
from minikit.report.markup import escaped, json_for_html, sha256_source

if TYPE_CHECKING:
    from minikit.jobs.summarizing.summary import Summary

__all__ = ["render"]

_SCRIPTS = ("dom", "source", "strip", "summary", "evidence", "tree", "main")


def render(summary: Summary) -> str:
    """Return `summary` as one HTML page that needs no network and shows the source beside it.

    The same summary gives the same page. Text of the summary and of the source stands in it as
    data only, and can neither run nor load anything: a Content-Security-Policy allows the page's
    own script and style and nothing else. The page is legal UTF-8 whatever the texts hold.

    Args:
        summary: With its `document`.

    Raises:
        ArgumentError: The summary has no document, or its passages read differently in it.
    """
    from string import Template

    if summary.document is None:
        raise ArgumentError(
            "the summary was saved without its document, beside which the page shows it; "
            "pass the source that was summarized: to_html(path, source=...)"
        )
    style = _asset("page.css")
    script = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    return Template(_asset("page.html")).substitute(
        title=escaped(title(summary)),
        style_hash=sha256_source(style),
        style=style,
        script_hash=sha256_source(script),
        script=script,
        text=escaped(summary.text),
        data=json_for_html(page_data(summary, summary.document)),
    )


def _asset(name: str) -> str:
    from importlib.resources import files

    return (files("minikit.report") / "assets" / name).read_text("utf-8")
