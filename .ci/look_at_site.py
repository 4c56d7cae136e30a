"""Look at the built documentation as a reader does, in a headless Chromium.

    python .ci/look_at_site.py SITE [PICTURES]

Every page is opened at the width of a phone and of a desk: no script may fail, nothing may be asked
of another host, and the page may not be wider than the window. Every link must lead to a page that
is there, and to a heading that it has. A search must find. With PICTURES, a folder, what was seen
is written there. Without a Chromium on the machine only the links are checked.
"""

from __future__ import annotations

import functools
import sys
import threading
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser import Browser, executable

SIZES = {"phone": (390, 844), "desk": (1440, 900)}
SEARCHES = {
    "budget": "how-to/know-and-bound-the-cost.html",
    "langchain": "how-to/move-from-langchain.html",
}
FOUND = "[...document.querySelectorAll('.md-search-result__link')].map((it) => it.href)"


class _Anchors(HTMLParser):
    """The links of a page, and what in it can be linked to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.names: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.names |= {told[name] or "" for name in ("id", "name") if name in told}
        if tag == "a" and told.get("href"):
            self.links.add(told["href"] or "")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
        """Tell nothing of each request."""


def broken_links(site: Path) -> list[str]:
    """Return the links within the site that lead nowhere."""
    pages = {
        path.relative_to(site).as_posix(): _Anchors(path.read_text("utf-8"))
        for path in sorted(site.rglob("*.html"))
    }
    broken: list[str] = []
    for page, anchors in pages.items():
        for link in sorted(anchors.links):
            target, name = urldefrag(urljoin(f"http://site/{page}", link))
            parts = urlsplit(target)
            if page == "404.html" or parts.netloc != "site":
                continue
            path = unquote(parts.path).lstrip("/") or "index.html"
            missing_name = name and path in pages and unquote(name) not in pages[path].names
            if not (site / path).exists() or missing_name:
                broken.append(f"{page}: {link}")
    return broken


def seen(site: Path, address: str, pictures: Path | None) -> list[str]:
    """Open every page in every size and try the search; return what is wrong."""
    wrong: list[str] = []
    chromium = executable()
    if chromium is None:
        print("no Chromium on this machine: only the links are checked")
        return wrong
    with Browser(chromium) as browser:
        for path in sorted(site.rglob("*.html")):
            page = path.relative_to(site).as_posix()
            with browser.open(f"{address}/{page}") as tab:
                tab.wait("document.querySelector('.md-content')")
                for name, (width, height) in SIZES.items():
                    tab.resize(width, height)
                    wide = tab.evaluate("document.documentElement.scrollWidth")
                    if wide > width:
                        wrong.append(f"{page} is {wide} px wide on a {name} of {width}")
                    if pictures:
                        place = pictures / name / f"{page.replace('/', '-')}.png"
                        place.parent.mkdir(parents=True, exist_ok=True)
                        place.write_bytes(tab.screenshot())
                away = [url for url in tab.requests if not url.startswith((address, "data:"))]
                wrong += [f"{page} asks {url}" for url in away]
                wrong += [f"{page}: {error}" for error in tab.errors]
        for words, expected in SEARCHES.items():
            with browser.open(f"{address}/index.html?q={words}") as tab:
                tab.wait("document.querySelector('.md-search-result__link')")
                if not any(expected in url for url in tab.evaluate(FOUND)):
                    wrong.append(f"a search for {words!r} does not find {expected}")
                if pictures:
                    (pictures / f"search-{words}.png").write_bytes(tab.screenshot())
    return wrong


def main() -> None:
    """Check the site that the command line names."""
    site = Path(sys.argv[1]).resolve()
    pictures = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    handler = functools.partial(_Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        wrong = broken_links(site)
        wrong += seen(site, f"http://127.0.0.1:{server.server_port}", pictures)
        server.shutdown()
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(list(site.rglob('*.html')))} pages, no link broken, nothing wrong to be seen")


if __name__ == "__main__":
    main()
