"""Checks of arguments; what fails is named with its value and what may stand in its place."""

from __future__ import annotations

import math
from typing import get_args

from minikit.errors import ArgumentError

__all__ = ["check_choice", "check_flag", "check_number", "check_text", "check_whole"]


def check_whole(name: str, value: object, least: int, most: float = math.inf) -> None:
    """Raise ArgumentError unless `value` is an int from `least` to `most`; a bool is none."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ArgumentError(f"{name} is a whole number, not {value!r}")
    _check_range(name, value, least, most)


def check_number(name: str, value: object, least: float, most: float = math.inf) -> None:
    """Raise ArgumentError unless `value` is a number from `least` to `most`; NaN is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ArgumentError(f"{name} is a number, not {value!r}")
    _check_range(name, value, least, most)


def check_text(name: str, value: object) -> None:
    """Raise ArgumentError unless `value` is None, or a text with more than white space."""
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise ArgumentError(f"{name} is a text or None, not {value!r}")


def check_flag(name: str, value: object) -> None:
    """Raise ArgumentError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise ArgumentError(f"{name} is True or False, not {value!r}")


def check_choice(name: str, value: object, choices: object) -> None:
    """Raise ArgumentError unless `value` is one of the strings of the `Literal` `choices`."""
    known = get_args(choices)
    if value not in known:
        told = " or ".join(f'"{choice}"' for choice in known)
        raise ArgumentError(f"{name} is {told}, not {value!r}")


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        span = f"at least {least}" if most == math.inf else f"{least} to {most}"
        raise ArgumentError(f"{name}={value!r} is out of range: {span}")
