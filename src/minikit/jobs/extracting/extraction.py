"""What an extraction is: records, each value with its place in the source; as JSON, rows, CSV."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from minikit.calls.schema import Misfit
from minikit.errors import ArgumentError, SchemaError
from minikit.jobs.extracting.doubles import leaves, plain
from minikit.jobs.extracting.records import RecordSchema, as_list, as_object
from minikit.jobs.provenance import Citation, Verdict
from minikit.jobs.result import Gap, Result
from minikit.text.passage import Passage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from minikit.jobs.extracting.evidence import Leaf, Reading, Record

__all__ = ["Conflict", "ExtractedField", "ExtractedItem", "Extraction", "item_of"]

T = TypeVar("T")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DOCUMENT = "document"
_NOT_GIVEN = " (given: None)"
_WHOLE = "the record"
_REPLY = "the reply"
"""What problems call a value as a whole."""


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
        data: The same as JSON, whether it fits or not. Where its type writes other names than it
            reads, hides a field, or would change it once more, it is what was read.
        fields: Each value in it, with its place.
        problems: Why it does not fit its type.
        documents: Names of the sources that it was read from.
    """

    value: T | None = None
    data: dict[str, Any]
    fields: tuple[ExtractedField, ...]
    problems: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()

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
        documents: Names of the sources.
    """

    items: tuple[ExtractedItem[Any], ...]
    conflicts: tuple[Conflict, ...]
    gaps: tuple[Gap, ...]
    columns: tuple[str, ...]
    is_many: bool
    documents: tuple[str, ...] = ()

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
            f"items[{number}].{problem}".replace(f".{_WHOLE}:", ":", 1)
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
            ArgumentError: `text` is not JSON, or not of this kind, or of another schema.
        """
        saved = super(Extraction, cls).from_json(text)
        known = None if schema is None else RecordSchema[T].of(schema)
        if known and known.is_many != saved.is_many:
            kinds = "many records", "one record"
            raise ArgumentError(
                f"the saved Extraction is of {kinds[not saved.is_many]}, and the schema of "
                f"{kinds[saved.is_many]}: a list[...] is of many"
            )
        items = (
            item if item.problems else replace(item, value=_again(item.data, known, number))
            for number, item in enumerate(saved.items)
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
        type are there too. Of several sources a first column, "document", names that of each
        record.
        """
        empty = dict.fromkeys(self.columns)
        return [
            {**self._told(item), **empty, **dict(_spread(item.data, empty))} for item in self.items
        ]

    @property
    def _document_column(self) -> str | None:
        """The name of the column of the sources; None where there is one source."""
        name = _DOCUMENT
        while name in self.columns:
            name += "_"
        return name if len(self.documents) > 1 else None

    def _told(self, item: ExtractedItem[Any]) -> dict[str, Any]:
        column = self._document_column
        return {} if column is None else {column: "; ".join(item.documents)}

    def to_csv(
        self, path: str | PathLike[str], *, escape_formulas: bool = False, bom: bool = False
    ) -> None:
        """Write the rows as a CSV file in UTF-8, with a line of names.

        Lists stand in it as JSON, truth values as true and false, and what was not found as
        nothing.

        Args:
            path: The file; one that is there is replaced.
            escape_formulas: Whether to put an apostrophe before texts that a spreadsheet would
                take for a formula, and run: those that begin with =, +, -, @ or a tabulator. It
                changes them, "+49 30" as well.
            bom: Whether to begin the file with a byte order mark, without which Excel on Windows
                takes "é" for "Ã©".

        Raises:
            OSError: The file cannot be written.
        """
        import csv
        from pathlib import Path

        encoding = "utf-8-sig" if bom else "utf-8"
        with Path(path).open("w", encoding=encoding, errors="replace", newline="") as file:
            writer = csv.writer(file)
            column = self._document_column
            writer.writerow(self.columns if column is None else (column, *self.columns))
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
    data = schema.filled(plain(record))
    value, problems = _read(data, schema)
    found = list(leaves(record))
    item = ExtractedItem(
        value=value,
        data=data if problems else _written(value, data, schema),
        fields=tuple(_field(path, leaf.best) for path, leaf in found),
        problems=problems,
    )
    return item, [_conflict(number, path, leaf) for path, leaf in found if len(leaf.readings) > 1]


def _read(data: Mapping[str, Any], schema: RecordSchema[Any]) -> tuple[Any, tuple[str, ...]]:
    """Return a record as a value of its type, or None and why it does not fit."""
    try:
        return schema.item.parse(json.dumps(data)), ()
    except Misfit as misfit:
        return None, tuple(map(_problem, misfit.problems))
    except Exception as error:  # noqa: BLE001 - validators are the user's; what was read is paid
        return None, (f"{_WHOLE}: {type(error).__name__}: {error}",)


def _again(data: dict[str, Any], schema: RecordSchema[Any] | None, number: int) -> Any:  # noqa: ANN401
    """Return the value of a saved record that fits its type; without one a dict."""
    if schema is None:
        return data
    value, problems = _read(data, schema)
    if problems:
        raise ArgumentError(
            f"items[{number}] of the saved Extraction does not fit the schema of "
            f"{schema.item.name}: {'; '.join(problems)}"
        )
    return value


def _written(value: object, data: dict[str, Any], schema: RecordSchema[Any]) -> dict[str, Any]:
    """Return a value as JSON, where that is read as the same value, else what was read.

    A type may write other names than it reads, leave fields out, or change them each time.
    """
    from pydantic_core import to_jsonable_python

    try:
        written: dict[str, Any] = to_jsonable_python(value)
        same = _has_fields(written, data) and schema.item.parse(json.dumps(written)) == value
    except Exception:  # noqa: BLE001 - as above, and of serializers
        return data
    return written if same else data


def _has_fields(written: object, data: object) -> bool:
    """Tell whether JSON has all the fields of other JSON."""
    if (fields := as_object(data)) is not None:
        others = as_object(written)
        return others is not None and all(
            name in others and _has_fields(others[name], each) for name, each in fields.items()
        )
    return all(map(_has_fields, as_list(written) or (), as_list(data) or ()))


def _problem(told: str) -> str:
    """Return a problem for people, who gave no null and no reply."""
    where, _, what = told.partition(": ")
    if told.endswith(_NOT_GIVEN):
        return f"{where}: nothing was found"
    return f"{_WHOLE}: {what}" if where == _REPLY else told


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
