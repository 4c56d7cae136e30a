"""What `minikit journal` does: look into a journal, empty it, write it out."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from minikit.calls.journal import Journal
from minikit.errors import ArgumentError
from minikit.text.plain import counted, money

__all__ = ["clear", "export", "read_time", "stats"]


def stats(arguments: Namespace) -> int:
    """Print what a journal holds."""
    with _opened(arguments.path) as journal:
        found = journal.stats()
    if arguments.json:
        print(json.dumps(asdict(found), ensure_ascii=False, default=_plain))
        return 0
    rows = {
        "attempts": f"{found.attempts:,}",
        "replies": f"{found.replies:,}",
        "models": ", ".join(found.models),
        "spent": money(found.spent_usd),
        "unmeasured": f"{found.unmeasured:,}",
        "size": f"{found.size_bytes:,} bytes",
        "first": _shown(found.first_at),
        "last": _shown(found.last_at),
    }
    for name, value in rows.items():
        print(f"{name:<10}  {value}".rstrip())
    return 0


def clear(arguments: Namespace) -> int:
    """Delete what a journal holds, and print how much that was."""
    with _opened(arguments.path) as journal:
        print(f"{counted(journal.clear(before=arguments.before), 'attempt')} deleted")
    return 0


def export(arguments: Namespace) -> int:
    """Write what a journal holds to stdout, as JSON Lines."""
    with _opened(arguments.path) as journal:
        journal.export(sys.stdout)
    return 0


def read_time(text: str) -> datetime:
    """Read a date or a time; one without a zone is in UTC."""
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ArgumentTypeError(f"{text!r} is no date such as 2026-11-22") from error


@contextmanager
def _opened(path: str) -> Generator[Journal]:
    if not Path(path).is_file():  # a journal would make it
        files = sorted(Path(path).glob("*.sqlite"))  # none where it is no folder
        way = f" but a folder: name a file in it, such as {str(files[0])!r}" if files else ""
        raise ArgumentError(f"there is no file {path!r}{way}")
    with closing(Journal(path)) as journal:
        yield journal


def _shown(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else ""


def _plain(value: Decimal | datetime) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else value.isoformat()
