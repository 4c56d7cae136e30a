"""Texts with fields to fill in, such as "Dear {name}"; what is filled in is data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import cast

from minikit.errors import ArgumentError

__all__ = ["FieldText", "Row", "check_fields", "is_nothing", "json_of"]

Row = Mapping[str, object]

FIELDS_SHOWN = 20
"""So many names of fields are told in a message."""

_BRACES = re.compile(r"\{\{|\}\}|\{([^{}\r\n]*)\}|[{}]")
_BYTES: tuple[type, ...] = (bytes, bytearray, memoryview)
_NESTED: tuple[type, ...] = (list, tuple, Mapping)
_MEANT = "{{ and }} for braces that are meant"


class FieldText:
    """A text in which each `{name}` stands for the field of that name.

    `{{` and `}}` stand for braces. A name may be anything but empty, on one line and without
    braces; spaces around it do not count. It is only ever looked up: `{a.b}` and `{a:>9}` are the
    fields of these names. What is filled in is not read for fields again.

    Attributes:
        names: The names of its fields, each once, in the order of the text.
    """

    def __init__(self, template: str) -> None:
        """Read the text. Linear in its length.

        Raises:
            ArgumentError: It is no text, has no field, or a brace that is neither a field nor
                doubled.
        """
        if not isinstance(cast("object", template), str):
            raise ArgumentError(f"template is a str, not {type(template).__name__}")
        self._texts, self._fields = _read(template)
        self.names = tuple(dict.fromkeys(self._fields))
        if not self.names:
            raise ArgumentError(
                "the template has no field, so that every row would ask the same: write {name} "
                "where the field `name` shall stand (an f-string fills its own before)"
            )

    def filled(self, row: Row) -> str:
        """Return the text with the fields of `row`; linear in its length.

        A str stands as it is, a list or a mapping as JSON, anything else as `str` writes it.

        Raises:
            ArgumentError: `row` lacks a field, has nothing for it (None, NaN), or bytes.
        """
        values = {name: _value(name, row) for name in self.names}
        first, *texts = self._texts
        after = (values[name] + text for name, text in zip(self._fields, texts, strict=True))
        return first + "".join(after)


def check_fields(names: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raise ArgumentError unless all `names` are `known`; `where` is what these are called."""
    known = dict.fromkeys(known)
    lacking = [name for name in names if name not in known]
    if lacking:
        raise ArgumentError(
            f"the template asks for {_listed(lacking)}, but {where} are {_listed(known)}: "
            f"ask for these, or write {_MEANT}"
        )


def json_of(value: object) -> str:
    """Return `value` as JSON; what JSON does not have is written as `str` does.

    NaN and infinity, which JSON does not have either, are null.

    Raises:
        Exception: It holds itself, is nested too deep, has keys that are no texts, or its own `str`
            raises.
    """
    import json

    try:
        return json.dumps(value, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:
        told = json.loads(json.dumps(value, default=str), parse_constant=lambda _: None)
        return json.dumps(told, ensure_ascii=False)


def _read(template: str) -> tuple[list[str], list[str]]:
    """Return the texts before, between and after the fields, and the names of the fields."""
    texts, fields, pieces = list[str](), list[str](), list[str]()
    after = 0
    for match in _BRACES.finditer(template):
        pieces.append(template[after : match.start()])
        after = match.end()
        if match[0] in {"{{", "}}"}:
            pieces.append(match[0][0])
            continue
        name = (match[1] or "").strip()
        if not name:
            line = template.count("\n", 0, match.start()) + 1
            raise ArgumentError(
                f"{match[0]!r} in line {line} of the template is no field: write {{name}} on one "
                f"line for a field, and {_MEANT}"
            )
        texts.append("".join(pieces))
        fields.append(name)
        pieces.clear()
    return [*texts, "".join([*pieces, template[after:]])], fields


def _value(name: str, row: Row) -> str:
    value = row.get(name)
    if is_nothing(value):
        if name in row:
            raise ArgumentError(f"the row has nothing ({value!r}) for the field {name!r}")
        raise ArgumentError(f"the row lacks the field {name!r}; it has {_listed(row)}")
    if isinstance(value, str):
        return value
    if isinstance(value, _BYTES):
        raise ArgumentError(f"the field {name!r} of the row holds bytes and no text: decode them")
    return json_of(value) if isinstance(value, _NESTED) else str(value)


def is_nothing(value: object) -> bool:
    """Tell the values that tables have for a cell without one: None, NaN, NaT, pandas.NA."""
    try:
        return value is None or bool(value != value)  # noqa: PLR0124 - NaN differs from itself
    except TypeError:  # pandas.NA is neither
        return True
    except ValueError:  # arrays are compared item by item
        return False


def _listed(names: Iterable[str]) -> str:
    names = tuple(names)
    shown = ", ".join(f"{name!r:.60}" for name in names[:FIELDS_SHOWN])
    more = len(names) - FIELDS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown or "no field"
