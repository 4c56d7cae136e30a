"""Records that were read from parts of a source, put together.

The same thing read twice is one record, what one part says fills what another leaves out, and
where they disagree, both values are kept, to be told.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from minikit.jobs.extracting.evidence import Leaf, Listed, Reading, Record, Tree

__all__ = ["Key", "leaves", "merged", "plain", "united"]

Key = tuple[str, ...] | None

_Names = frozenset[str]
_Parts = frozenset[int]
_Table = dict[tuple[Hashable, ...], dict[_Parts, dict[int, None]]]

_CELL_CHARACTERS = 500
"""Records that must quote the same place are looked for in cells of a document of this size: some
rows of a table, or some sentences."""


def united(records: Iterable[Record]) -> Record:
    """Return the one record that several are partial readings of; an empty one of none.

    What one says fills what another leaves out. Where they differ, each value is kept, in order.
    """
    return _joined(list(records))


def merged(records: Iterable[Record], key: Key = None) -> list[Record]:
    """Return records with those of the same thing as one, in the order of first mention.

    Args:
        records: What was read, in the order of the source.
        key: The fields that tell records apart: two are one where each of these is said in both
            and is the same; a record without one of them stays alone. None: two are one where
            they come from different parts, agree in all single values that both have, and share
            one that is not a mere choice; where others that share as much contradict each other,
            as namesakes do, only one that adds nothing is joined. (): they agree and share so, and
            quote the same place.

    Returns:
        No more records than were given; merging them again changes nothing. The time is linear
        in their number, times that of the different sets of fields that they fill.
    """
    read = list(records)
    pool = _Pool(key, _Census(read))
    for record in read:
        pool.add(record)
    return [record for record in pool.records if record is not None]


def plain(tree: Tree) -> Any:  # noqa: ANN401 - any JSON
    """Return what was read as JSON has it, without its evidence."""
    if isinstance(tree, Leaf):
        return tree.best.value
    if isinstance(tree, Listed):
        return [plain(each) for each in tree.items]
    return {name: plain(each) for name, each in tree.fields.items()}


def leaves(tree: Tree, path: str = "") -> Iterator[tuple[str, Leaf]]:
    """Yield the single values that say something, with their paths, such as "lines.0.amount"."""
    if isinstance(tree, Leaf):
        if tree.best.key is not None:
            yield path, tree
        return
    inner = enumerate(tree.items) if isinstance(tree, Listed) else tree.fields.items()
    for name, each in inner:
        yield from leaves(each, f"{path}.{name}" if path else str(name))


class _Census:
    """Knows of which values all that have them may be one thing."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._said = [dict(_single(record)) for record in records]
        self._tables: dict[_Names, dict[tuple[Hashable, ...], dict[str, Hashable] | None]] = {}

    def is_telling(self, said: Mapping[str, Leaf], shared: _Names) -> bool:
        """Tell whether no two records contradict each other that have these values."""
        if shared not in self._tables:
            self._tables[shared] = self._table(shared)
        return self._tables[shared].get(_marks(said, shared), {}) is not None

    def _table(self, shared: _Names) -> dict[tuple[Hashable, ...], dict[str, Hashable] | None]:
        """Return what is said of the same thing, by the values; None of several things."""
        table: dict[tuple[Hashable, ...], dict[str, Hashable] | None] = {}
        for said in self._said:
            if not shared <= said.keys():
                continue
            marks = _marks(said, shared)
            known = table.setdefault(marks, {})
            if known is not None:
                keys = {name: leaf.best.key for name, leaf in said.items()}
                agree = all(known.get(name, key) == key for name, key in keys.items())
                table[marks] = {**known, **keys} if agree else None
        return table


class _Pool:
    """Records that are no doubles of each other; a new one is looked up by what it says.

    Records that fill the same fields are kept together, in a table for each set of fields that
    records of another kind share with them. In it those of the same parts stand together, since
    they are told apart as one: thousands may be equal.
    """

    def __init__(self, key: Key, census: _Census) -> None:
        self.records: list[Record | None] = []
        self._key = key
        self._census = census
        self._alike: dict[_Names, dict[int, Mapping[str, Leaf]]] = {}
        self._tables: dict[_Names, dict[_Names, _Table]] = {}

    def add(self, record: Record) -> None:
        """Add a record, as one with those that it is a double of."""
        place = len(self.records)
        self.records.append(None)
        # A record that was filled may be the double of one that it shared nothing with before.
        while (found := self._double(record)) is not None:
            earlier = self._taken(found)
            record = _joined([earlier, record] if found < place else [record, earlier])
            place = min(found, place)
        self._put(place, record)

    def _double(self, record: Record) -> int | None:
        """Return the first record that this is a double of."""
        said = self._said(record)
        found = list[int]()
        for filled, tables in self._tables.items():
            shared = filled.intersection(said)
            if not self._is_enough([said[name] for name in shared]):
                continue
            if shared not in tables:
                tables[shared] = self._table(filled, shared)
            if places := sorted(self._agreeing(record, said, shared, tables[shared])):
                found += islice(self._doubles(record, said, filled, shared, places), 1)
        return min(found, default=None)

    def _table(self, filled: _Names, shared: _Names) -> _Table:
        table: _Table = {}
        for place, said in self._alike[filled].items():
            record = self._at(place)
            for sign in self._signs(record, said, shared):
                table.setdefault(sign, {}).setdefault(record.parts, {})[place] = None
        return table

    def _agreeing(
        self, record: Record, said: Mapping[str, Leaf], shared: _Names, table: _Table
    ) -> Iterator[int]:
        """Yield each record that says the same; without a key only of parts of the source apart.

        One reply tells its things apart.
        """
        for sign in self._signs(record, said, shared):
            for parts, places in table.get(sign, {}).items():
                if self._key or record.parts.isdisjoint(parts):
                    yield from places

    def _signs(
        self, record: Record, said: Mapping[str, Leaf], shared: _Names
    ) -> Iterator[tuple[Hashable, ...]]:
        """Yield what a record is looked up by: what it says, and where if it must stand there."""
        marks = _marks(said, shared)
        return ((*cell, *marks) for cell in _cells(record)) if self._key == () else iter([marks])

    def _is_enough(self, shared: Sequence[Leaf]) -> bool:
        if self._key:
            return len(shared) == len(self._key)
        return not all(leaf.is_choice for leaf in shared)

    def _doubles(
        self,
        record: Record,
        said: Mapping[str, Leaf],
        filled: _Names,
        shared: _Names,
        places: Iterable[int],
    ) -> Iterable[int]:
        """Return which of those that say the same are one with a record, in their order."""
        if self._key:
            return places
        if self._key is not None:
            return (place for place in places if _share_a_place(record, self._at(place)))
        if _says_only(record, shared) or self._census.is_telling(said, shared):
            return places
        if filled != shared:
            return ()
        return (place for place in places if _says_only(self._at(place), shared))

    def _at(self, place: int) -> Record:
        record = self.records[place]
        assert record is not None  # noqa: S101 - what is in a table is there
        return record

    def _said(self, record: Record) -> dict[str, Leaf]:
        """Return the single values that tell a record from others."""
        found = _single(record)
        return {name: leaf for name, leaf in found if not self._key or name in self._key}

    def _put(self, place: int, record: Record) -> None:
        self.records[place] = record
        said = self._said(record)
        filled = frozenset(said)
        self._alike.setdefault(filled, {})[place] = said
        for shared, table in self._tables.setdefault(filled, {}).items():
            for sign in self._signs(record, said, shared):
                table.setdefault(sign, {}).setdefault(record.parts, {})[place] = None

    def _taken(self, place: int) -> Record:
        """Take a record out."""
        record = self._at(place)
        self.records[place] = None
        said = self._said(record)
        filled = frozenset(said)
        del self._alike[filled][place]
        for shared, table in self._tables[filled].items():
            for sign in self._signs(record, said, shared):
                alike = table[sign]
                del alike[record.parts][place]
                if not alike[record.parts]:
                    del alike[record.parts]
        return record


def _single(record: Record, path: str = "") -> Iterator[tuple[str, Leaf]]:
    """Yield the single values of a record and of those within; lists are none."""
    for name, tree in record.fields.items():
        if isinstance(tree, Leaf):
            yield f"{path}{name}", tree
        elif isinstance(tree, Record):
            yield from _single(tree, f"{path}{name}.")


def _says_only(record: Record, names: _Names) -> bool:
    return all(path in names for path, _ in leaves(record))


def _marks(said: Mapping[str, Leaf], shared: _Names) -> tuple[Hashable, ...]:
    return tuple(said[name].best.key for name in sorted(shared))


def _cells(record: Record) -> set[tuple[int, int]]:
    """Return the stretches of the sources that it quotes from; who quotes one place shares one."""
    return {
        (each.document_index, cell)
        for each in _passages(record)
        for cell in range(each.start // _CELL_CHARACTERS, each.end // _CELL_CHARACTERS + 1)
    }


def _share_a_place(one: Record, other: Record) -> bool:
    """Whether two records quote passages that overlap."""
    return any(
        a.document_index == b.document_index and a.start < b.end and b.start < a.end
        for a in _passages(one)
        for b in _passages(other)
    )


def _passages(record: Record) -> Iterator[Any]:
    for _, leaf in leaves(record):
        for citation in leaf.best.citations:
            yield from citation.passages


def _joined(records: Sequence[Record]) -> Record:
    """Return a record with the fields of all, in the order in which they are first said."""
    said = dict[str, list[Tree]]()
    for name, tree in chain.from_iterable(record.fields.items() for record in records):
        said.setdefault(name, []).append(tree)
    return Record(
        fields={name: _together(trees) for name, trees in said.items()},
        parts=frozenset[int]().union(*(record.parts for record in records)),
    )


def _together(trees: Sequence[Tree]) -> Tree:
    """Return what parts say of one field; what is of two kinds is compared as a whole."""
    records = [each for each in trees if isinstance(each, Record)]
    lists = [each for each in trees if isinstance(each, Listed)]
    if len(trees) == 1:
        return trees[0]
    if len(records) == len(trees):
        return _joined(records)
    return _listed(lists) if len(lists) == len(trees) else _of_all(map(_whole, trees))


def _of_all(leaves: Iterable[Leaf]) -> Leaf:
    readings = dict[Hashable, Reading]()
    is_choice = True
    for leaf in leaves:
        is_choice = is_choice and leaf.is_choice
        for each in leaf.readings:
            readings[each.key] = readings[each.key].joined(each) if each.key in readings else each
    return Leaf(readings=tuple(readings.values()), is_choice=is_choice)


def _listed(lists: Sequence[Listed]) -> Listed:
    """Return the items of lists; what each lists so many times is not there more often."""
    items = list(chain.from_iterable(each.items for each in lists))
    records = [each for each in items if isinstance(each, Record)]
    if len(records) == len(items):
        return Listed(items=tuple(merged(records)))
    same = dict[tuple[Hashable, int], list[Leaf]]()
    for each in lists:
        seen = Counter[Hashable]()
        for leaf in map(_whole, each.items):
            key = leaf.best.key
            same.setdefault((key, seen[key]), []).append(leaf)
            seen[key] += 1
    return Listed(items=tuple(map(_of_all, same.values())))


def _whole(tree: Tree) -> Leaf:
    """Return what was read as one value, with the evidence of what it is made of."""
    if isinstance(tree, Leaf):
        return tree
    parts = [leaf.best for _, leaf in leaves(tree)]
    value = plain(tree)
    first = max(parts, key=lambda each: each.rank)
    key = json.dumps(value, sort_keys=True)
    return Leaf(
        readings=(Reading(value=value, key=key, verdict=first.verdict, citations=first.citations),)
    )
