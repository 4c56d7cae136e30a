"""What an extraction is: records, each value with its place in the source; as JSON, rows, CSV."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from minikit.calls.schema import Misfit
from minikit.errors import SchemaError
from minikit.jobs.extracting.doubles import leaves, plain
from minikit.jobs.extracting.records import RecordSchema, as_object
from minikit.jobs.provenance import Citation, Verdict
from minikit.jobs.result import Gap, Result
from minikit.text.passage import Passage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from minikit.jobs.extracting.evidence import Leaf, Reading, Record

__all__ = ["Conflict", "ExtractedField", "ExtractedItem", "Extraction", "item_of"]

T = TypeVar("T")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NOT_GIVEN = " (given: None)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedField:
    """A value that was found, and where.

    Attributes:
        path: Which field it is of; "address.city" within a record, "lines.0.amount" in a list.
        value: The value, as JSON has it.
        verdict: What stands behind it: "found" (the value stands in the source, numbers and dates
            in any notation), "fuzzy" (in a passage that was quoted nearly word for word),
            "attributed" (put in other words than those that are quoted for it, as a choice or a
            sum is; or without a quote, and most like the passage) or "unsupported" (nothing).
        citations: The quotes that it rests on.
        passage: Where the value itself stands; None where it is put in other words.
    """

    path: str
    value: Any
    verdict: Verdict
    citations: tuple[Citation, ...] = ()
    passage: Passage | None = None

    @property
    def is_supported(self) -> bool:
        """Whether the value itself stands in the source."""
        return self.verdict in ("found", "fuzzy")

    @property
    def passages(self) -> tuple[Passage, ...]:
        """Where the value stands, else where what is quoted for it does."""
        if self.passage is not None:
            return (self.passage,)
        return tuple(passage for citation in self.citations for passage in citation.passages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A field of which the source says different things in different places.

    Attributes:
        item: Position of the record in `Extraction.items`.
        kept: What the record has: the value with the best evidence, of equals the first.
        others: What else was found for it, in order.
    """

    item: int
    kept: ExtractedField
    others: tuple[ExtractedField, ...]

    @property
    def path(self) -> str:
        """The field."""
        return self.kept.path

    def __str__(self) -> str:
        values = ", ".join(repr(each.value) for each in self.others)
        return f"items[{self.item}].{self.path}: {self.kept.value!r} was kept, not {values}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedItem(Generic[T]):
    """A record that was found. `item["address.city"]` is one of its fields.

    Attributes:
        value: The record as a value of its type; None where it does not fit it.
        data: The same as JSON, whether it fits or not.
        fields: Each value in it, with its place.
        problems: Why it does not fit its type.
    """

    value: T | None = None
    data: dict[str, Any]
    fields: tuple[ExtractedField, ...]
    problems: tuple[str, ...] = ()

    def __getitem__(self, path: str) -> ExtractedField:
        """Return the field at a path, such as "address.city".

        Raises:
            KeyError: Nothing was found for it.
        """
        for field in self.fields:
            if field.path == path:
                return field
        raise KeyError(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction(Result, Generic[T]):
    """What was found in a source: records, what they rest on, and what they took.

    `str(extraction)` is the records as JSON.

    Attributes:
        items: The records, in the order in which they are first mentioned; of a schema that is no
            list, one.
        conflicts: Fields of which the source says different things.
        gaps: Stretches of the source that could not be read, with the reason.
        columns: Names of the fields, as `rows` and `to_csv` have them.
        is_many: Whether the schema is a list.
    """

    items: tuple[ExtractedItem[Any], ...]
    conflicts: tuple[Conflict, ...]
    gaps: tuple[Gap, ...]
    columns: tuple[str, ...]
    is_many: bool

    def __str__(self) -> str:
        return json.dumps(self._data, indent=2, ensure_ascii=False)

    @property
    def value(self) -> T:
        """What was asked for: a record, or the list of those that fit their type.

        Raises:
            SchemaError: The record does not fit its type; `items[0].data` has what was found, and
                `problems` tells what is missing.
        """
        fitting: Any = [item.value for item in self.items if item.value is not None]
        if not self.is_many and not fitting:
            error = SchemaError(
                f"what was found does not fit the schema: {'; '.join(self.problems)}; see "
                f"items[0].data for what there is, or let fields be None",
                code="schema",
            )
            error.errors = self.problems
            raise error
        return cast("T", fitting if self.is_many else fitting[0])

    @property
    def problems(self) -> tuple[str, ...]:
        """Why records do not fit their type, and so are not in `value`."""
        return tuple(
            f"items[{number}].{problem}"
            for number, item in enumerate(self.items)
            for problem in item.problems
        )

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the result as JSON; "value" is what was found, whether it fits its type or not.

        Args:
            indent: Spaces a level, for people; None is one line.
        """
        bare = replace(self, items=tuple(replace(item, value=None) for item in self.items))
        text = Result.to_json(bare)
        saved = json.loads(text)
        for item in saved["items"]:
            del item["value"]
        told = {"value": self._data, **saved}
        return json.dumps(told, indent=indent, ensure_ascii=text.isascii())

    @classmethod
    def from_json(cls, text: str | bytes, schema: type[T] | None = None) -> Self:
        """Read what `to_json` wrote.

        Args:
            text: The JSON.
            schema: What was asked for; without it the records are dicts.

        Raises:
            ArgumentError: `text` is not JSON, or not of this kind.
        """
        saved = super(Extraction, cls).from_json(text)
        read = json.loads if schema is None else RecordSchema[T].of(schema).item.parse
        items = (
            each if each.problems else replace(each, value=read(json.dumps(each.data)))
            for each in saved.items
        )
        return replace(saved, items=tuple(items))

    @property
    def _data(self) -> Any:  # noqa: ANN401 - any JSON
        """What was found, whether it fits its type or not."""
        found = [item.data for item in self.items]
        return found if self.is_many else found[0]

    def rows(self) -> list[dict[str, Any]]:
        """Return a dict for each record, as `pandas.DataFrame` takes them.

        The keys are `columns`: a record within a record is spread over columns with dots in their
        names, and a list is one value. What was not found is None. Records that do not fit their
        type are there too.
        """
        empty = dict.fromkeys(self.columns)
        return [{**empty, **dict(_spread(item.data, empty))} for item in self.items]

    def to_csv(self, path: str | PathLike[str], *, escape_formulas: bool = False) -> None:
        """Write the rows as a CSV file in UTF-8, with a line of names.

        Lists stand in it as JSON, truth values as true and false, and what was not found as
        nothing.

        Args:
            path: The file; one that is there is replaced.
            escape_formulas: Whether to put an apostrophe before texts that a spreadsheet would
                take for a formula, and run: those that begin with =, +, -, @ or a tabulator. It
                changes them, "+49 30" as well.

        Raises:
            OSError: The file cannot be written.
        """
        import csv
        from pathlib import Path

        with Path(path).open("w", encoding="utf-8", errors="replace", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(self.columns)
            for row in self.rows():
                writer.writerow(_cell(value, escape=escape_formulas) for value in row.values())


def item_of(
    record: Record, schema: RecordSchema[Any], number: int
) -> tuple[ExtractedItem[Any], list[Conflict]]:
    """Return a record as a value of its type, with its fields and what they disagree on.

    Args:
        record: What was read.
        schema: Its type.
        number: Its position among the records.
    """
    from pydantic_core import to_jsonable_python

    read = schema.filled(plain(record))
    value, problems = None, tuple[str, ...]()
    try:
        value = schema.item.parse(json.dumps(read))
    except Misfit as misfit:
        problems = tuple(map(_problem, misfit.problems))
    else:
        read = to_jsonable_python(value)
    found = list(leaves(record))
    item = ExtractedItem(
        value=value,
        data=read,
        fields=tuple(_field(path, leaf.best) for path, leaf in found),
        problems=problems,
    )
    return item, [_conflict(number, path, leaf) for path, leaf in found if len(leaf.readings) > 1]


def _problem(told: str) -> str:
    """Return a problem for people, who gave no null."""
    where, _, _ = told.partition(": ")
    return f"{where}: nothing was found" if told.endswith(_NOT_GIVEN) else told


def _field(path: str, reading: Reading) -> ExtractedField:
    return ExtractedField(
        path=path,
        value=reading.value,
        verdict=reading.verdict,
        citations=reading.citations,
        passage=reading.passage,
    )


def _conflict(number: int, path: str, leaf: Leaf) -> Conflict:
    best = leaf.best
    others = (each for each in leaf.readings if each.key != best.key)
    return Conflict(
        item=number,
        kept=_field(path, best),
        others=tuple(_field(path, each) for each in others),
    )


def _spread(
    data: Mapping[str, Any], columns: Collection[str], path: str = ""
) -> Iterator[tuple[str, Any]]:
    """Yield what stands in the columns of a record."""
    for name, value in data.items():
        column = f"{path}{name}"
        if column in columns:
            yield column, value
        elif (fields := as_object(value)) is not None:
            yield from _spread(fields, columns, f"{column}.")


def _cell(value: Any, *, escape: bool) -> str:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return f"'{value}" if escape and value.startswith(_FORMULA) else value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
