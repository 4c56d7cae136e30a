from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.text.dates import MONTHS, agree, dates
from strategies import texts

FORMS = [
    "{day} {name} {year}",
    "{day}. {name} {year}",
    "{day}th of {name}, {year}",
    "{name} {day}, {year}",
    "{name} the {day}th {year}",
    "{day} de {name} de {year}",
    "{year}-{month:02}-{day:02}",
    "{year}/{month}/{day}",
    "{day:02}/{month:02}/{year}",
    "{month}/{day}/{year}",
    "{day}.{month}.{year}",
    "{year}年{month}月{day}日",
]
pieces = st.lists(
    st.sampled_from(
        ["12", "March", "may", " ", ".", "/", "2024", "-", "of", "first", "月", "aprİl"]
    )
).map(" ".join)


@given(texts() | pieces)
def test_any_text_is_read(text: str) -> None:
    """Nothing stops the search; the dates are in order, in the text, and tell more than a month."""
    found = dates(text)
    assert [each.start for each in found] == sorted(each.start for each in found)
    assert all(0 <= each.start < each.end <= len(text) for each in found)
    assert all(1 <= month <= 12 for each in found for _, month, _ in each.readings)


@given(
    st.dates(date(1000, 1, 1), date(2099, 12, 31)),
    st.sampled_from(FORMS),
    st.sampled_from(sorted(MONTHS)),
)
def test_each_form_says_the_same_day(day: date, form: str, name: str) -> None:
    """A date is found in every form and agrees with its ISO form, and that one with it."""
    name = [each for each, month in MONTHS.items() if month == day.month][len(name) % 3].title()
    text = form.format(day=day.day, month=day.month, year=day.year, name=name)
    (found,) = dates(f"on {text}, or so")
    (iso,) = dates(day.isoformat())
    assert (found.start, found.end) == (3, 3 + len(text))
    assert agree(found, iso)
    assert agree(iso, found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the twelfth of March came", {"twelfth of March": (None, 3, 12)}),
        ("thirty-first of March 1812", {"thirty-first of March 1812": (1812, 3, 31)}),
        ("March 2024", {"March 2024": (2024, 3, None)}),
        ("sept. 5, 1999", {"sept. 5, 1999": (1999, 9, 5)}),
        ("12 March 24 people", {"12 March": (None, 3, 12)}),
        ("1/2/24", {"1/2/24": (24, 1, 2)}),
        ("3月12日", {"3月12日": (None, 3, 12)}),
        ("12 марта 2024 г.", {"12 марта 2024": (2024, 3, 12)}),
        ("in March.", {}),
        ("they may 12 times march 3 miles", {}),
        ("the month of March", {}),
        ("the two August days", {}),
        ("version 3.11.24, 45/45/2024, 2024-13-01, 192.168.1.2024", {}),
    ],
)
def test_what_is_a_date(text: str, found: dict[str, tuple[int | None, int, int | None]]) -> None:
    """A month with a day or a year is a date; versions, addresses and verbs are none."""
    assert {text[each.start : each.end]: each.readings[0] for each in dates(text)} == found


def test_dates_that_do_not_agree() -> None:
    """Another day, month or year is another date; a month does not tell the day."""
    march, other, month, short = dates("12 March 2024; 13 March 2024; March 2024; 3/12/24")
    assert not agree(march, other)
    assert not agree(march, month)
    assert agree(month, march)
    assert agree(march, short)
    assert not agree(march, dates("12 March 2023")[0])


def test_a_day_on_both_sides() -> None:
    """Of "1. March 12", the 1 may end a sentence: either day is meant."""
    (found,) = dates("It was 1. March 12 came")
    assert found.readings == ((None, 3, 1), (None, 3, 12))


def test_only_the_months_that_are_asked_for() -> None:
    """Names that are not asked for are passed over; dates in digits are found all the same."""
    text = "12 March 2024, 13 April 2024, 2024-05-01"
    assert [each.readings[0][1] for each in dates(text, ["april"])] == [4, 5]
    assert [each.readings[0][1] for each in dates(text, [])] == [5]
