"""Records of the same thing become one: nothing is lost, nothing is there twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.jobs.extracting.doubles import Key, leaves, merged, plain, united
from minikit.jobs.extracting.evidence import Leaf, Listed, Reading, Record, Tree
from minikit.jobs.provenance import Citation, Verdict
from minikit.text.passage import Passage


def leaf(value: Any, verdict: Verdict = "found", at: int | None = None) -> Leaf:  # noqa: ANN401
    """Return a value as it was read; it is a choice where it is a bool."""
    citations: tuple[Citation, ...] = ()
    if at is not None:
        passage = Passage(cited_text="x" * 10, start=at, end=at + 10)
        citations = (Citation(quote=f"q{at}", passages=(passage,), verdict="found", score=100.0),)
    reading = Reading(value=value, key=value, verdict=verdict, citations=citations)
    return Leaf(readings=(reading,), is_choice=isinstance(value, bool))


def record(part: int, at: int | None = None, **fields: Any) -> Record:  # noqa: ANN401
    """Return a record that was read from a part; its quote stands `at` an offset."""
    trees = {name: _tree(part, value, at) for name, value in fields.items()}
    return Record(fields=trees, parts=frozenset({part}))


def _tree(part: int, value: Any, at: int | None) -> Tree:  # noqa: ANN401
    if isinstance(value, Leaf):
        return value
    if isinstance(value, dict):
        return record(part, at, **value)
    if isinstance(value, list):
        return Listed(items=tuple(_tree(part, each, at) for each in value))
    return leaf(value, at=at)


def plains(records: list[Record]) -> list[Any]:
    """Return what records say."""
    return [plain(each) for each in records]


def test_named_again() -> None:
    """What two parts say of one thing is one record, and each fills what the other leaves out."""
    found = merged(
        [
            record(0, name="Anna", city="Bern"),
            record(0, name="Bob"),
            record(1, name="Anna", age=40),
            record(2, name="Bob", city="Basel", age=40),
        ]
    )
    assert plains(found) == [
        {"name": "Anna", "city": "Bern", "age": 40},
        {"name": "Bob", "city": "Basel", "age": 40},
    ]
    assert [each.parts for each in found] == [{0, 1}, {0, 2}]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_namesakes(order: tuple[int, ...]) -> None:
    """What may be told of either of two is given to none, in whatever order they are read."""
    read = [
        record(0, name="Anna", city="Bern"),
        record(1, name="Anna", age=40),
        record(2, name="Anna", city="Basel"),
    ]
    assert merged([read[at] for at in order]) == [read[at] for at in order]


def test_common_values() -> None:
    """A value that many different things have, such as a currency, makes no two of them one."""
    bills = [record(number, no=number, currency="EUR") for number in range(3)]
    total = record(9, currency="EUR", total=99)
    assert merged([total, *bills]) == [total, *bills]
    again = record(8, no=1, currency="EUR", total=50)
    assert plains(merged([total, *bills, again]))[2] == {"no": 1, "currency": "EUR", "total": 50}


def test_what_adds_nothing() -> None:
    """A mere mention of one of two namesakes is no record of its own, unless it lists something."""
    read = [record(0, name="Anna", city="Bern"), record(1, name="Anna", city="Basel")]
    found = merged([*read, record(2, name="Anna"), record(3, name="Anna", tags=["a"])])
    assert plains(found) == [*plains(read), {"name": "Anna", "tags": ["a"]}]
    assert found[0].parts == {0, 2}


def test_a_mention_that_comes_first() -> None:
    """A mere mention is of the first of two namesakes, also where it is read before both."""
    read = [record(1, name="Anna", city="Bern"), record(2, name="Anna", city="Basel")]
    found = merged([record(0, name="Anna"), *read])
    assert plains(found) == plains(read)
    assert found[0].parts == {0, 1}


def test_filled_records_meet() -> None:
    """A record that ties two others together makes one of all three, where the first stands."""
    found = merged([record(0, phone=1), record(1, name="Anna"), record(2, name="Anna", phone=1)])
    assert plains(found) == [{"phone": 1, "name": "Anna"}]


@pytest.mark.parametrize(
    "records",
    [
        [record(0, name="Anna"), record(0, name="Anna")],
        [record(0, name="Anna"), record(1, age=40)],
        [record(0, paid=True, name="Anna"), record(1, paid=True, age=40)],
        [record(0, tags=["a"]), record(1, tags=["a"])],
        [
            record(0, name="Anna", address={"city": "Bern"}),
            record(1, name="Anna", address={"city": "Zug"}),
        ],
    ],
)
def test_what_is_not_the_same(records: list[Record]) -> None:
    """One reply names two things twice, and sharing a choice, a list or nothing is no sameness."""
    assert merged(records) == records


def test_key() -> None:
    """With a key it alone tells, in one part too; what else differs is kept beside."""
    found = merged(
        [
            record(0, id=1, name="Anna"),
            record(0, id=1, name="Anne"),
            record(1, name="Anna"),
            record(2, id=2, name="Anna"),
        ],
        ("id",),
    )
    assert plains(found) == [{"id": 1, "name": "Anna"}, {"name": "Anna"}, {"id": 2, "name": "Anna"}]
    name = found[0].fields["name"]
    assert isinstance(name, Leaf)
    assert [each.value for each in name.readings] == ["Anna", "Anne"]


def test_key_within_records() -> None:
    """A key may lie in a record within, and have several fields that must all be said."""
    key = ("name", "address.city")
    one = record(0, name="Anna", address={"city": "Bern"}, age=1)
    same = record(1, name="Anna", address={"city": "Bern", "zip": "3000"})
    part = record(2, name="Anna")
    assert plains(merged([one, same, part, part], key)) == [
        {"name": "Anna", "address": {"city": "Bern", "zip": "3000"}, "age": 1},
        {"name": "Anna"},
        {"name": "Anna"},
    ]


def test_empty_key() -> None:
    """With an empty key equal rows stay apart, unless they quote the same place."""
    rows = [record(0, 0, what="tea"), record(1, 5, what="tea"), record(1, 90, what="tea")]
    assert plains(merged(rows, ())) == [{"what": "tea"}, {"what": "tea"}]
    assert len(merged(rows)) == 2
    assert len(merged([record(0, what="tea"), record(1, what="tea")], ())) == 2


def test_better_evidence_is_kept() -> None:
    """Of values that differ the best supported counts, of equals the first; all are kept."""
    found = united(
        [
            record(0, name=leaf("Ann", "unsupported"), age=40),
            record(1, name=leaf("Anna", "found", 5), age=41),
            record(2, name=leaf("Anne", "attributed")),
            record(3, name=leaf("Ann", "fuzzy", 9)),
        ]
    )
    assert plain(found) == {"name": "Anna", "age": 40}
    name = found.fields["name"]
    assert isinstance(name, Leaf)
    assert [(each.value, each.verdict) for each in name.readings] == [
        ("Ann", "fuzzy"),
        ("Anna", "found"),
        ("Anne", "attributed"),
    ]


def test_lists() -> None:
    """Lists are joined: records as records are, values as often as one list has them."""
    found = united(
        [
            record(
                0, tags=["a", "a", "b"], lines=[{"what": "tea", "n": 1}, {"what": "tea", "n": 1}]
            ),
            record(1, tags=["b", "a", "c"], lines=[{"what": "tea", "price": 3}, {"what": "jam"}]),
        ]
    )
    assert plain(found) == {
        "tags": ["a", "a", "b", "c"],
        "lines": [
            {"what": "tea", "n": 1, "price": 3},
            {"what": "tea", "n": 1},
            {"what": "jam"},
        ],
    }


def test_values_of_two_kinds() -> None:
    """Where one part gives a name and another a record, both are kept, each as a whole."""
    found = united(
        [
            record(0, owner="Anna", pairs=[["a", "b"], ["c"]]),
            record(1, owner={"name": leaf("Anna", "attributed", 3)}, pairs=[["c"], {"x": 1}]),
            record(2, owner={"name": "Anna"}),
        ]
    )
    assert plain(found) == {"owner": "Anna", "pairs": [["a", "b"], ["c"], {"x": 1}]}
    owner = found.fields["owner"]
    assert isinstance(owner, Leaf)
    assert [each.value for each in owner.readings] == ["Anna", {"name": "Anna"}]
    assert owner.readings[1].verdict == "found"


def test_nothing() -> None:
    """Of no records there is none, or an empty one."""
    assert merged([]) == []
    assert united([]) == Record(fields={}, parts=frozenset())


scalars = st.one_of(st.sampled_from(["Anna", "Bob", "Cleo"]), st.integers(1, 3), st.booleans())
fields = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["Anna", "Bob", "Cleo"]),
        "age": st.integers(1, 3),
        "paid": st.booleans(),
        "city": st.fixed_dictionaries({}, optional={"zip": st.integers(1, 2)}),
        "tags": st.lists(scalars, max_size=3),
        "lines": st.lists(st.fixed_dictionaries({"what": scalars}), max_size=3),
    },
)
records = st.lists(
    st.builds(
        lambda part, at, said: record(part, at, **said),
        st.integers(0, 4),
        st.integers(0, 50),
        fields,
    ),
    max_size=12,
)
keys = st.sampled_from([None, (), ("name",), ("name", "city.zip")])


def said(one: Record) -> Counter[tuple[str, Hashable]]:
    """Return what a record says, in whatever place of a list, and with what else was read."""
    return Counter(
        (path.translate(dict.fromkeys(range(48, 58))), reading.key)
        for path, each in leaves(one)
        for reading in each.readings
    )


@settings(max_examples=60)
@given(records, keys)
def test_merging_loses_nothing(read: list[Record], key: Key) -> None:
    """Every value of every record stands in a merged one, of which there are no more."""
    found = merged(read, key)
    assert len(found) <= len(read)
    kept = [said(each) for each in found]
    for each in read:
        assert any(said(each) <= other for other in kept)
    together, apart = sum(kept, Counter()), sum(map(said, read), Counter())
    assert set(together) == set(apart)


@settings(max_examples=60)
@given(records, keys)
def test_merging_again_changes_nothing(read: list[Record], key: Key) -> None:
    """What was merged holds no two records of one thing."""
    found = merged(read, key)
    assert merged(found, key) == found
    one = united(read)
    assert united([one]) == one


@settings(max_examples=60)
@given(records, keys)
def test_order_is_that_of_first_mention(read: list[Record], key: Key) -> None:
    """Records come in the order in which the first part of each was read."""
    marked = [
        Record(fields={**each.fields, "mark": Listed(items=(leaf(number),))}, parts=each.parts)
        for number, each in enumerate(read)
    ]
    firsts = [plain(each)["mark"][0] for each in merged(marked, key)]
    assert firsts == sorted(firsts)


def test_many_records() -> None:
    """Thousands of records are looked up, not compared with each other."""
    rows = [
        record(
            number // 50, name=f"n{number % 2000}", **({"age": number % 7} if number % 3 else {})
        )
        for number in range(4_000)
    ]
    assert 2_000 <= len(merged(rows)) < 4_000


def looked_at(rows: int) -> int:
    """Return how often the quotes of equal rows are looked at; each quotes a line of its own."""
    looks = 0

    class Watched(tuple[Passage, ...]):
        __slots__ = ()

        def __iter__(self) -> Iterator[Passage]:
            nonlocal looks
            looks += 1
            return super().__iter__()

    def row(number: int) -> Record:
        read = leaf("tea", at=20 * number).best
        (citation,) = read.citations
        watched = replace(citation, passages=Watched(citation.passages))
        value = Leaf(readings=(replace(read, citations=(watched,)),))
        return record(number // 50, item=value)

    assert len(merged(map(row, range(rows)), ())) == rows
    return looks


def test_equal_rows_take_linear_time() -> None:
    """Of thousands that are equal, only those of about the same place are held against a new one.

    If all were, twice as many rows would take four times as many looks.
    """
    assert looked_at(1_200) < 2.2 * looked_at(600)


def test_a_quote_over_several_cells() -> None:
    """Who quotes a long passage shares a place with whom quotes a word in the midst of it."""
    long = Passage(cited_text="x" * 2_000, start=90, end=2_090)
    citation = Citation(quote="x", passages=(long,), verdict="found", score=100.0)
    whole = Leaf(readings=(Reading(value="tea", key="tea", citations=(citation,)),))
    assert len(merged([record(0, item=whole), record(1, at=1_100, item="tea")], ())) == 1
    assert len(merged([record(0, item=whole), record(1, at=2_090, item="tea")], ())) == 2


quoting = st.lists(
    st.builds(
        record,
        st.integers(0, 3),
        st.sampled_from([None, 0, 3, 480, 491, 499, 500, 505, 985, 991, 1_000]),
        name=st.sampled_from(["Anna", "Bob"]),
        paid=st.booleans() | st.none().map(lambda _: ["a"]),
        city=st.sampled_from([["a"], "Bern", "Zug"]),
    ),
    max_size=9,
)


def single(one: Record) -> dict[str, Leaf]:
    """Return the single values of a record."""
    return {name: tree for name, tree in one.fields.items() if isinstance(tree, Leaf)}


def places(one: Record) -> set[int]:
    """Return each character that a record quotes."""
    return {
        at
        for _, each in leaves(one)
        for citation in each.best.citations
        for passage in citation.passages
        for at in range(passage.start, passage.end)
    }


def are_one(one: Record, other: Record) -> bool:
    """Tell whether two records are one with an empty key, as its description has it."""
    a, b = single(one), single(other)
    shared = a.keys() & b.keys()
    return (
        one.parts.isdisjoint(other.parts)
        and all(a[name].best.key == b[name].best.key for name in shared)
        and any(not (a[name].is_choice and b[name].is_choice) for name in shared)
        and not places(one).isdisjoint(places(other))
    )


@settings(max_examples=60)
@given(quoting)
def test_cells_find_what_all_pairs_do(read: list[Record]) -> None:
    """With an empty key it is as if each record were held against all before it."""
    pool: list[Record | None] = []
    for number, new in enumerate(read):
        pool.append(None)
        place, one = number, new
        while True:
            found = next((at for at, each in enumerate(pool) if each and are_one(each, one)), None)
            if found is None:
                break
            earlier = pool[found]
            assert earlier is not None
            pool[found] = None
            one = united([earlier, one] if found < place else [one, earlier])
            place = min(found, place)
        pool[place] = one
    assert merged(read, ()) == [each for each in pool if each is not None]
