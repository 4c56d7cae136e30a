"""A word in time about models that are shut down."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from minikit.notices import warn

if TYPE_CHECKING:
    from minikit.models.model import Model

__all__ = ["NOTICE", "ModelRetirementWarning", "take_as_warned", "warn_if_retiring"]

NOTICE = timedelta(days=60)
_warned: dict[str, object] = {}


class ModelRetirementWarning(UserWarning):
    """A model is shut down, or will be within `NOTICE`; the message names the successor.

    It points at the line that called minikit, and is given once per model and process.
    """


def warn_if_retiring(model: Model, today: date) -> None:
    """Warn, once per model id and process, if `model` is shut down within `NOTICE` of `today`.

    Where the warnings filter makes an error of it, it is raised at every call, since a warning
    that was not shown does not count as given. Safe to call from any thread.

    Args:
        model: The model about to be called.
        today: The day of the call.

    Raises:
        ModelRetirementWarning: The warnings filter asks for an error.
    """
    message = _message(model, today.date() if isinstance(today, datetime) else today)
    mark = object()
    if message is None or _warned.setdefault(model.id, mark) is not mark:
        return
    try:
        warn(message, ModelRetirementWarning)
    except ModelRetirementWarning:
        del _warned[model.id]
        raise


def take_as_warned(model: Model) -> None:
    """Warn of `model` no more: this process works for another one, which has done so."""
    _warned.setdefault(model.id, object())


def _message(model: Model, today: date) -> str | None:
    day = model.shutdown_date
    if day is None or day - today > NOTICE:
        return None
    to = f"{model.successor!r}" if model.successor else "another model"
    way = f"move to {to} (model=, or MINIKIT_MODEL)"
    if day <= today:
        return f"the model {model.id!r} was shut down on {day}; {way}"
    return f"the model {model.id!r} works until it is shut down on {day}; before then {way}"
