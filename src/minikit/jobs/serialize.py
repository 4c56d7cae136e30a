"""Results as JSON and back, checked on the way in."""

from __future__ import annotations

import re
from typing import Self

from minikit.errors import ArgumentError

__all__ = ["Serializable"]

_LONE = re.compile("[\ud800-\udfff]")


class Serializable:
    """A dataclass that goes to JSON and back without loss."""

    __slots__ = ()

    def to_json(self, *, indent: int | None = None) -> str:
        """Return this result as JSON; amounts of money are strings, so that they stay exact."""
        import json

        from pydantic import TypeAdapter

        value = TypeAdapter(type(self)).dump_python(self, mode="json")
        text = json.dumps(value, indent=indent, ensure_ascii=False)
        return (
            text if text.isascii() or not _LONE.search(text) else json.dumps(value, indent=indent)
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ArgumentError: `text` is not JSON, or not of this kind.
        """
        import json

        from pydantic import TypeAdapter, ValidationError

        try:  # pydantic's own reader of JSON takes no lone surrogates, which a document may hold
            return TypeAdapter(cls).validate_python(json.loads(text))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the top"
            raise ArgumentError(
                f"this is not a saved {cls.__name__}: {first['msg']} at {where} "
                f"({error.error_count()} problems in all)"
            ) from error
        except (ValueError, RecursionError) as error:
            raise ArgumentError(f"this is not a saved {cls.__name__}: it is not JSON") from error
