"""The lines of a training file, read one by one, whatever is in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, BinaryIO, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["UnusableLineError", "lines_of", "parsed"]

_LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of an example; ten pictures of 4 MB fit in it."""


_DIGITS = 1_000
"""Of a number; Python reads none of more than 4,300."""


class UnusableLineError(Exception):
    """A line is no example that can be read."""


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file, of one that is too long no more than tells so."""
    while line := file.readline(_LONGEST_LINE + 1):
        yield line
        while len(line) > _LONGEST_LINE and not line.endswith(b"\n"):
            line = file.readline(_LONGEST_LINE + 1)


def parsed(line: bytes) -> object:
    """Read a line as JSON.

    Raises:
        UnusableLineError: It is not; the message says where.
    """
    if len(line) > _LONGEST_LINE:
        raise UnusableLineError(f"longer than {_LONGEST_LINE:,} bytes, and not read")
    if not line.strip():
        raise UnusableLineError("an empty line; each line is an example")
    try:
        return json.loads(line.decode(), parse_constant=_refuse, parse_int=_whole)
    except UnicodeDecodeError as error:
        raise UnusableLineError(f"not UTF-8 at byte {error.start + 1:,} of the line") from error
    except json.JSONDecodeError as error:
        hint = "; one example is one line" if line.strip() in (b"[", b"{") else ""
        raise UnusableLineError(
            f"no JSON: {error.msg} at character {error.pos + 1:,}{hint}"
        ) from error
    except RecursionError as error:
        raise UnusableLineError("JSON that is nested too deep") from error


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise UnusableLineError(f"a number of {len(digits):,} digits")
    return int(digits)


def _refuse(constant: str) -> NoReturn:
    raise UnusableLineError(f"no JSON: {constant} is no number there")
