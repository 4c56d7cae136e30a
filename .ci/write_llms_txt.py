"""Write docs/llms.txt: the pages of the documentation for those that read with a model.

    python .ci/write_llms_txt.py

The form is that of https://llmstxt.org (read 2026-11-23): a title, what it is, and links by
section, each with the description of its page. A test holds that the file is up to date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HOME = Path(__file__).parents[1]
_DESCRIPTION = re.compile(r'\A---\ndescription: "(.+)"\n---\n')


def pages(nav: list[Any]) -> Iterator[tuple[str, str]]:
    """Yield the title and the path of each page in a part of the navigation."""
    for entry in nav:
        for title, below in entry.items():
            if isinstance(below, str):
                yield title, below
            else:
                yield from pages(below)


def described(path: str) -> str:
    """Return what a page says of itself at its head."""
    found = _DESCRIPTION.match((HOME / "docs" / path).read_text("utf-8"))
    if found is None:
        raise ValueError(f"docs/{path} begins with no description:, between two lines of ---")
    return found[1]


def text() -> str:
    """Return what stands in the file."""
    lines = (HOME / "mkdocs.yml").read_text("utf-8")
    nav = yaml.safe_load(lines[lines.index("\nnav:") :])["nav"]
    about = re.search(r"^site_description: (.*)$", lines, re.MULTILINE)
    parts = ["# minikit", f"> {about[1] if about else ''}"]
    parts.append("\n".join(_listed(entry for entry in nav if _is_page(entry))))
    for entry in nav:
        for title, below in entry.items():
            if not isinstance(below, str):
                parts.append("\n".join([f"## {title}", "", *_listed(below)]))
    return "\n\n".join(parts) + "\n"


def _is_page(entry: dict[str, Any]) -> bool:
    return all(isinstance(below, str) for below in entry.values())


def _listed(nav: Any) -> Iterator[str]:  # noqa: ANN401 - as YAML has it
    for title, path in pages(list(nav)):
        yield f"- [{title}]({path.removesuffix('.md')}.html): {described(path)}"


if __name__ == "__main__":
    (HOME / "docs" / "llms.txt").write_text(text(), encoding="utf-8")
