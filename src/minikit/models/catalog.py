"""The models that minikit knows, by id."""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from minikit.models import table
from minikit.models.model import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["catalog"]


@lru_cache(maxsize=1)
def catalog() -> Mapping[str, Model]:
    """Return every known model by its id, in the order of the table; read once, read-only."""
    return MappingProxyType({model_id: Model.resolve(model_id) for model_id in table.ids()})
