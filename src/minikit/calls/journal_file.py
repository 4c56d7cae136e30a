"""The SQLite file under a journal: opened late, shared by threads, closed over a fork."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet, finalize

from minikit.errors import JournalError

if TYPE_CHECKING:
    import sqlite3

__all__ = ["JournalFile"]

APPLICATION = int.from_bytes(b"mkit", "big")
"""Marks a SQLite file as a journal (SQLite, PRAGMA application_id)."""

VERSION = 2
"""Of the tables below (PRAGMA user_version); a file of a later version is refused."""

# The sums tell a damaged row from a good one, which SQLite does not. AUTOINCREMENT gives no number
# twice, and the first is random: where rows are cleared or the file is made anew in mid-call, no
# row is taken for another call's.
TABLE = """
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint TEXT NOT NULL,
    run TEXT NOT NULL,
    job TEXT,
    started_at TEXT NOT NULL,
    operation TEXT NOT NULL,
    model TEXT NOT NULL,
    reserved_usd TEXT,
    begun_crc INTEGER NOT NULL,
    body BLOB,
    request_id TEXT,
    kept_crc INTEGER,
    entry TEXT,
    settled_crc INTEGER
)
"""

# Form 2: attempts that travel together on the Batch API are a wave, which is there before its
# batch is made. A row of form 1 is one of form 2 that is in no wave.
WAVES = (
    "ALTER TABLE attempts ADD COLUMN wave TEXT",
    "ALTER TABLE attempts ADD COLUMN wave_crc INTEGER",
    "CREATE INDEX by_wave ON attempts (wave) WHERE wave IS NOT NULL",
    """
CREATE TABLE waves (
    id TEXT PRIMARY KEY,
    server TEXT NOT NULL,
    model TEXT NOT NULL,
    begun_at TEXT NOT NULL,
    tried_at TEXT,
    batch TEXT,
    crc INTEGER NOT NULL
)
""",
)

# One statement, as another process may be making the file.
MARKS = """
SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master)
FROM pragma_application_id, pragma_user_version
"""


class JournalFile:
    """One file; the disk is not touched before the first use.

    Attributes:
        path: Where it is, absolute.
    """

    def __init__(self, path: Path, wait_s: float) -> None:
        self.path = path.absolute()  # a later chdir leads to no second file
        self._wait_s = wait_s
        self._connection: sqlite3.Connection | None = None
        self._node: tuple[int, int] | None = None

    @contextmanager
    def connected(self) -> Generator[sqlite3.Connection]:
        """Lend the connection to one thread at a time; what fails is a JournalError."""
        import sqlite3

        if not _turn.acquire(timeout=self._wait_s):
            raise JournalError(_LOCKED.format(path=self.path))
        try:
            yield self._current()
        except (sqlite3.Error, OSError, UnicodeError) as error:
            raise JournalError(_explain(error, self.path)) from error
        finally:
            _turn.release()

    def close(self) -> None:
        """Close the file; a later use opens it again."""
        with _turn:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _current(self) -> sqlite3.Connection:
        """Return a connection to what the path leads to: a file that was removed is made anew."""
        if self._connection is not None and self._node == _node(self.path):
            return self._connection
        self.close()
        connection = self._connection = _connect(self.path, self._wait_s)
        # What nobody closes would be told as a ResourceWarning, from Python 3.13 on.
        finalize(self, connection.close).atexit = False
        self._node = _node(self.path)
        _opened.add(self)
        return connection

    def damage(self, error: Exception) -> JournalError:
        """Return the error that tells of a damaged file."""
        return JournalError(_DAMAGED.format(path=self.path, error=error))

    @property
    def size_bytes(self) -> int:
        """Size on disk, with the part that SQLite has yet to move into the file."""
        files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())


def _node(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another that has its name; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _connect(path: Path, wait_s: float) -> sqlite3.Connection:
    """Open a journal, or make one; nothing is written to a file that is neither new nor one."""
    import sqlite3

    with suppress(FileExistsError):
        path.touch(mode=0o600, exist_ok=False)
    connection = sqlite3.connect(
        path, timeout=wait_s, isolation_level=None, check_same_thread=False
    )
    try:
        if _form(connection, path) < VERSION:
            _use_wal(connection, wait_s)
            connection.execute("BEGIN IMMEDIATE")
            _bring_up(connection, _form(connection, path))  # another process may have, since
            connection.execute("COMMIT")
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _bring_up(connection: sqlite3.Connection, form: int) -> None:
    """Make the tables that a file of this form lacks."""
    if form < 1:
        connection.execute(TABLE)
        first = int.from_bytes(os.urandom(5), "big")
        connection.execute("INSERT INTO sqlite_sequence VALUES ('attempts', ?)", (first,))
        connection.execute("CREATE INDEX by_fingerprint ON attempts (fingerprint)")
        connection.execute("CREATE INDEX by_job ON attempts (job)")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
    if form < VERSION:
        for statement in WAVES:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _form(connection: sqlite3.Connection, path: Path) -> int:
    """Return the form of a journal, 0 for an empty file; anything else is an error."""
    application, version, tables = connection.execute(MARKS).fetchone()
    if application == APPLICATION and 1 <= version <= VERSION:
        return int(version)
    if application == APPLICATION:
        raise JournalError(
            f"the journal {path} has the form {version}, and this minikit reads form {VERSION}: "
            f"install a newer minikit, or give another path"
        )
    if tables or application or version:
        raise JournalError(f"{path} is a database of another program; give another path")
    return 0


def _use_wal(connection: sqlite3.Connection, wait_s: float) -> None:
    """Switch to the write-ahead log.

    SQLite does not wait for others here as it does elsewhere (SQLite, "Write-Ahead Logging", read
    2026-11-22).
    """
    import sqlite3
    import time

    end = time.monotonic() + wait_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


_LOCKED = (
    "the journal {path} is in use by another program that does not let go of it; "
    "end that program, or give another path"
)
_DAMAGED = "the journal {path} is damaged ({error}); move it away to start a new one"


def _code(error: Exception) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF  # without the kind of the trouble


def _explain(error: Exception, path: Path) -> str:
    """Say what is wrong with a file, and the way out."""
    import sqlite3

    code = _code(error)
    if code == sqlite3.SQLITE_BUSY:
        return _LOCKED.format(path=path)
    if code == sqlite3.SQLITE_FULL:
        return f"the disk is full: the journal {path} cannot grow; make room, or give another path"
    if code == sqlite3.SQLITE_NOTADB:
        return f"{path} is no journal; give another path"
    if code == sqlite3.SQLITE_CORRUPT or isinstance(error, UnicodeDecodeError):
        return _DAMAGED.format(path=path, error=error)
    return (
        f"the journal {path} cannot be used ({error}); see that its folder exists "
        f"and can be written to, or give another path"
    )


_turn = threading.RLock()  # one for all journals, so that a fork can wait for all of them
_opened: WeakSet[JournalFile] = WeakSet()


def _before_fork() -> None:
    """Close every journal, as a child must not even inherit one that it does not use.

    SQLite would take its parent's locks for the child's own, and what the child writes could be
    lost (SQLite, "How To Corrupt An SQLite Database File", section 2.6, read 2026-11-22).
    """
    _turn.acquire()
    for file in _opened:
        file.close()


def _after_fork() -> None:
    _turn.release()


if sys.platform != "win32":
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
