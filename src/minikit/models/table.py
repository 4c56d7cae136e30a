"""The table of known models as data: `models.json`, read late and once, and found in by id."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypedDict, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "FineTuning",
    "PriceRecord",
    "Row",
    "find",
    "fine_tuning",
    "ids",
    "nearest",
    "price_records",
]

_SNAPSHOT = r"(?P<stem>.+)-(?P<year>20\d\d)-?(?P<month>\d\d)-?(?P<day>\d\d)"
_FINE_TUNED = r"ft:(?P<base>[^:]+):[^:]+:.+"
_NOT_FIELDS = frozenset({"aliases", "snapshots", "fine_tuning", "notes"})


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


class FineTuning(TypedDict):
    """What is known of models that are trained from a row, and of their training."""

    price_id: str
    context_window: int
    max_example_tokens: int
    training_usd_per_mtok: str


def ids() -> tuple[str, ...]:
    """Return the id of every row, in the order of the table."""
    return tuple(_data()["models"])


def find(model_id: str) -> Row | None:
    """Return the row of an id, an alias, a dated snapshot or a fine-tuned model, or None.

    An alias gives the row's own id, which is what the provider knows; every other id stays as it
    was given, without "openai/".
    """
    base_id, is_fine_tuned = _base(model_id)
    found = _entry(base_id)
    if found is None:
        return None
    row_id, entry = found
    if not is_fine_tuned:
        is_alias = base_id == row_id or base_id in entry.get("aliases", ())
        wire_id = row_id if is_alias else base_id
        return _row(entry | entry.get("snapshots", {}).get(base_id, {}), wire_id, price_id=wire_id)
    if entry["provider"] != "openai":
        return None
    tuning: Mapping[str, Any] = entry.get("fine_tuning", {})
    # What is trained from a model with a longer window has a window of its own.
    own = {"context_window": tuning["context_window"]} if tuning else {}
    wire_id = model_id.removeprefix("openai/")
    return _row({**entry, **own}, wire_id, price_id=tuning.get("price_id"))


def fine_tuning(model_id: str) -> FineTuning | None:
    """Return what is known of training from a model, itself fine-tuned or not; else None."""
    found = _entry(_base(model_id)[0])
    tuning: FineTuning | None = found[1].get("fine_tuning") if found else None
    return tuning


def nearest(model_id: str) -> list[str]:
    """Return up to three known ids that look like `model_id`, the most alike first."""
    from difflib import get_close_matches

    return get_close_matches(model_id.lower(), ids(), n=3, cutoff=0.5)


def price_records(price_id: str) -> Sequence[PriceRecord]:
    """Return the corrections of a price, oldest first."""
    records: Sequence[PriceRecord] = _data()["prices"].get(price_id, ())
    return records


def _base(model_id: str) -> tuple[str, bool]:
    """Return the id that a model is known by without "openai/", and whether it is fine-tuned."""
    base_id = model_id.removeprefix("openai/")
    fine_tuned = re.fullmatch(_FINE_TUNED, base_id)
    return (fine_tuned["base"], True) if fine_tuned else (base_id, False)


def _entry(base_id: str) -> tuple[str, dict[str, Any]] | None:
    for row_id, entry in _data()["models"].items():
        names = (row_id, *entry.get("aliases", ()))
        if base_id in names or base_id in entry.get("snapshots", {}) or _is_dated(base_id, names):
            return row_id, entry
    return None


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
