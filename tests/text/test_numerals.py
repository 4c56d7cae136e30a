from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.text.numerals import han_readings, numbers, spelled_numbers, word_numbers
from strategies import texts


@given(texts())
def test_every_number_stands_where_it_is_said_to(text: str) -> None:
    """Any text is read; numbers are in order, apart, and consist of digits and what parts them."""
    found = list(numbers(text))
    assert all(text[each.start].isdecimal() and text[each.end - 1].isdecimal() for each in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert all(each.readings or each.parts for each in found)


@given(st.integers(0, 10**12))
def test_an_integer_is_read_however_it_is_grouped(number: int) -> None:
    """A number is the same with commas, dots, spaces, apostrophes or nothing between thousands."""
    for sign in ",.'’ \u00a0\u202f_":
        grouped = f"{number:,}".replace(",", "" if sign == "_" else sign)
        (found,) = numbers(f"some {grouped} men")
        assert str(number) in found.readings


@given(st.integers(0, 999), st.integers(0, 999_999))
def test_a_fraction_is_read_without_its_last_zeros(whole: int, fraction: int) -> None:
    """12.50 is 12.5, whichever sign begins the fraction."""
    expected = f"{whole}.{fraction:06}".rstrip("0").rstrip(".")
    for sign in ".,":
        (found,) = numbers(f"{whole}{sign}{fraction:06}")
        assert expected in found.readings


@pytest.mark.parametrize(
    ("text", "readings", "parts"),
    [
        ("1,204", {"1204", "1.204"}, ()),
        ("1.204,50", {"1204.5"}, ()),
        ("1 204", {"1204"}, ("1", "204")),
        ("3.11.2", set(), ("3", "11", "2")),
        ("1,2,345", set(), ("1", "2", "345")),
        ("1.204,5,6", set(), ("1", "204", "5", "6")),
        ("007", {"7"}, ()),
        ("٣٤٥", {"345"}, ()),
        ("1.2 million", {"1.2", "1200000"}, ()),
        ("$1.5bn", {"1.5", "1500000000"}, ()),
        ("5k", {"5", "5000"}, ()),
        ("5 kg", {"5"}, ()),
        ("4亿元", {"4", "400000000"}, ()),
        ("3万", {"3", "30000"}, ()),
    ],
)
def test_readings(text: str, readings: set[str], parts: tuple[str, ...]) -> None:
    """Each way to write a number has its readings."""
    (found,) = numbers(text)
    assert (set(found.readings), found.parts) == (readings, parts)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("twenty-five men", {"twenty-five": "25"}),
        ("a hundred and two", {"hundred and two": "102"}),
        (
            "one thousand eight hundred and twelve",
            {"one thousand eight hundred and twelve": "1812"},
        ),
        ("two hundred thousand", {"two hundred thousand": "200000"}),
        ("the Twenty-First century", {"Twenty-First": "21"}),
        ("two three", {"two": "2", "three": "3"}),
        ("one hundred, twelve", {"one hundred": "100", "twelve": "12"}),
        ("three and four", {"three": "3", "four": "4"}),
        ("one hundred and", {"one hundred": "100"}),
        ("hundred hundred", {"hundred": "100"}),
        ("a million and one", {"million and one": "1000001"}),
        ("thousand million", {"thousand": "1000", "million": "1000000"}),
        ("zero zero", {"zero": "0"}),
        ("the men often", {}),
    ],
)
def test_words_of_english(text: str, said: dict[str, str]) -> None:
    """Words make one number as far as English would say it so; signs between them end it."""
    assert {text[n.start : n.end]: n.readings[0] for n in spelled_numbers(text)} == said


@given(st.lists(st.sampled_from(["one", "twenty", "hundred", "and", "thousand", "men", ""])))
def test_words_are_used_once(words: list[str]) -> None:
    """Any words are read; the numbers among them are in order and apart."""
    found = list(word_numbers(words))
    assert all(first < after for first, after, _ in found)
    assert all(a[1] <= b[0] for a, b in pairwise(found))


def test_chinese_numerals() -> None:
    """Numbers in Chinese characters are read by place and by scale."""
    assert han_readings("百分之十二，二〇二四年，三万五千，一百零五，两亿，半，叁佰") == {
        *("0.5", "300", "100", "12", "2024", "35000", "105", "200000000")
    }
