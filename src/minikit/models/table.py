"""The table of known models as data: `models.json`, read late and once, and found in by id."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypedDict, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PriceRecord", "Row", "find", "ids", "nearest", "price_records"]

_SNAPSHOT = r"(?P<stem>.+)-(?P<year>20\d\d)-?(?P<month>\d\d)-?(?P<day>\d\d)"
_FINE_TUNED = r"ft:(?P<base>[^:]+):[^:]+:.+"
_NOT_FIELDS = frozenset({"aliases", "snapshots", "fine_tuned_price_id", "notes"})


class Row(TypedDict, total=False):
    """The fields of one model in the form of JSON; `minikit.models.model.Model` explains them."""

    id: str
    context_window: int
    max_output_tokens: int
    max_input_tokens: int
    provider: str
    encoding: str
    exact_counts: bool
    image_rule: Mapping[str, Any]
    supports: Sequence[str]
    output_limit_field: str
    knowledge_cutoff: str
    shutdown_date: str
    successor: str
    base_url: str
    price: Mapping[str, str]
    price_id: str | None


class PriceRecord(TypedDict):
    """A price that genai-prices lacks or has wrong, from a day on."""

    since: str
    tier: str
    price: Mapping[str, str]
    source: str


def ids() -> tuple[str, ...]:
    """Return the id of every row, in the order of the table."""
    return tuple(_data()["models"])


def find(model_id: str) -> Row | None:
    """Return the row of an id, an alias, a dated snapshot or a fine-tuned model, or None.

    An alias gives the row's own id, which is what the provider knows; every other id stays as it
    was given, without "openai/".
    """
    wire_id = model_id.removeprefix("openai/")
    fine_tuned = re.fullmatch(_FINE_TUNED, wire_id)
    base_id = fine_tuned["base"] if fine_tuned else wire_id
    for row_id, entry in _data()["models"].items():
        snapshots = entry.get("snapshots", {})
        names = (row_id, *entry.get("aliases", ()))
        if base_id not in names and base_id not in snapshots and not _is_dated(base_id, names):
            continue
        if fine_tuned is None:
            wire_id = row_id if base_id in names else base_id
            return _row(entry | snapshots.get(base_id, {}), wire_id, price_id=wire_id)
        if entry["provider"] == "openai":
            return _row(entry, wire_id, price_id=entry.get("fine_tuned_price_id"))
    return None


def nearest(model_id: str) -> list[str]:
    """Return up to three known ids that look like `model_id`, the most alike first."""
    from difflib import get_close_matches

    return get_close_matches(model_id.lower(), ids(), n=3, cutoff=0.5)


def price_records(price_id: str) -> Sequence[PriceRecord]:
    """Return the corrections of a price, oldest first."""
    records: Sequence[PriceRecord] = _data()["prices"].get(price_id, ())
    return records


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    import json
    from importlib.resources import files

    text = files("minikit.models").joinpath("models.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


def _is_dated(model_id: str, names: Sequence[str]) -> bool:
    found = re.fullmatch(_SNAPSHOT, model_id, re.ASCII)
    if found is None or found["stem"] not in names:
        return False
    try:
        date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:
        return False
    return True


def _row(entry: Mapping[str, Any], model_id: str, *, price_id: str | None) -> Row:
    fields = {**_data()["providers"][entry["provider"]], **entry}
    row: Any = {name: fields[name] for name in fields if name not in _NOT_FIELDS}
    row["id"] = model_id
    row["price_id"] = price_id
    return cast("Row", row)
