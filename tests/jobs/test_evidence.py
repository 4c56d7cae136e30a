"""The evidence for what a model read: each value with the place that it stands at, or none."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from minikit import Document
from minikit.jobs.extracting.doubles import leaves
from minikit.jobs.extracting.evidence import Cited, Evidence, Leaf, Listed, Reading, Record
from minikit.jobs.extracting.records import RecordSchema
from minikit.text.document import Span
from strategies import proses, texts

TEXT = (
    "The town of Aarau met on 3 May 2024. Maria Okonkwo, the treasurer, spoke for twelve minutes.\n"
    "She asked for 61,000 francs, or 5 % of the budget; the loss was -420 francs.\n"
    "It was settled by a unanimous vote. Nobody from Bern came.\n"
)


class Part(BaseModel):
    """A record in a list."""

    who: str | None


class Meeting(BaseModel):
    """A record of each kind of value."""

    town: str | None
    day: date | None
    amount: Decimal | None
    minutes: int | None
    vote: Literal["unanimous", "majority"] | None
    held: bool | None
    people: list[str]
    parts: list[Part]
    chair: Part | None


Item = dict[str, Any]
Pair = tuple[Item, Item]
SCHEMA = RecordSchema[Any].of(list[Meeting])


def read(item: dict[str, Any], text: str = TEXT, span: Span | None = None) -> dict[str, Reading]:
    """Return the readings of an item by path."""
    evidence = Evidence(
        Cited(Document(text=text), 0),
        Span(0, len(text)) if span is None else span,
        part=3,
        quotes="quotes",
    )
    record = evidence.record(item, SCHEMA.node)
    assert record.parts == {3}
    return {path: leaf.best for path, leaf in leaves(record)}


@pytest.mark.parametrize(
    ("field", "value", "quote", "said"),
    [
        ("town", "Aarau", "The town of Aarau met on 3 May 2024.", "Aarau"),
        ("town", "AARAU", "the town of aarau met", "Aarau"),
        ("day", "2024-05-03", "The town of Aarau met on 3 May 2024.", "3 May 2024"),
        ("amount", 61000, "She asked for 61,000 francs", "61,000"),
        ("amount", "61000.00", "She asked for 61,000 francs", "61,000"),
        ("amount", 0.05, "or 5 % of the budget", "5"),
        ("amount", -420, "the loss was -420 francs", "420"),
        ("minutes", 12, "the treasurer, spoke for twelve minutes", "twelve"),
        ("vote", "unanimous", "It was settled by a unanimous vote.", "unanimous"),
    ],
)
def test_value_in_a_quote(field: str, value: object, quote: str, said: str) -> None:
    """A value that stands in a true quote is found there, in any notation."""
    reading = read({"quotes": ["Nobody from Bern came.", quote], field: value})[field]
    assert reading.verdict == "found"
    assert reading.passage is not None
    assert reading.passage.cited_text == said == TEXT[reading.passage.start : reading.passage.end]
    assert [each.quote for each in reading.citations] == [quote]


def test_fuzzy_quote() -> None:
    """A quote with a slip is told as such, and the place is that of the source."""
    quote = "Maria Okonkwo, the tresurer, spoke for twelve minutes"
    reading = read({"quotes": [quote], "town": "Maria Okonkwo"})["town"]
    assert reading.verdict == "fuzzy"
    assert reading.passage is not None
    assert reading.passage.cited_text == "Maria Okonkwo"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("town", "Zug"),
        ("town", "aar"),
        ("town", "…"),
        ("day", "2024-05-04"),
        ("day", "in spring"),
        ("amount", 420),
        ("amount", "a lot"),
        ("amount", 5),
        ("minutes", 13),
        ("vote", "majority"),
        ("held", True),
        ("town", 7),
        ("amount", True),
    ],
)
def test_value_put_in_other_words(field: str, value: object) -> None:
    """What stands in no quote is attributed to them, without a place of its own."""
    quotes = ["The town of Aarau met on 3 May 2024.", "the loss was -420 francs"]
    reading = read({"quotes": quotes, field: value})[field]
    assert reading.verdict == "attributed"
    assert reading.passage is None
    assert [each.quote for each in reading.citations] == quotes


def test_value_that_is_a_quote_of_itself() -> None:
    """Words that prove something where they stand need no other quote; the nearest is told."""
    twice = f"{TEXT}{'and so on ' * 20}\nMaria Okonkwo closed the meeting at noon sharp.\n"
    item = {"quotes": ["closed the meeting at noon sharp"], "town": "Maria Okonkwo"}
    reading = read(item, twice)["town"]
    assert reading.verdict == "found"
    assert reading.passage is not None
    assert reading.passage.start == twice.rindex("Maria")
    assert [each.quote for each in reading.citations] == [""]
    assert read({"quotes": [], "day": "2024-05-03"})["day"].verdict == "found"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [("town", "Aarau", "Aarau"), ("amount", 61000, "61,000"), ("town", "Zürich", None)],
)
@pytest.mark.parametrize("quotes", [[], None, ["The emperor rode to Berlin with nine horses"], [7]])
def test_value_without_a_true_quote(
    field: str,
    value: object,
    said: str | None,
    quotes: list[Any] | None,
) -> None:
    """A word that stands in what was read is attributed to it; else nothing backs the value."""
    reading = read({"quotes": quotes, field: value})[field]
    assert reading.verdict == ("unsupported" if said is None else "attributed")
    assert (reading.passage and reading.passage.cited_text) == said


@pytest.mark.parametrize(("field", "value"), [("minutes", 12), ("vote", "unanimous")])
def test_little_values_stand_anywhere(field: str, value: object) -> None:
    """A short number, or a choice, without a quote is not looked for: it would prove nothing."""
    assert read({"quotes": [], field: value})[field].verdict == "unsupported"


def test_quotes_from_elsewhere_prove_nothing() -> None:
    """A quote that stands in another part than was read is no evidence for it."""
    item = {"quotes": ["It was settled by a unanimous vote."], "vote": "unanimous"}
    assert read(item, span=Span(0, 60))["vote"].verdict == "unsupported"


def test_what_says_nothing_is_left_out() -> None:
    """Nulls, blanks and empty records are no values."""
    item: dict[str, Any] = {
        "town": " ",
        "day": None,
        "people": [None, ""],
        "parts": [{"who": None}],
        "chair": {},
    }
    assert read(item) == {}


def test_records_within() -> None:
    """Records of a list have quotes of their own, or rest on those around them."""
    met = "The town of Aarau met on 3 May 2024."
    spoke = "Maria Okonkwo, the treasurer, spoke"
    item = {
        "quotes": [met],
        "people": ["Aarau", "x"],
        "parts": [{"quotes": [spoke], "who": "Maria"}, {"who": "Aarau"}],
        "chair": {"who": "Aarau"},
    }
    found = read(item)
    assert {path: each.citations[0].quote for path, each in found.items()} == {
        "people.0": met,
        "people.1": met,
        "parts.0.who": spoke,
        "parts.1.who": met,
        "chair.who": met,
    }


def test_keys_of_what_is_the_same() -> None:
    """Two ways to write one value have one key."""
    same: list[Pair] = [
        ({"amount": "12.50"}, {"amount": 12.5}),
        ({"town": "“IT” dept"}, {"town": "it  Dept"}),
    ]
    for one, other in same:
        (a,), (b,) = read(one).values(), read(other).values()
        assert a.key == b.key
    different: list[Pair] = [
        ({"town": "1"}, {"amount": 1}),
        ({"held": True}, {"minutes": 1}),
    ]
    for one, other in different:
        (a,), (b,) = read(one).values(), read(other).values()
        assert a.key != b.key


def test_joined_readings() -> None:
    """Of two readings of a value the better supported counts, with the quotes of both."""
    good = read({"quotes": ["The town of Aarau met"], "town": "Aarau"})["town"]
    weak = read({"quotes": ["Nobody from Bern came."], "town": "Aarau"})["town"]
    assert weak.joined(good) == good.joined(weak)
    assert good.joined(weak).passage == good.passage
    assert len(good.joined(weak).citations) == 2
    assert good.joined(good) == good


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    texts(4),
)


@settings(max_examples=60)
@given(st.data())
def test_no_place_is_made_up(data: st.DataObject) -> None:
    """Whatever a model writes, each passage is a piece of what was read, word for word."""
    text = data.draw(st.one_of(proses(20), texts(20)), "text")
    cuts = st.integers(0, len(text))
    low, high = sorted((data.draw(cuts), data.draw(cuts)))
    slices = st.tuples(cuts, st.integers(1, 60)).map(lambda at: text[at[0] : at[0] + at[1]])
    drawn = st.one_of(slices, values)
    item = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "quotes": st.lists(st.one_of(slices, texts(3)), max_size=3),
                "town": drawn,
                "day": st.one_of(drawn, st.just("2026-03-14")),
                "amount": drawn,
                "vote": drawn,
                "people": st.lists(drawn, max_size=3),
                "parts": st.lists(st.fixed_dictionaries({"who": drawn}), max_size=2),
            },
        ),
        "item",
    )
    for reading in read(item, text, Span(low, high)).values():
        passages = [each for citation in reading.citations for each in citation.passages]
        for passage in [*passages, *filter(None, [reading.passage])]:
            assert passage.cited_text == text[passage.start : passage.end]
            assert passage.cited_text
            assert low <= passage.start < passage.end <= high
        if reading.verdict in ("found", "fuzzy"):
            assert reading.passage is not None
        assert (reading.verdict == "unsupported") == (not passages)


def test_tree_of_a_record() -> None:
    """Single values are leaves, in the order of the schema, and the quotes are no field."""
    evidence = Evidence(Cited(Document(text=TEXT), 0), Span(0, 9), part=0, quotes="quotes")
    record = evidence.record({"people": ["a"], "town": "b", "quotes": []}, SCHEMA.node)
    assert isinstance(record, Record)
    assert list(record.fields) == ["town", "people"]
    town, people = record.fields.values()
    assert isinstance(town, Leaf)
    assert isinstance(people, Listed)
    assert town.best.value == "b"
