"""The short form is a fragment of HTML that is safe in any notebook."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

from hypothesis import given

from minikit.report.short import render_short
from minikit.text.document import Document, Span
from minikit.text.passage import Places
from reporting import SOURCE, cited, example, summary_of, written
from strategies import texts

ALLOWED = {
    *(
        "b",
        "bdi",
        "details",
        "div",
        "li",
        "ol",
        "path",
        "rect",
        "span",
        "summary",
        "sup",
        "svg",
        "ul",
    )
}


class Fragment(HTMLParser):
    """The elements, attributes and text of a fragment."""

    def __init__(self, fragment: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(fragment)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the names."""
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text += data


def test_it_shows_what_a_reader_needs_first() -> None:
    """Title, text, figures, verdicts with sign and word, passages, warnings and gaps are there."""
    summary = example()
    text = Fragment(render_short(summary)).text
    for shown in (
        "Summary of The statements of Python",
        "The third has 17 quotes that nobody wrote.✕",
        "5 sentences: 1 ✓ found",
        "1 ✕ fabricated",
        "number 17 does not stand in the source.",
        "refused by a content filter characters",
        "Cost: $0.0011 ($0.0002700 of it paid before",
        "Words: 39 of 60 asked",
        summary.claims[0].passages[0].cited_text,
    ):
        assert shown in text


def test_the_strip_shows_passages_and_the_gap() -> None:
    """An inline image is drawn where there is something to draw."""
    assert render_short(example()).count("<svg") == 1
    assert "<svg" not in render_short(summary_of(Document(text="A text."), "It."))


@given(texts(), texts())
def test_any_text_is_inert(text: str, title: str) -> None:
    """Whatever the texts, only harmless elements stand in the fragment, and no address."""
    document = Document(text=text, title=title)
    spans = [Span(0, len(text))]
    words, claims = written([(text, (cited(Places(document), *spans, quote=title),))])
    shown = render_short(replace(summary_of(document, words, claims), notes=(title,)))
    fragment = Fragment(shown)
    assert shown.encode()
    assert set(fragment.tags) <= ALLOWED
    assert not any(name.startswith("on") or name in {"href", "src"} for name in fragment.attributes)


def test_dollars_are_not_mathematics() -> None:
    """Jupyter is told to leave dollar signs alone."""
    assert 'class="tex2jax_ignore mathjax_ignore"' in render_short(example())


def test_many_claims_are_cut() -> None:
    """A notebook is not flooded: the first hundred are listed, and the rest counted."""
    citations = (cited(Places(Document(text=SOURCE)), Span(0, 2000)),)
    text, claims = written([(f"Sentence {number}.", citations) for number in range(103)])
    shown = render_short(summary_of(Document(text=SOURCE), text, claims))
    assert len(re.findall("<li", shown)) == 101
    assert ">3 more</li>" in shown
    assert SOURCE[100:120] in Fragment(shown).text
    assert SOURCE[280:320] not in Fragment(shown).text


def test_it_needs_no_document() -> None:
    """A summary that was saved without its source is shown all the same."""
    assert (
        "Summary of an untitled text"
        in Fragment(render_short(replace(example(), document=None))).text
    )


def test_notes_are_shown() -> None:
    """What minikit says of the server or the offline model is not lost."""
    shown = render_short(replace(example(), notes=("Extracted, not <written>.",)))
    assert "Notes</b><ul><li>Extracted, not &lt;written&gt;.</li>" in shown
