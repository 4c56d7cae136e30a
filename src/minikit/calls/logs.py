"""What the logger "minikit" is told.

Calls are logged at INFO when they end, as httpx logs requests, and at DEBUG when they start and for
each attempt; a retry is a WARNING, as in stamina: the call goes on, but slower than it should.
A call that fails is not logged as an error, because the caller gets the exception.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minikit.calls.hooks import Event

__all__ = ["is_logged", "log"]

logger = logging.getLogger("minikit")
# Without it Python prints warnings of a program that configured no logging to stderr, where the
# command line shows its progress and the bill (Logging HOWTO, "Configuring Logging for a Library",
# Python 3.14 documentation, read 2026-11-22).
logger.addHandler(logging.NullHandler())


def log(event: Event, /) -> None:
    """Log `event` at its level; the message is put together only if a handler wants it."""
    if is_logged(type(event)):
        logger.log(event.log_level, *event.log_line())


def is_logged(kind: type[Event]) -> bool:
    """Tell whether the logger is on for events of this kind."""
    return logger.isEnabledFor(kind.log_level)
