"""A comparable text, and the way back from it."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.text.document import Span
from minikit.text.normalize import Normalized
from strategies import hostile_texts, proses, texts


def origin(text: str, start: int, end: int) -> str:
    """Return what a stretch of the comparable text came from."""
    span = Normalized(text).span(start, end)
    return text[span.start : span.end]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("He said “Go on”, twice.", 'he said "go on", twice.'),
        ("He said 'Go on', twice.", "He said «Go on», twice."),
        ("don’t", "DON'T"),
        ("don‘t", "don´t"),
        ("one \t\r\n two", "one\u3000\xa0two"),
        ("one — two", "one--two"),
        ("one ― two", "one - two"),
        ("one... two", "one … two"),
        ("one . . . two", "one […] two".replace("[…]", "....")),
        ("hyphen-\n  ation", "hyphenation"),
        ("well-known", "well‑known"),
        ("well-\r\nknown", "wellknown"),
        ("soft\xadhyphen", "softhyphen"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("ﬁne oﬃce", "fine office"),
        ("Ｆｕｌｌ，ｗｉｄｔｈ１２", "full,width12"),
        ("cafe\u0301", "café"),
        ("Straße", "STRASSE"),
        ("**bold** and _it_ and ***both***.", "bold and it and both."),
        ("I 'm here , are n't you ?", "I'm here, aren't you?"),
        ("It 's a {disfmarker} thing [laughter] .", "it's a thing."),
        ("as shown [12].", "as shown."),
        ("5 % of ( all )", "5% of ( all)"),
        ("会议 决定\n了，“好”。", "会议决定了,好。"),
        ("在 Paris 有", "在Paris有"),
        ("\u1112\u1161\u11ab", "한"),
        ("ｶﾞ", "ガ"),
        ("كـتـاب", "كتاب"),
        ("x\x85y\x1cz", "x y z"),
    ],
)
def test_settings_make_no_difference(one: str, other: str) -> None:
    """Texts that differ only in how they are set are the same when normalized."""
    assert Normalized(one).text.strip() == Normalized(other).text.strip()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cant", "can't"),
        ("-5 degrees", "5 degrees"),
        ("1812-13", "181213"),
        ("2*3", "23"),
        ("snake_case", "snakecase"),
        ("black bird", "blackbird"),
        ("1.5", "15"),
        ("resume", "résumé"),
        ("COVID-19", "COVID19"),
        ("f(x)[0000]", "f(x)"),
        ("it is [not] true", "it is true"),
        ("it is {never} true", "it is true"),
    ],
)
def test_what_means_something_stays(one: str, other: str) -> None:
    """Apostrophes in words, signs of numbers, spaces and accents make a difference."""
    assert Normalized(one).text != Normalized(other).text


def test_plain_text_keeps_its_offsets() -> None:
    """One space, line end or letter stays one character."""
    text = "Call me Ishmael.\nSome years ago, never mind how long."
    assert Normalized(text).text == text.lower().replace("\n", " ")
    assert Normalized(text).span(5, 15) == Span(5, 15)


@pytest.mark.parametrize(
    ("text", "part", "expected"),
    [
        ("He said   “Go\r\n\r\non” twice", "go on", "Go\r\n\r\non"),
        ("the **bold** one", "bold", "bold"),
        ("oﬃce work", "fi", "ﬃ"),
        ("oﬃce work", "ice w", "ﬃce w"),
        ("a cafe\u0301 there", "café", "cafe\u0301"),
        ("the exam-\nple is", "example", "exam-\nple"),
        ("İstanbul now", "now", "now"),
        ("one … two", " ", " … "),
        ("會議 決定", "議決", "議 決"),
    ],
)
def test_the_way_back(text: str, part: str, expected: str) -> None:
    """A stretch leads to the characters that it came from, and to all of each."""
    start = Normalized(text).text.index(part)
    assert expected == origin(text, start, start + len(part))


@pytest.mark.parametrize(
    ("text", "span", "expected"),
    [
        ("one  two  three", Span(3, 8), " two"),
        ("one  two  three", Span(4, 8), "two"),
        ("one  two  three", Span(4, 9), "two"),
        ("one  two  three", Span(5, 100), "two three"),
        ("one “two” three", Span(4, 9), "two"),
        ("oﬃce", Span(1, 2), "ffi"),
        ("“one”", Span(0, 5), "one"),
        ("  one  ", Span(0, 7), "one"),
        ("cafe\u0301 x", Span(0, 4), "caf"),
        ("cafe\u0301 x", Span(4, 7), " x"),
        ("", Span(0, 0), ""),
    ],
)
def test_locating_a_part(text: str, span: Span, expected: str) -> None:
    """A part of the text holds the characters that came from it alone."""
    normalized = Normalized(text)
    low, high = normalized.locate(span)
    assert expected == normalized.text[low:high]


def test_a_part_within_a_sign_holds_nothing() -> None:
    """Half of what became one character is none of it."""
    low, high = Normalized("a  \n b").locate(Span(2, 3))
    assert low >= high


@given(texts())
def test_any_text_has_a_way_back(text: str) -> None:
    """Each character leads to a stretch of the text, and stretches follow each other."""
    normalized = Normalized(text)
    spans = [normalized.span(at, at + 1) for at in range(len(normalized.text))]
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    starts = [span.start for span in spans]
    assert sorted(starts) == starts
    if spans:
        whole = normalized.span(0, len(spans))
        assert Span(spans[0].start, spans[-1].end) == whole


@given(texts(), st.data())
def test_a_part_lies_within_its_span(text: str, data: st.DataObject) -> None:
    """What is located within a span leads back into it, and leaves nothing out that does."""
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    normalized = Normalized(text)
    low, high = normalized.locate(Span(start, end))
    inside = [
        at
        for at in range(len(normalized.text))
        if start <= (span := normalized.span(at, at + 1)).start and span.end <= end
    ]
    assert inside == list(range(low, high))


@given(texts())
def test_normalizing_again_folds_nothing_more(text: str) -> None:
    """The letters of a normalized text are folded."""
    once = Normalized(text).text
    assert once == once.casefold()
    assert not re.search(r"[^\S ]| {2}", once)


@given(proses())
def test_how_prose_is_set_makes_no_difference(text: str) -> None:
    """Other line ends, quotation marks, case and accents in pieces give the same text."""
    other = unicodedata.normalize("NFD", text.replace('"', "”").replace("'", "’"))
    other = other.upper().replace("\r\n", "\n").replace(" ", "\n \u200b ")
    assert Normalized(text).text.strip() == Normalized(other).text.strip()


@pytest.mark.parametrize("name", hostile_texts(1))
def test_hostile_texts_are_normalized(name: str) -> None:
    """A long run of whatever is read, and its end leads to its end."""
    text = hostile_texts(100_000)[name] + " end"
    normalized = Normalized(text)
    assert normalized.text.endswith("end")
    assert Span(len(text) - 3, len(text)) == normalized.span(*_last(normalized.text, 3))


def _last(text: str, count: int) -> tuple[int, int]:
    return len(text) - count, len(text)
