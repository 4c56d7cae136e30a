"""Pages without a script: what all of them have around what they show."""

from __future__ import annotations

from minikit.report.markup import escaped, sha256_source

__all__ = ["plain_page"]


def plain_page(title: str, body: str) -> str:
    """Return one HTML page that needs no network and runs nothing.

    A Content-Security-Policy allows the page's own style and nothing else.

    Args:
        title: Any str.
        body: HTML, in which all text is escaped.
    """
    from importlib.resources import files
    from string import Template

    assets = files("minikit.report") / "assets"
    style = (assets / "plain.css").read_text("utf-8")
    return Template((assets / "plain.html").read_text("utf-8")).substitute(
        title=escaped(title), style_hash=sha256_source(style), style=style, body=body
    )
