"""A quote as a model writes it, and what is quoted by it."""

from __future__ import annotations

import pytest
from hypothesis import given

from minikit.text.quotation import Quotation, Wording
from strategies import texts


@pytest.mark.parametrize(
    ("raw", "bare"),
    [
        ("“Go on,” he said.", "go on, he said"),
        (" (see above): -5 °C ", "see above): -5 °c"),
        ("rose 5%.", "rose 5%"),
        ("$5 million!", "$5 million"),
        ("👍 good 👍", "good"),
        ("...", ""),
        ("", ""),
        ("नमस्ते।", "नमस्ते"),
    ],
)
def test_signs_around_a_quote_are_left_out(raw: str, bare: str) -> None:
    """What is left begins and ends with a word, or with the sign of a number or of money."""
    assert bare == Wording.of(raw).bare


@pytest.mark.parametrize(
    ("raw", "proves"),
    [
        ("Anna Pavlovna", True),
        ("会议决定", True),
        ("会议", False),
        ("the", False),
        ("a b", False),
        ("I a b", False),
        ("Constantinople", False),
        ("“”?! …", False),
        ("", False),
    ],
)
def test_what_proves_anything(raw: str, *, proves: bool) -> None:
    """Two words and four letters prove something; two ideographs are a word."""
    assert proves is Wording.of(raw).proves


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("Professor E: So it works now.", "So it works now."),
        ("SPEAKER_01: so it works now", "so it works now"),
        ("张三：这个计划不可行", "这个计划不可行"),
        ("The result was clear: it works now.", "The result was clear: it works now."),
        ("At 10:30 they left the house", "At 10:30 they left the house"),
        ("Grad F: Yeah", "Grad F: Yeah"),
        ("这个计划已经写好并且交给了委员会：需要更多的时间", ""),
        ("So it works now", "So it works now"),
        (": so it works now", ": so it works now"),
    ],
)
def test_label_of_a_speaker(raw: str, said: str) -> None:
    """Up to five words with capitals before a colon are left out, where enough follows."""
    assert (said or raw).strip() == Quotation.of(raw).said.raw.strip()


@pytest.mark.parametrize(
    ("raw", "pieces"),
    [
        ("one two ... three four", ["one two", "three four"]),
        ("one two […] three four", ["one two", "three four"]),
        ("one two [...] three (…) four", ["one two", "three", "four"]),
        ("one two . . . three four", ["one two", "three four"]),
        ("A B: one two … three four", ["one two", "three four"]),
        ("… one two three", ["one two three"]),
        ("one two three", []),
        ("one. Two.. three", []),
        ("one two…" * 16, []),
        ("one two…" * 15, ["one two"] * 15),
    ],
)
def test_ellipses_part_a_quote(raw: str, pieces: list[str]) -> None:
    """What stands between three dots is a piece; a quote of too many has none."""
    assert pieces == [piece.bare for piece in Quotation.of(raw).pieces]


def test_wordings_are_the_most_first() -> None:
    """A quote is looked for as a whole, without signs, and without its label."""
    wordings = Quotation.of("Grad F: “It works now.”").wordings()
    assert [*wordings] == [
        *("grad f: it works now.", "grad f: it works now"),
        *("it works now.", "it works now"),
    ]


@given(texts())
def test_any_text_is_read(raw: str) -> None:
    """Any str is a quote."""
    quote = Quotation.of(raw)
    assert quote.said.normal in quote.whole.normal or not quote.said.proves
    assert all(piece.bare for piece in quote.pieces)
