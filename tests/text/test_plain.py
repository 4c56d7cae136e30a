"""Figures and tables in plain text."""

from __future__ import annotations

from decimal import Decimal

import pytest

from minikit.text.plain import counted, money, span_of, table, time_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "under 1 s"),
        (0.4, "under 1 s"),
        (0.6, "1 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (4_000_000, "1,111 h 6 min"),
    ],
)
def test_time(seconds: float, text: str) -> None:
    """A time is told in the two units that matter."""
    assert time_text(seconds) == text


def test_figures() -> None:
    """Numbers have their commas, their nouns and their bounds."""
    assert [counted(number, "call") for number in (0, 1, 1200)] == [
        "0 calls",
        "1 call",
        "1,200 calls",
    ]
    assert (span_of(3, 3), span_of(3, 1200)) == ("3", "3 to 1,200")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "price unknown"),
        (Decimal(0), "$0.0000"),
        (Decimal("0.0000686"), "$0.0000686"),
        (Decimal("0.00123"), "$0.0012"),
        (Decimal("12.5"), "$12.5000"),
        (Decimal("1234.5"), "$1,234.5000"),
    ],
)
def test_money(amount: Decimal | None, text: str) -> None:
    """Small amounts keep digits that tell them from nothing; of none it is said what is unknown."""
    assert money(amount) == text
    assert money(amount, "unknown") == text.removeprefix("price ")


def test_table() -> None:
    """Figures are set to the right, words to the left."""
    assert table(["name", "cost"], [["a", "$1"], ["long one", "unknown"]]) == (
        "name         cost\na              $1\nlong one  unknown"
    )
