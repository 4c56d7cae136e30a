"""The page as a reader meets it, in a headless Chromium."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from browser import Browser, Page, executable
from minikit.jobs.summarizing.summary import Summary
from minikit.report.page import render
from minikit.report.short import render_short
from minikit.text.document import Document, Span
from minikit.text.passage import Places
from reporting import BOOK, cited, example, phrase, summary_of, written

Opener = Callable[..., Page]

CURRENT = "[...document.querySelectorAll('#pane .current')].map((it) => it.textContent).join('')"
LIT = "[...document.querySelectorAll('#pane .lit')].map((it) => it.textContent).join('')"
SHOWN = "[...document.querySelectorAll('.block')].map((it) => it.textContent).join('')"
EVIDENCE = "document.getElementById('evidence').textContent"
FOCUSED = "document.activeElement"
HOSTILE = [
    "</script><script>window.struck = 1; alert(1)</script>",
    "<img src=x onerror='window.struck = 2'><svg onload='window.struck = 3'>",
    "<!-- ]]> <![CDATA[ <style>body { display: none }</style> <base href='https://example.com'>",
    "<iframe src='https://example.com/'></iframe><link rel=stylesheet href='//example.com'>",
    "javascript:alert(1) {{7*7}} ${7*7} &lt;b&gt; &#60; \u2028 \u2029 \u202e backwards \u2066",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests here."""
    path = executable()
    if path is None:
        pytest.skip("no Chromium on this machine")
    with Browser(path) as browser:
        yield browser


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Opener]:
    """Opens the page of a summary; it must tell no error and load nothing else."""
    pages: list[Page] = []
    file = tmp_path / "page.html"

    def show(page: Summary | str, **size: int) -> Page:
        is_summary = isinstance(page, Summary)
        file.write_text(render(page) if isinstance(page, Summary) else page, encoding="utf-8")
        pages.append(browser.open(file.as_uri(), **size))
        if is_summary:
            pages[-1].wait("'ready' in document.documentElement.dataset")
        return pages[-1]

    yield show
    for page in pages:
        page.close()
        assert page.errors == []
        assert page.dialogs == []
        assert page.requests == [file.as_uri()]


def claim(number: int) -> str:
    """Return the selector of a sentence of the summary."""
    return f"#summary [data-claim='{number}']"


def plain(text: str) -> str:
    """Return `text` with single spaces."""
    return " ".join(text.split())


def in_view(selector: str, frame: str = "#pane") -> str:
    """Return the condition that the first line of an element lies within another element."""
    return (
        f"(() => {{ const box = document.querySelector({json.dumps(selector)})"
        "?.getClientRects()[0];"
        f" const frame = document.querySelector('{frame}').getBoundingClientRect();"
        " return box && box.top >= frame.top && box.bottom <= frame.bottom; })()"
    )


def words_of(summary: Summary, number: int, passage: int = 0) -> str:
    """Return the words that a claim rests on."""
    return plain(summary.claims[number].passages[passage].cited_text)


def test_a_click_on_a_sentence_highlights_its_passage(show: Opener) -> None:
    """The words that are cited, no more and no less, are highlighted and in view."""
    summary = example()
    page = show(summary)
    page.click(claim(0))
    page.wait(in_view("#pane .current"))
    assert plain(page.evaluate(CURRENT)) == words_of(summary, 0)
    assert page.evaluate(f'document.querySelector("{claim(0)}").ariaPressed') == "true"


def test_lines_as_they_are_in_the_file(show: Opener) -> None:
    """Lines broken to a width are joined to be read; after a press on w they are the file's own."""
    line = "These words stand on a line that was broken to a width of seventy signs.\n"
    summary = example((line * 5 + "\n\n\n\n\n") * 10)
    passage = summary.claims[1].passages[0].cited_text
    assert summary.document
    page = show(summary)
    page.click(claim(1))
    assert page.evaluate(CURRENT) == passage.replace("\n", " ")
    page.click("#lines")
    assert page.evaluate(CURRENT) == passage
    source = page.evaluate(SHOWN)
    page.press("w", "Escape")
    assert source == summary.document.text
    assert page.evaluate(SHOWN).count("\n\n\n") == 10
    page.press("w")
    assert page.evaluate(SHOWN) == source


def test_the_evidence_tells_each_citation(show: Opener) -> None:
    """Quote, cited text, verdicts in words, score, heading and offsets are listed."""
    summary = example()
    page = show(summary)
    page.click(claim(1))
    told = plain(page.evaluate(EVIDENCE))
    passage = summary.claims[1].passages[0]
    for shown in (
        "words nearly so",
        words_of(summary, 1),
        "fuzzy",
        "found",
        "misattributed",
        "93 of 100 alike",
        *passage.headings,
        f"characters {passage.start:,}–{passage.end:,}",
        "1 of 4",
    ):
        assert shown in told


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (2, "✕fabricatedThe quote stands nowhere in the source."),
        (3, "∼attributedThere is no quote"),
        (4, "?unsupportedNothing in the source was found"),
    ],
    ids=["fabricated", "attributed", "unsupported"],
)
def test_a_weak_claim_says_so(show: Opener, number: int, told: str) -> None:
    """A verdict is a sign, a word and a sentence."""
    page = show(example())
    page.click(claim(number))
    assert told in page.evaluate(EVIDENCE)


def test_passages_are_stepped_through(show: Opener) -> None:
    """n, p and the buttons go from one passage to the next, and round."""
    summary = example()
    page = show(summary)
    page.click(claim(1))
    steps: list[str] = []
    presses: list[Callable[[], None]] = [
        lambda: page.press("n"),
        lambda: page.click("[aria-label='The next passage']"),
        lambda: page.press("n", "n"),
        lambda: page.press("p"),
        lambda: page.click(".place"),
    ]
    for press in presses:
        press()
        page.wait(in_view("#pane .current"))
        steps.append(plain(page.evaluate(CURRENT)))
    assert steps == [words_of(summary, 1, at) for at in (1, 2, 0, 3, 0)]


def test_the_summary_by_keyboard(show: Opener) -> None:
    """S goes to the sentences, the arrows move and show, v finds the weak ones, Esc ends it."""
    summary = example()
    page = show(summary)
    page.press("s")
    assert plain(page.evaluate(CURRENT)) == words_of(summary, 0)
    page.press("ArrowDown")
    assert plain(page.evaluate(CURRENT)) == words_of(summary, 1)
    assert page.evaluate(f"{FOCUSED}.dataset.claim") == "1"
    page.press("v")
    assert page.evaluate(f"{FOCUSED}.dataset.claim") == "2"
    page.press("ArrowUp", "ArrowUp", "ArrowUp", "Enter")
    assert plain(page.evaluate(CURRENT)) == words_of(summary, 0)
    page.press("Escape")
    assert page.evaluate("document.querySelectorAll('.lit, .chosen').length") == 0


def test_tab_reaches_every_part(show: Opener) -> None:
    """One stop for the sentences, the tree, the strip, the source and its passages each."""
    page = show(example())
    reached = set()
    for _ in range(40):
        page.press("Tab")
        reached.add(
            page.evaluate(f"{FOCUSED}.id || {FOCUSED}.getAttribute('role') || {FOCUSED}.localName")
        )
    assert reached >= {"theme", "help", "button", "treeitem", "strip", "pane"}
    assert page.evaluate("document.querySelectorAll('.sentence[tabindex=\"0\"]').length") == 1
    assert page.evaluate("document.querySelectorAll('mark[tabindex=\"0\"]').length") == 1


def test_the_way_back_from_a_passage(show: Opener) -> None:
    """A click on a passage lists the sentences that rest on it, each of which leads back."""
    summary = example()
    page = show(summary)
    page.click("#pane mark")
    told = page.evaluate(EVIDENCE)
    assert "2 sentences of the summary rest on this passage." in told
    assert summary.claims[0].text in told
    assert summary.claims[1].text in told
    assert page.evaluate("document.querySelectorAll('#summary .chosen').length") == 2
    page.click(".rests [data-claim='1']")
    assert plain(page.evaluate(CURRENT)) == words_of(summary, 1, 2)


def test_the_passages_by_keyboard(show: Opener) -> None:
    """D goes to the passages in the source, the arrows move, Enter shows what rests on one."""
    summary = example()
    page = show(summary)
    page.press("d", "ArrowRight")
    page.wait(in_view("mark:focus"))
    assert plain(page.evaluate(f"{FOCUSED}.textContent")) == words_of(summary, 1)
    page.press("Enter")
    told = page.evaluate(EVIDENCE)
    assert "1 sentence of the summary rests on this passage, and 1 of its parts." in told
    assert "Part 1: A part says something." in told
    page.press("ArrowLeft", " ")
    assert "2 sentences" in page.evaluate(EVIDENCE)


def test_the_strip_leads_to_a_place(show: Opener) -> None:
    """A click, and keys, go to the place in the source; the gap is drawn on it."""
    page = show(example())
    box = page.evaluate("document.getElementById('strip').getBoundingClientRect().toJSON()")
    now = "Number(document.getElementById('strip').ariaValueNow)"
    page.click_at(box["x"] + box["width"] * 0.8, box["y"] + 5)
    page.wait(f"{now} >= 70 && {now} <= 80")
    page.press("Home")
    page.wait(f"{now} === 0")
    page.press("PageUp", "ArrowRight")
    page.wait(f"{now} > 0")
    page.press("End")
    page.wait(f"{now} > 80")
    gap = page.evaluate("document.querySelector('#strip .gap').getBoundingClientRect().toJSON()")
    share = (gap["x"] - box["x"]) / box["width"]
    assert 0.49 < share < 0.51
    assert 0.09 < gap["width"] / box["width"] < 0.11


def test_the_tree_by_keyboard(show: Opener) -> None:
    """Arrows open and move; Enter shows the text of a part, whose sentences lead to passages."""
    summary = example()
    page = show(summary)
    page.press("c", "ArrowDown", "ArrowRight", "ArrowRight")
    assert page.evaluate(f"[...{FOCUSED}.firstChild.children].map((it) => it.textContent)") == [
        "Part 1 0–50 % · The word with",
        "1,200 tokens in",
        "150 out",
        "1.2 s",
        "$0.0002700",
    ]
    page.press("Enter")
    assert "A part says something." in page.evaluate(f"{FOCUSED}.textContent")
    assert "2 attempts" in page.evaluate(f"{FOCUSED}.textContent")
    page.click("#tree .sentence")
    assert plain(page.evaluate(CURRENT)) == words_of(summary, 1)
    page.press("c", "ArrowLeft", "ArrowLeft", "Home")
    assert page.evaluate(f"{FOCUSED}.dataset.node") == "0"
    page.press("ArrowLeft", "End", "ArrowUp")
    assert page.evaluate(f"{FOCUSED}.ariaExpanded") == "false"


def test_the_tree_by_mouse(show: Opener) -> None:
    """The triangle opens what is below; a row shows its place in the source."""
    page = show(example())
    page.click("[data-node='1'] .twisty")
    page.click("[data-node='2'] .twisty")
    assert page.evaluate("document.querySelector('[data-node=\"3\"]').ariaLevel") == "4"
    page.evaluate("document.querySelector('[data-node=\"3\"]').scrollIntoView()")
    assert page.evaluate("document.documentElement.scrollTop") == 0
    page.click("[data-node='4'] .row")
    page.wait(in_view(".gap-label"))
    page.click("[data-node='1'] .twisty")
    assert page.evaluate("document.querySelector('[data-node=\"1\"] > ul').hidden")
    assert "revise, gpt-4o-mini-2024-07-18, made again" in page.evaluate(
        "document.getElementById('elsewhere').textContent"
    )


def test_gaps_and_warnings_are_marked(show: Opener) -> None:
    """A gap is labelled in the source; a warning marks its words in the summary."""
    page = show(example())
    assert page.evaluate("document.querySelector('.warned').textContent") == "17"
    page.click("#warnings button")
    assert page.evaluate("document.querySelector('.warned.shown').textContent") == "17"
    assert "The middle is missing." in page.evaluate(
        "document.getElementById('warnings').textContent"
    )
    page.click("#gaps button")
    page.wait(in_view(".gap-label"))
    label = page.evaluate("document.querySelector('.gap-label').textContent")
    assert label.startswith("Not read: refused by a content filter (characters ")


def test_the_verdicts_lead_to_their_sentences(show: Opener) -> None:
    """Each verdict is counted in the head and goes to its next sentence."""
    page = show(example())
    assert page.evaluate("document.getElementById('verdicts').innerText").count("1") == 5
    page.click("#verdicts [data-verdict='fabricated']")
    assert page.evaluate(f"{FOCUSED}.dataset.claim") == "2"


def test_dark_and_light(show: Opener) -> None:
    """The page follows the system, and the button turns it over."""
    page = show(example())
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.emulate(prefers_color_scheme="dark")
    dark = page.evaluate(ground)
    assert dark != light
    page.click("#theme")
    assert page.evaluate(ground) == light
    page.press("m")
    assert page.evaluate(ground) == dark
    assert page.evaluate("document.getElementById('theme').textContent") == "Light"


def test_the_keys_are_shown(show: Opener) -> None:
    """? opens the list of keys, which then stand still; the button closes it."""
    page = show(example())
    page.press("?")
    assert page.evaluate("document.getElementById('keys').open")
    page.press("m")
    assert page.evaluate("document.documentElement.dataset.theme ?? ''") == ""
    page.click("#close")
    assert not page.evaluate("document.getElementById('keys').open")


def test_print_has_footnotes_and_no_chrome(show: Opener) -> None:
    """On paper stand the summary, a footnote a sentence, warnings and gaps, and nothing else."""
    page = show(example())
    visible = "(selector) => document.querySelector(selector).checkVisibility()"
    assert not page.evaluate(f"({visible})('#footnotes')")
    page.emulate("print", prefers_color_scheme="dark")
    shown = {
        selector: page.evaluate(f"({visible})('{selector}')")
        for selector in ("#summary", "#footnotes", "#warnings", "#gaps", "#beside", "#made")
    }
    assert shown == {
        "#summary": True,
        "#footnotes": True,
        "#warnings": True,
        "#gaps": True,
        "#beside": False,
        "#made": False,
    }
    notes = page.evaluate(
        "[...document.querySelectorAll('#footnotes > li')].map((it) => it.innerText)"
    )
    assert [plain(note).split(" ")[0] for note in notes] == [
        "✓found",
        "⇄misattributed",
        "✕fabricated",
        "∼attributed",
        "?unsupported",
    ]
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(34, 32, 28)"
    assert page.pdf().startswith(b"%PDF")


def test_a_phone_stacks_the_two(show: Opener) -> None:
    """On a narrow window nothing sticks out, and the evidence lies over the lower half."""
    page = show(example(), width=360, height=740)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.click(claim(0))
    assert (
        page.evaluate("getComputedStyle(document.getElementById('evidence')).position") == "fixed"
    )
    page.wait(in_view(claim(0), "html"))
    page.click(".to-source")
    page.wait(in_view("#pane .current"))
    page.click("#back")
    assert page.evaluate(f"{FOCUSED}.dataset.claim") == "0"


def test_a_hostile_document_is_inert(show: Opener) -> None:
    """Markup in source, title, summary, quotes and messages shows as text and does nothing."""
    text = "\n".join(HOSTILE)
    document = Document(text=text, title=HOSTILE[0])
    places = Places(document)
    spans = [Span(text.index(line), text.index(line) + len(line)) for line in HOSTILE]
    words, claims = written(
        [
            (line, (cited(places, span, quote=line, verdict="fuzzy"),))
            for line, span in zip(HOSTILE, spans, strict=True)
        ]
    )
    summary = replace(summary_of(document, words, claims), notes=(HOSTILE[1],), model=HOSTILE[2])
    page = show(summary)
    for number, line in enumerate(HOSTILE):
        page.click(claim(number))
        assert page.evaluate(CURRENT) == line.replace("\u202e", "\ufffd")
    assert page.evaluate("document.getElementById('title').textContent") == HOSTILE[0]
    assert page.evaluate("document.getElementById('notes').textContent") == HOSTILE[1]
    assert page.evaluate("document.getElementById('pane').textContent") == text.replace(
        "\u202e", "\ufffd"
    )
    assert page.evaluate("window.struck ?? 'no'") == "no"
    assert page.evaluate("document.querySelectorAll('img, iframe, link, base').length") == 0


def test_odd_characters_shift_nothing(show: Opener) -> None:
    """Emoji, lone surrogates, NUL, CR LF and marks stand before words that are still met."""
    odd = "👩‍👩‍👧 \0 \ud800 e\u0301 𝒜\r\n\r\nafter \u202eall\u202c, "
    text = odd + "𝒷these words\udc00 count.\r𐐷 And \ufeffthese."
    document = Document(text=text)
    places = Places(document)
    first = Span(text.index("𝒷these"), text.index(" count"))
    second = Span(text.index("And"), len(text))
    words, claims = written(
        [("🎈 One.", (cited(places, first),)), ("Two 🎈.", (cited(places, second),))]
    )
    page = show(summary_of(document, words, claims))
    page.click(claim(0))
    assert page.evaluate(f"{CURRENT} === '𝒷these words\\udc00'")
    assert page.evaluate(f'document.querySelector("{claim(0)}").firstChild.data') == "🎈 One."
    page.press("ArrowDown", "s")
    page.click(claim(1))
    assert page.evaluate(CURRENT) == "And \ufeffthese."
    assert page.evaluate("document.getElementById('pane').textContent.slice(9, 14)") == "␀ \ud800 e"


def test_a_book_opens_and_is_read_anywhere(show: Opener) -> None:
    """A page of three million characters has few elements, and each passage comes into view."""
    text = (BOOK * 10)[:3_300_000]
    places = Places(Document(text=text, title="A book"))
    citations = [cited(places, phrase(text, at)) for at in range(0, len(text) - 5000, 20_000)]
    words, claims = written([(f"Sentence {n}.", (each,)) for n, each in enumerate(citations)])
    summary = summary_of(places.document, words, claims)
    page = show(summary)
    assert page.evaluate("document.querySelectorAll('*').length") < 8000
    for number in (len(claims) - 1, len(claims) // 2, 0):
        page.click(claim(number))
        page.wait(in_view("#pane .current"))
        assert plain(page.evaluate(CURRENT)) == words_of(summary, number)


def test_a_text_without_ends_of_lines_is_cut_into_blocks(show: Opener) -> None:
    """A run of one letter, and of emoji, is cut between characters and shown whole."""
    text = "a" * 30_000 + "👍🏽" * 10_000
    document = Document(text=text)
    page = show(summary_of(document, "Much of one."))
    assert 5 < page.evaluate("document.querySelectorAll('.block').length") < 30
    assert page.evaluate("document.getElementById('pane').textContent") == text
    assert page.evaluate(
        "[...document.querySelectorAll('.block')].every((it) => it.textContent.isWellFormed())"
    )


def test_an_empty_source_and_overlapping_claims(show: Opener) -> None:
    """What a page cannot draw well it draws all the same."""
    document = Document(text="")
    text, claims = written([("One sentence of two.", ()), ("Another.", ())])
    overlapping = (claims[0], replace(claims[1], start=4), replace(claims[0], end=3))
    page = show(summary_of(document, text, overlapping))
    page.press("s", "n", "ArrowDown", "d")
    assert page.evaluate("document.getElementById('summary').innerText").count("One sentence") == 1


def test_without_scripts_the_summary_can_be_read(browser: Browser, tmp_path: Path) -> None:
    """Where no script may run, the text of the summary stands in the page."""
    file = tmp_path / "page.html"
    file.write_text(render(example()), encoding="utf-8")
    with browser.open("about:blank#still") as page:
        page.send("Emulation.setScriptExecutionDisabled", {"value": True})
        page.send("Page.navigate", {"url": file.as_uri()})
        page.wait("document.querySelector('noscript .plain') !== null")
        assert "The fifth rests on nothing." in page.evaluate("document.body.innerText")


def test_the_short_form_in_a_notebook(show: Opener) -> None:
    """The fragment takes the colours around it, opens its list without a script, and is inert."""
    document = Document(text="\n".join(HOSTILE), title=HOSTILE[0])
    text, claims = written([(line, (cited(Places(document), Span(0, 50)),)) for line in HOSTILE])
    fragment = render_short(summary_of(document, text, claims))
    page = show(
        f'<!doctype html><meta charset="utf-8"><body style="color: rgb(1, 2, 3)">{fragment}'
    )
    page.click("details > summary")
    assert page.evaluate("document.querySelector('details').open")
    assert HOSTILE[0] in page.evaluate("document.body.innerText")
    assert (
        page.evaluate("getComputedStyle(document.querySelector('details li')).color")
        == "rgb(1, 2, 3)"
    )
    assert page.evaluate("window.struck ?? 'no'") == "no"
