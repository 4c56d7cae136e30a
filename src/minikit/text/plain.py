"""Figures and tables in plain text."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from decimal import Decimal

__all__ = ["counted", "money", "printable", "span_of", "table", "time_text", "until_text"]


def counted(number: int, noun: str) -> str:
    """Write a number with its noun, in the plural where it is due."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def money(cost_usd: Decimal | None, unknown: str = "price unknown") -> str:
    """Write an amount with all digits down to a hundredth of a cent, and more where it is less.

    Args:
        cost_usd: The amount, or None where nobody knows it.
        unknown: What to write then.
    """
    if cost_usd is None:
        return unknown
    digits = 4 if cost_usd == 0 or cost_usd >= Decimal("0.001") else 7
    return f"${cost_usd:,.{digits}f}"


def printable(path: str | os.PathLike[str]) -> str:
    """Write a path as text that UTF-8 has bytes for, whatever the name of the file is."""
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", os.fspath(path))


def span_of(least: int, most: int) -> str:
    """Write the bounds of a figure, which may be one."""
    return f"{most:,}" if least == most else f"{least:,} to {most:,}"


def time_text(seconds: float) -> str:
    """Write a time in whole seconds, in minutes and seconds, or in hours and minutes."""
    whole = round(seconds)
    if whole < 1:
        return "under 1 s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def until_text(seconds: float) -> str:
    """Write how long something may take at most, in whole hours."""
    return f"up to {seconds / 3600:,.0f} h"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows under a head; columns of figures are set to the right."""
    columns = list(zip(head, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [all(_is_figure(cell) for cell in column[1:]) for column in columns]
    lines = [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in (head, *rows)
    ]
    return "\n".join(lines)


def _is_figure(cell: str) -> bool:
    return not cell or cell[0].isdigit() or cell[0] == "$" or cell == "unknown"
