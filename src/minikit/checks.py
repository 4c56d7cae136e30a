"""Checks of arguments that are numbers; what fails is named with its value and its range."""

from __future__ import annotations

import math

from minikit.errors import ArgumentError

__all__ = ["check_number", "check_whole"]


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


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        span = f"at least {least}" if most == math.inf else f"{least} to {most}"
        raise ArgumentError(f"{name}={value!r} is out of range: {span}")
