"""The journal: what is kept is recalled, whatever happens to the process or the file."""

from __future__ import annotations

import io
import json
import os
import random
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.calls.journal import Journal, JournalStats
from minikit.calls.journal_rows import Attempt
from minikit.calls.ledger import LedgerEntry
from minikit.errors import ArgumentError, JournalError
from minikit.models.usage import Usage
from strategies import texts

if TYPE_CHECKING:
    from collections.abc import Iterator

SENT = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
OLD = Path(__file__).parents[1] / "data" / "journal-1.sqlite"

amounts = st.decimals(0, 100, allow_nan=False, allow_infinity=False) | st.none()
bodies = texts(max_pieces=4) | st.text(st.characters(codec=None), max_size=50)
names = st.text(max_size=20)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a new journal may be made."""
    return tmp_path / "calls.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """A journal that is new."""
    journal = Journal(path)
    yield journal
    journal.close()


def begin(journal: Journal, fingerprint: str = "f", **fields: Any) -> int:  # noqa: ANN401 - of begin
    """Begin an attempt with fields that do not matter."""
    fields = {"run": "r1", "operation": "map", "model": "m", "reserved_usd": None} | fields
    return journal.begin(fingerprint, **fields)


def entry(cost_usd: Decimal | None = Decimal("0.00045"), **fields: Any) -> LedgerEntry:  # noqa: ANN401 - of LedgerEntry
    """Return what an attempt came to."""
    values: dict[str, Any] = {
        "at": SENT,
        "operation": "map",
        "model": "m",
        "answered_by": "m-2026",
        "tier": "default",
        "attempt": 1,
        "outcome": "ok",
        "usage": Usage(input_tokens=7, output_tokens=2),
        "latency_s": 0.25,
        "request_id": "req_1",
    }
    return LedgerEntry(cost_usd=cost_usd, **values | fields)


def python(program: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401 - of Popen
    """Start a program that has a `begin` and a `journal` at the path it is given first."""
    lead = (
        "import os, sys, threading\n"
        "from minikit.calls.journal import Journal\n"
        "journal = Journal(sys.argv[1])\n"
        "def begin(fingerprint):\n"
        "    return journal.begin(\n"
        "        fingerprint, run='r', operation='map', model='m', reserved_usd=None\n"
        "    )\n"
    )
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", lead + program]
    return subprocess.Popen(
        [*command, *map(str, arguments)], text=True, stdout=subprocess.PIPE, **options
    )


def check_integrity(path: Path) -> None:
    """Fail unless SQLite finds the file whole."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_recalls_what_was_kept(journal: Journal) -> None:
    """An attempt shows how far it came: begun, answered, settled."""
    before = datetime.now(UTC)
    one = begin(journal, reserved_usd=Decimal("0.10"))
    two = begin(journal)
    journal.keep(two, '{"text": "Yes."}', request_id="req_1")
    three = begin(journal, run="r2")
    journal.keep(three, "", request_id=None)
    journal.settle(three, entry())
    begin(journal, "another")
    first, second, third = journal.recall("f")
    assert before <= first.started_at <= second.started_at <= datetime.now(UTC)
    assert first == Attempt(
        id=one,
        fingerprint="f",
        run="r1",
        job=None,
        started_at=first.started_at,
        operation="map",
        model="m",
        reserved_usd=Decimal("0.10"),
        body=None,
        request_id=None,
        entry=None,
    )
    assert (second.body, second.request_id, second.entry) == ('{"text": "Yes."}', "req_1", None)
    assert (third.run, third.body, third.entry) == ("r2", "", entry())
    assert journal.recall("never asked") == ()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    """A journal of all examples of a test."""
    with closing(Journal(tmp_path_factory.mktemp("shared") / "j")) as journal:
        yield journal


@given(run=names, operation=names, model=names, body=bodies, request_id=names, amount=amounts)
def test_recalls_any_text_exactly(
    shared: Journal,
    *,
    run: str,
    operation: str,
    model: str,
    body: str,
    request_id: str,
    amount: Decimal | None,
) -> None:
    """Names, amounts and replies come back as they were, lone surrogates and NUL included."""
    settled = entry(amount, operation=operation)
    attempt = shared.begin(run, run=run, operation=operation, model=model, reserved_usd=amount)
    shared.keep(attempt, body, request_id=request_id)
    shared.settle(attempt, settled)
    last = shared.recall(run)[-1]
    names = (last.id, last.run, last.operation, last.model, last.request_id)
    assert names == (attempt, run, operation, model, request_id)
    assert repr(last.reserved_usd) == repr(amount)
    assert (last.body, last.entry) == (body, settled)


def test_the_disk_is_not_touched_before_the_first_use(path: Path) -> None:
    """To name a journal neither makes nor reads it."""
    journal = Journal(path)
    journal.close()
    assert not path.exists()


def test_a_new_file_is_the_owners_alone(journal: Journal, path: Path) -> None:
    """Replies may be confidential: no one else can read the file or its log."""
    begin(journal)
    for file in (path, path.with_name("calls.sqlite-wal")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]


def test_is_opened_again_after_close(journal: Journal) -> None:
    """A journal that was closed can be used, and closed twice."""
    begin(journal)
    journal.close()
    journal.close()
    assert len(journal.recall("f")) == 1


def test_a_file_that_is_removed_is_made_anew(journal: Journal, path: Path) -> None:
    """A journal removed while it is in use, its log left behind, neither answers nor is lost."""
    attempt = begin(journal, "old")
    path.unlink()
    assert begin(journal, "new") != attempt
    assert journal.recall("old") == ()
    with pytest.raises(JournalError, match="was cleared"):
        journal.keep(attempt, "{}", request_id=None)
    journal.close()
    assert [each.body for each in journal.recall("new")] == [None]
    journal.close()
    check_integrity(path)


def test_stays_with_its_file(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path is that of the folder in which the journal was named."""
    monkeypatch.chdir(tmp_path)
    with closing(Journal("calls.sqlite")) as relative:
        monkeypatch.chdir("/")
        begin(relative)
    assert len(journal.recall("f")) == 1


def test_a_special_name_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What SQLite takes for a database in memory is a file like any other."""
    monkeypatch.chdir(tmp_path)
    with closing(Journal(":memory:")) as journal:
        begin(journal)
    assert Path(":memory:").stat().st_size


@pytest.mark.parametrize("path", [None, 1, b"calls.sqlite", "", "a\0b"])
def test_a_path_is_a_path(path: Any) -> None:  # noqa: ANN401 - what it is not
    """What cannot be a path is an argument to mend."""
    with pytest.raises(ArgumentError, match="journal"):
        Journal(path)


def test_stats(journal: Journal, path: Path) -> None:
    """The sums count what is settled, and tell what is not."""
    assert journal.stats() == JournalStats(
        attempts=0,
        replies=0,
        models=(),
        spent_usd=Decimal(0),
        unmeasured=0,
        size_bytes=journal.stats().size_bytes,
        first_at=None,
        last_at=None,
    )
    for cost in (Decimal("0.1"), Decimal("0.2"), None):
        attempt = begin(journal, model="b")
        journal.keep(attempt, "{}", request_id=None)
        journal.settle(attempt, entry(cost))
    begin(journal, model="a")
    stats = journal.stats()
    assert (stats.attempts, stats.replies, stats.models) == (4, 3, ("a", "b"))
    assert (stats.spent_usd, stats.unmeasured) == (Decimal("0.3"), 2)
    first, *_, last = (each.started_at for each in journal.recall("f"))
    assert (stats.first_at, stats.last_at) == (first, last)
    assert stats.size_bytes > path.stat().st_size
    journal.close()
    assert Journal(path).stats().size_bytes == path.stat().st_size


def test_clear(journal: Journal, path: Path) -> None:
    """What is cleared is gone from the disk, and no number is given again."""
    secret = "a secret that does not repeat"
    attempts = [begin(journal, secret) for _ in range(3)]
    noise = random.Random(1).randbytes(99_999).hex()  # noqa: S311 - test data
    journal.keep(attempts[0], noise, request_id=None)
    assert journal.clear(before=datetime.now(UTC) - timedelta(days=1)) == 0
    assert journal.clear() == 3
    assert journal.clear(before=datetime.now(UTC)) == 0
    assert journal.recall(secret) == ()
    assert begin(journal) > max(attempts)
    assert journal.clear(before=datetime.now(UTC) + timedelta(days=1)) == 1
    journal.close()
    assert secret.encode() not in path.read_bytes()
    assert path.stat().st_size < len(noise) / 4


def test_a_call_in_flight_while_its_row_is_cleared(journal: Journal) -> None:
    """What cannot be kept is told, and never put into another call's row."""
    attempt = begin(journal)
    journal.clear()
    other = begin(journal)
    with pytest.raises(JournalError, match="was cleared while a call was in flight"):
        journal.keep(attempt, "{}", request_id=None)
    with pytest.raises(JournalError, match="was cleared while a call was in flight"):
        journal.settle(attempt, entry())
    (found,) = journal.recall("f")
    assert (found.id, found.body, found.entry) == (other, None, None)


def test_export(journal: Journal, tmp_path: Path) -> None:
    """Each attempt is a line of JSON, to a stream or to a file of the owner's alone."""
    begin(journal)
    attempt = begin(journal, "g", reserved_usd=Decimal("0.10"))
    journal.keep(attempt, "\ud800 é", request_id="req_1")
    journal.settle(attempt, entry())
    stream, file = io.StringIO(), tmp_path / "calls.jsonl"
    assert journal.export(stream) == journal.export(file) == journal.export(str(file)) == 2
    assert stream.getvalue() == file.read_text("ascii")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    bare, whole = map(json.loads, stream.getvalue().splitlines())
    assert whole == {
        "fingerprint": "g",
        "run": "r1",
        "job": None,
        "started_at": journal.recall("g")[0].started_at.isoformat(),
        "operation": "map",
        "model": "m",
        "reserved_usd": "0.10",
        "body": "\ud800 é",
        "request_id": "req_1",
        "wave": None,
        "entry": json.loads(entry().to_json()),
    }
    assert (bare["reserved_usd"], bare["body"], bare["entry"]) == (None, None, None)


def test_export_to_what_cannot_be_written(journal: Journal, tmp_path: Path) -> None:
    """A target that cannot be written is no fault of the journal."""
    with pytest.raises(OSError, match="no folder"):
        journal.export(tmp_path / "no folder" / "calls.jsonl")


def test_reads_the_first_form() -> None:
    """A file that the first release wrote is read as it was written."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(OLD, folder)
        with closing(Journal(copy)) as journal:
            begun, kept, settled = journal.recall("0123abcd")
            begin(journal, "0123abcd")
            assert len(journal.recall("0123abcd")) == 4
    assert (begun.run, begun.started_at) == (
        "run-1",
        datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC),
    )
    assert (begun.body, begun.reserved_usd) == (None, Decimal("0.0265728"))
    assert (kept.body, kept.request_id) == ('{"text": "\x00 \ud800 😀"}', "req_é")
    assert (kept.entry, settled.entry) == (None, entry(attempt=2))
    assert (settled.operation, settled.model) == ("map", "gpt-4o-mini")


def test_eight_threads(path: Path) -> None:
    """Threads that share a journal, or open one file at once, lose nothing."""
    shared = Journal(path)
    start = threading.Barrier(8)

    def work(name: int) -> None:
        journal = shared if name % 2 else Journal(path)
        start.wait()
        for number in range(25):
            attempt = begin(journal, f"{name}")
            journal.keep(attempt, f"{name}:{number}", request_id=None)
            journal.settle(attempt, entry(attempt=number + 1))
        journal.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    for name in range(8):
        found = shared.recall(f"{name}")
        assert [each.body for each in found] == [f"{name}:{number}" for number in range(25)]
    shared.close()
    check_integrity(path)


def test_three_processes(journal: Journal, path: Path) -> None:
    """Processes that open a new file at once, and write to it at once, lose nothing."""
    program = (
        "print('ready', flush=True); input()\n"
        "for number in range(100):\n"
        "    journal.keep(begin(sys.argv[2]), f'{number}', request_id=None)\n"
    )
    writers = [python(program, path, name, stdin=subprocess.PIPE) for name in "abc"]
    for writer in writers:
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    for name in "abc":
        assert [each.body for each in journal.recall(name)] == [str(n) for n in range(100)]
    check_integrity(path)


@pytest.mark.parametrize("reports", [0, 1, 2, 3, 30, 80, 150, 300, 500, 800])
def test_survives_kill(journal: Journal, path: Path, reports: int) -> None:
    """What a process has reported as written is there after kill -9, wherever that strikes."""
    program = (
        "print('ready', flush=True)\n"
        "for number in range(10_000):\n"
        "    attempt = begin('f')\n"
        "    print('begun', attempt, number, flush=True)\n"
        "    journal.keep(attempt, 'abc ' * number, request_id='req')\n"
        "    print('kept', attempt, number, flush=True)\n"
    )
    with python(program, path) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(1 + reports)]
        process.kill()
        rest = process.stdout.read()
    whole = ("".join(lines) + rest).splitlines(keepends=True)
    reported = [line.split() for line in whole if line.endswith("\n")]
    found = {str(each.id): each for each in journal.recall("f")}
    for what, attempt, number in reported[1:]:
        assert attempt in found
        if what == "kept":
            kept = (found[attempt].body, found[attempt].request_id)
            assert kept == ("abc " * int(number), "req")
    check_integrity(path)
    begin(journal)


def test_survives_fork(journal: Journal, path: Path) -> None:
    """Parents and children that fork while threads write lose nothing, and none is stuck."""
    program = (
        "threads = [\n"
        "    threading.Thread(target=lambda: [begin('thread') for _ in range(50)])\n"
        "    for _ in range(4)\n"
        "]\n"
        "begin('parent')\n"
        "for thread in threads: thread.start()\n"
        "for number in range(4):\n"
        "    if not os.fork():\n"
        "        for _ in range(50): begin(f'child {number}')\n"
        "        os._exit(0)\n"
        "for thread in threads: thread.join()\n"
        "journal.close()\n"
        "codes = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(4)]\n"
        "begin('parent')\n"
        "print(codes)\n"
    )
    with python(program, path) as process:
        printed, _ = process.communicate(timeout=60)
    assert printed == "[0, 0, 0, 0]\n"
    assert len(journal.recall("thread")) == 200
    assert [len(journal.recall(f"child {number}")) for number in range(4)] == [50] * 4
    assert len(journal.recall("parent")) == 2
    check_integrity(path)


def test_waits_for_a_writer_only_so_long(path: Path) -> None:
    """A file that another program does not let go of is an error that says so."""
    with closing(Journal(path, wait_s=0.01)) as journal:
        begin(journal)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(JournalError, match="in use by another program"):
                begin(journal)
            assert len(journal.recall("f")) == 1
        assert begin(journal)


def test_waits_for_a_writer_of_a_new_file_only_so_long(path: Path) -> None:
    """A program that keeps a new file from becoming a journal is an error that says so."""
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        closing(Journal(path, wait_s=0.02)) as journal,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="in use by another program"):
            begin(journal)
        other.execute("COMMIT")
        assert begin(journal)


def test_tries_again_to_make_a_journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may be making the same file, for which SQLite itself does not wait."""
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        closing(Journal(path)) as journal,
    ):
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("time.sleep", lambda _seconds: other.execute("COMMIT"))
        assert begin(journal)


def test_waits_for_another_thread_only_so_long(journal: Journal, path: Path) -> None:
    """Threads do not queue up behind one that has to wait."""
    with journal._file.connected(), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(begin, Journal(path, wait_s=0))
        with pytest.raises(JournalError, match="in use by another program"):
            waiting.result()


def test_a_full_disk(journal: Journal, path: Path) -> None:
    """A disk without room is an error that says so; what is there stays, and more comes later."""
    attempt = begin(journal)
    with journal._file.connected() as connection:
        connection.execute("PRAGMA max_page_count = 10")
    noise = random.Random(1).randbytes(99_999).hex()  # noqa: S311 - test data
    with pytest.raises(JournalError, match="the disk is full"):
        journal.keep(attempt, noise, request_id=None)
    assert journal.recall("f")[0].body is None
    with journal._file.connected() as connection:
        connection.execute("PRAGMA max_page_count = 1000")
    journal.keep(attempt, noise, request_id=None)
    assert journal.recall("f")[0].body == noise
    journal.close()
    check_integrity(path)


def test_a_file_that_must_not_grow(journal: Journal, path: Path) -> None:
    """A write that the system refuses is an error, and the journal can be used after it."""
    attempt = begin(journal)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    noise = random.Random(1).randbytes(99_999).hex()  # noqa: S311 - test data
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, limits[1]))
        with pytest.raises(JournalError, match="disk I/O error"):
            journal.keep(attempt, noise, request_id=None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    journal.keep(attempt, noise, request_id=None)
    assert journal.recall("f")[0].body == noise
    journal.close()
    check_integrity(path)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be a user whom permissions bind, as root they do not."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user may enter and read, and none but root may write to."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield folder
        folder.chmod(0o755)


def test_a_folder_that_cannot_be_written(open_folder: Path) -> None:
    """A journal that cannot be made is an error that names the file and the way out."""
    open_folder.chmod(0o555)
    with unprivileged(), pytest.raises(JournalError, match=r"new\.sqlite cannot be used .*denied"):
        begin(Journal(open_folder / "new.sqlite"))
    assert list(open_folder.iterdir()) == []


def test_a_file_that_cannot_be_written(open_folder: Path) -> None:
    """A journal that can be read only is an error when something is to be kept."""
    file = open_folder / "old.sqlite"
    shutil.copy(OLD, file)
    before = file.read_bytes()
    file.chmod(0o444)
    open_folder.chmod(0o555)
    with unprivileged(), pytest.raises(JournalError, match=r"old\.sqlite cannot be used"):
        begin(Journal(file))
    assert file.read_bytes() == before


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    """A path that is a folder, or in none, is an error that says so."""
    for wrong in (tmp_path, tmp_path / "none" / "calls.sqlite"):
        with pytest.raises(JournalError, match=r"cannot be used .* see that its folder exists"):
            begin(Journal(wrong))


def test_a_name_that_utf8_cannot_hold(journal: Journal) -> None:
    """A name with a lone surrogate cannot be stored, and no row is half written."""
    with pytest.raises(JournalError, match="surrogates not allowed"):
        begin(journal, model="\ud800")
    assert journal.stats().attempts == 0


def test_an_empty_file_is_a_new_journal(journal: Journal, path: Path) -> None:
    """A file without content, as of a process killed at its first step, becomes a journal."""
    path.touch()
    assert begin(journal)
    check_integrity(path)


@pytest.mark.parametrize("content", [b"No", b"SQLite format 3\0", b"Dear diary,\n" * 1000])
def test_a_text_is_no_journal(path: Path, content: bytes) -> None:
    """A file that is no database is refused and left as it is."""
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"calls\.sqlite is no journal; give another path"):
        begin(Journal(path))
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("CREATE TABLE attempts (x)", "is a database of another program"),
        ("PRAGMA application_id = 7", "is a database of another program"),
        ("PRAGMA user_version = 1", "is a database of another program"),
    ],
)
def test_another_program_s_database(path: Path, statement: str, message: str) -> None:
    """A SQLite file that is no journal is refused and left as it is."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
    before = path.read_bytes()
    with pytest.raises(JournalError, match=message):
        begin(Journal(path))
    assert path.read_bytes() == before


def test_a_newer_form(journal: Journal, path: Path) -> None:
    """A file that a later release wrote is refused and left as it is."""
    begin(journal)
    journal.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 3")
    before = path.read_bytes()
    with pytest.raises(JournalError, match=r"has the form 3, .* install a newer minikit"):
        journal.recall("f")
    assert path.read_bytes() == before


def test_a_damaged_row_is_an_error(journal: Journal, path: Path) -> None:
    """A figure that changed on the disk is found, as no cost may be invented."""
    journal.settle(begin(journal), entry())
    journal.close()
    content = path.read_bytes()
    assert content.count(b"0.00045") == 1
    path.write_bytes(content.replace(b"0.00045", b"0.00095"))
    with pytest.raises(JournalError, match=r"damaged \(row \d+ does not fit.*move it away"):
        journal.recall("f")


@pytest.mark.parametrize("name", [b"table\xe1ttempts", b"table~ttempts"])
def test_a_damaged_schema_is_an_error(journal: Journal, path: Path, name: bytes) -> None:
    """Names that changed on the disk are an error, also where they are no UTF-8 any more."""
    begin(journal)
    journal.close()
    path.write_bytes(path.read_bytes().replace(b"tableattempts", name))
    with pytest.raises(JournalError, match="is damaged"):
        journal.recall("f")


class Filled:
    """The files of a journal in use by their ends, and what it holds by fingerprint."""

    def __init__(self, files: dict[str, bytes], held: dict[str, tuple[Attempt, ...]]) -> None:
        self.files = files
        self.held = held


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """A journal of 40 attempts, half of them still in the log."""
    path = tmp_path_factory.mktemp("filled") / "j"
    draw = random.Random(1)  # noqa: S311 - test data
    with closing(Journal(path)) as journal:
        for number in range(40):
            attempt = begin(journal, f"{number % 10}", reserved_usd=Decimal("0.1"))
            journal.keep(attempt, draw.randbytes(number**2).hex(), request_id=f"req_{number}")
            journal.settle(attempt, entry(Decimal(number)))
            if number == 20:
                with journal._file.connected() as connection:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return Filled(
            files={end: Path(f"{path}{end}").read_bytes() for end in ("", "-wal")},
            held={name: journal.recall(name) for name in map(str, range(10))},
        )


damages = st.lists(
    st.tuples(
        st.sampled_from(["", "", "-wal"]),
        st.integers(0, 200) | st.floats(0, 1, exclude_max=True),
        st.integers(1, 255),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=150)
@given(damages=damages, cut=st.none() | st.floats(0, 1))
def test_damage_is_an_error_or_does_no_harm(
    filled: Filled, damages: list[tuple[str, float, int]], cut: float | None
) -> None:
    """With bytes changed or cut off anywhere, what is recalled is true, or it is an error."""
    contents = {end: bytearray(content) for end, content in filled.files.items()}
    for end, where, change in damages:
        content = contents[end]
        position = where if isinstance(where, int) else int(where * len(content))
        content[position] ^= change
    if cut is not None:
        del contents[""][int(cut * len(contents[""])) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "j")
        for end, content in contents.items():
            Path(f"{path}{end}").write_bytes(content)
        with closing(Journal(path)) as journal:
            for name, attempts in filled.held.items():
                for found in recalled(journal, name):
                    assert_true(found, attempts)
            for use in (journal.stats, lambda: begin(journal), journal.clear):
                with suppress(JournalError):
                    use()
        assert path.exists()


def recalled(journal: Journal, fingerprint: str) -> tuple[Attempt, ...]:
    """Return what is recalled; nothing where the damage is found."""
    try:
        return journal.recall(fingerprint)
    except JournalError as error:
        assert str(journal._file.path) in str(error)  # noqa: PT017 - one of two good ends
        return ()


def assert_true(found: Attempt, held: tuple[Attempt, ...]) -> None:
    """Fail unless an attempt is one of those held, perhaps as it was at an earlier time."""
    (true,) = (each for each in held if each.id == found.id)
    assert found.body in {None, true.body}
    assert found.entry in {None, true.entry}
    later = {name: getattr(found, name) for name in ("body", "request_id", "entry")}
    assert found == replace(true, **later)
