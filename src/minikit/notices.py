"""Warnings that point at the line of the caller's code, in whatever thread they come about.

Python counts frames, or skips those of a package from version 3.12 on; neither finds a caller who
waits in another thread, or whose task has begun the one that warns. So whoever hands work on takes
note of the line that asked for it, and the context of the work keeps it.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["Line", "caller", "remember", "remembered", "warn"]

_OURS = frozenset({"minikit", "contextlib", "functools"})
_RUNNERS = frozenset({"anyio", "asyncio", "concurrent", "outcome", "threading", "trio", "uvloop"})
"""Packages whose frames lie between a task and whoever runs its event loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the code that called minikit.

    Attributes:
        file: Its file.
        number: Its number.
        module: Name of its module, by which filters tell warnings apart.
        shown: Where Python notes what was shown of the module.
    """

    file: str
    number: int
    module: str
    shown: dict[str | tuple[str, type[Warning], int], int]


_remembered: ContextVar[Line | None] = ContextVar("minikit_caller", default=None)


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line that called minikit, else here.

    Raises:
        Warning: The warnings filter asks for an error.
    """
    line = caller()
    if line is None:
        warnings.warn(message, category, stacklevel=2)
    else:
        warnings.warn_explicit(
            message, category, line.file, line.number, module=line.module, registry=line.shown
        )


def caller() -> Line | None:
    """Return the line that called minikit: of this thread, else the one that is remembered."""
    frame = inspect.currentframe()
    while frame is not None:
        package = _module(frame).partition(".")[0]
        if package in _RUNNERS and (line := _remembered.get()):
            return line
        if package not in _OURS and package not in _RUNNERS:
            return _line(frame)
        frame = frame.f_back
    return _remembered.get()


def remember(line: Line | None) -> None:
    """Let what is begun from here on warn at `line`, where it has no caller in its own thread."""
    if line is not None:
        _remembered.set(line)


@contextmanager
def remembered() -> Generator[None]:
    """Let the tasks that are begun within warn at the line that called minikit.

    It is forgotten afterwards: what the caller begins by itself was called at another line. Await
    nothing within, since a context that is left elsewhere cannot be put right.
    """
    token = _remembered.set(caller())
    try:
        yield
    finally:
        _remembered.reset(token)


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _line(frame: FrameType) -> Line:
    shown: Any = frame.f_globals.setdefault("__warningregistry__", {})
    return Line(
        file=frame.f_code.co_filename, number=frame.f_lineno, module=_module(frame), shown=shown
    )
