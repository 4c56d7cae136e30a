"""Every attempt is a row; the rows sum exactly, go to files and come back."""

from __future__ import annotations

import csv
import io
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.calls.ledger import Ledger, LedgerEntry, Outcome, Totals
from minikit.errors import ArgumentError
from minikit.models.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

COARSE = Context(prec=1)
"""A caller's decimal context in which hardly any sum is exact."""

ENTRY = LedgerEntry(
    at=datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
    operation="map",
    model="gpt-4o-mini",
    answered_by="gpt-4o-mini-2024-07-18",
    tier="default",
    attempt=1,
    outcome="ok",
    usage=Usage(input_tokens=2006, cached_tokens=1920, output_tokens=300, reasoning_tokens=7),
    cost_usd=Decimal("0.0003369"),
    latency_s=1.25,
    request_id="req_1",
)
LOST = replace(
    ENTRY,
    answered_by=None,
    tier=None,
    attempt=2,
    outcome="timeout",
    usage=None,
    cost_usd=None,
    request_id=None,
)
ROW = {
    "at": "2026-11-22T09:30:00.000000+00:00",
    "operation": "map",
    "model": "gpt-4o-mini",
    "answered_by": "gpt-4o-mini-2024-07-18",
    "tier": "default",
    "attempt": 1,
    "outcome": "ok",
    "input_tokens": 2006,
    "cached_tokens": 1920,
    "cache_write_tokens": 0,
    "output_tokens": 300,
    "reasoning_tokens": 7,
    "estimated": False,
    "cost_usd": "0.0003369",
    "latency_s": 1.25,
    "request_id": "req_1",
    "carried": False,
}
UNKNOWN = ("answered_by", "tier", "cost_usd", "request_id", *(f.name for f in fields(Usage)))


def joined(text: str) -> str:
    """Return `text` with each pair of surrogates as the character that it means."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


names = st.one_of(
    st.sampled_from(["gpt-4o-mini", "ft:gpt-4o-mini-2024-07-18:org::id", "模型", ""]),
    st.sampled_from(["\ud800", "a,b", '"', "a\r\nb", "\n", "\x00", "=1+1", "\u2028", "😀"]),
    st.text(st.characters(codec=None), max_size=12).map(joined),
)
counts = st.integers(0, 10**7)
usages = st.builds(
    Usage,
    **{field.name: counts for field in fields(Usage) if field.name != "estimated"},
    estimated=st.booleans(),
)
costs = st.builds(
    lambda digits, exponent: Decimal(f"{digits}e{exponent}"),
    st.integers(0, 10**12),
    st.integers(-20, 20),
)
entries = st.builds(
    LedgerEntry,
    at=st.datetimes(timezones=st.just(UTC)),
    operation=names,
    model=names,
    answered_by=st.none() | names,
    tier=st.none() | names,
    attempt=st.integers(1, 9),
    outcome=st.sampled_from(get_args(Outcome)),
    usage=st.none() | usages,
    cost_usd=st.none() | costs,
    latency_s=st.floats(0, 1e6),
    request_id=st.none() | names,
    carried=st.booleans(),
)


def ledger_of(recorded: Iterable[LedgerEntry]) -> Ledger:
    """Return a ledger with these entries."""
    ledger = Ledger()
    for entry in recorded:
        ledger.record(entry)
    return ledger


def written(write: Callable[[Path], None]) -> bytes:
    """Return what is written to a file."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "ledger")
        write(path)
        return path.read_bytes()


@given(entries)
def test_an_entry_survives_json(entry: LedgerEntry) -> None:
    """Amounts, times and names come back exactly, from one line of ASCII."""
    with localcontext(COARSE):
        text = entry.to_json()
        assert LedgerEntry.from_json(text) == entry
    assert text.isascii()
    assert len(text.splitlines()) == 1


def test_the_row_is_flat() -> None:
    """Its columns are named once, in the order in which files have them."""
    row = ENTRY.row()
    assert row == ROW | {"cost_usd": Decimal("0.0003369")}
    assert list(row) == list(ROW)
    assert json.loads(ENTRY.to_json()) == ROW


def test_what_is_unknown_is_none() -> None:
    """It is never 0, which would sum up to a wrong total."""
    row = LOST.row()
    assert {name for name, value in row.items() if value is None} == set(UNKNOWN)
    assert list(row) == list(ROW)


def test_no_column_has_a_place_for_text_or_a_key() -> None:
    """An entry holds figures, names and ids."""
    texts = {field.name for field in fields(LedgerEntry) if "str" in str(field.type)}
    assert texts == {"operation", "model", "answered_by", "tier", "request_id"}


def test_a_cost_is_a_plain_decimal() -> None:
    """No exponent, which spreadsheets and other programs may read wrongly."""
    entry = replace(ENTRY, cost_usd=Decimal("4.5E-7"))
    assert json.loads(entry.to_json())["cost_usd"] == "0.00000045"


def test_entries_come_back_in_order() -> None:
    """They are equal to what was recorded, and the values are of the same kind."""
    recorded = (ENTRY, LOST, replace(ENTRY, attempt=3, carried=True))
    ledger = ledger_of(recorded)
    assert ledger.entries == recorded
    assert ledger.entries == recorded
    assert repr(ledger.entries) == repr(recorded)


def test_reading_does_not_end_the_recording() -> None:
    """Entries can be read between any two."""
    ledger = Ledger()
    assert list(ledger.entries) == []
    for number in range(1, 5):
        ledger.record(replace(ENTRY, attempt=number))
        assert [entry.attempt for entry in ledger.entries] == list(range(1, number + 1))


@given(st.lists(entries, max_size=20))
def test_totals_are_exact(recorded: list[LedgerEntry]) -> None:
    """They are the sums of the entries, whatever the caller's decimal context."""
    with localcontext(COARSE):
        ledger = ledger_of(recorded)
        total, by_model, by_operation = ledger.total, ledger.by_model(), ledger.by_operation()
    check_total(total, recorded)
    assert list(by_model) == list(dict.fromkeys(entry.model for entry in recorded))
    for model, part in by_model.items():
        check_total(part, [entry for entry in recorded if entry.model == model])
    assert set(by_operation) == {entry.operation for entry in recorded}
    for operation, part in by_operation.items():
        check_total(part, [entry for entry in recorded if entry.operation == operation])


def check_total(total: Totals, recorded: list[LedgerEntry]) -> None:
    """Check every field against sums in fractions."""
    known = [entry for entry in recorded if entry.cost_usd is not None]
    carried = [entry for entry in known if entry.carried]
    assert total.entries == len(recorded)
    assert total.unmeasured == len(recorded) - len(known)
    assert total.usage == sum((entry.usage or Usage() for entry in recorded), Usage())
    assert Fraction(total.cost_usd) == sum(Fraction(entry.cost_usd or 0) for entry in known)
    assert Fraction(total.carried_usd) == sum(Fraction(entry.cost_usd or 0) for entry in carried)


def test_a_million_small_costs_make_no_error() -> None:
    """0.00045 added as a float would be 450.0000000007126 after a million times."""
    thousand = ledger_of([replace(ENTRY, cost_usd=Decimal("0.00045"))] * 1000).total
    assert sum([thousand] * 1000, Totals()).cost_usd == 450


def test_an_empty_ledger_has_nothing() -> None:
    """No entry, no token, no dollar."""
    assert Ledger().total == Totals()
    assert Ledger().by_model() == Ledger().by_operation() == {}


def test_only_totals_are_added() -> None:
    """Adding a number would hide what is meant."""
    with pytest.raises(TypeError, match="unsupported operand"):
        Totals() + 1


@given(st.lists(entries, max_size=8))
def test_a_file_of_json_lines_has_every_entry(recorded: list[LedgerEntry]) -> None:
    """Each line is an entry, and can be read back."""
    lines = written(ledger_of(recorded).to_jsonl).decode("utf-8").splitlines(keepends=True)
    assert all(line.endswith("\n") for line in lines)
    assert [LedgerEntry.from_json(line) for line in lines] == recorded


@given(st.lists(entries, max_size=8))
def test_a_csv_file_has_every_entry(recorded: list[LedgerEntry]) -> None:
    """A head and a row each, in UTF-8; unknown cells are empty, lone surrogates are escapes."""
    ledger = ledger_of(recorded)
    file = io.StringIO(written(ledger.to_csv).decode("utf-8"), newline="")
    head, *rows = csv.reader(file)
    assert head == list(ROW)
    assert rows == [[cell(value) for value in row.values()] for row in ledger.rows()]


def cell(value: object) -> str:
    """Return what a CSV file has for a value."""
    if value is None:
        return ""
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_is_text_or_a_path(tmp_path: Path, kind: type[str | Path]) -> None:
    """What stood in the file is replaced."""
    path = tmp_path / "ledger"
    path.write_text("older\n" * 99, encoding="utf-8")
    ledger_of([ENTRY]).to_jsonl(kind(path))
    assert path.read_text("utf-8") == ENTRY.to_json() + "\n"
    ledger_of([ENTRY, LOST]).to_csv(kind(path))
    assert path.read_text("utf-8").splitlines()[2].startswith("2026-11-22T09:30:00.000000+00:00,")


@given(st.lists(entries, max_size=8))
def test_rows_are_the_rows_of_the_entries(recorded: list[LedgerEntry]) -> None:
    """Plain dicts with the cost as a Decimal or None, as a data frame takes them."""
    assert ledger_of(recorded).rows() == [entry.row() for entry in recorded]


def various(number: int) -> list[LedgerEntry]:
    """Return entries with ids, times and figures as a real job has them."""
    draw = Random(1)  # noqa: S311 - test data
    return [
        replace(
            ENTRY,
            at=ENTRY.at + timedelta(seconds=index * 0.2 + draw.random()),
            operation=draw.choice(["map", "map", "merge"]),
            usage=Usage(
                input_tokens=draw.randrange(4000, 17000), output_tokens=draw.randrange(900)
            ),
            cost_usd=Decimal(f"{draw.randrange(10**5)}e-8"),
            latency_s=draw.random() * 9,
            request_id=f"req_{draw.getrandbits(128):032x}",
        )
        for index in range(number)
    ]


def test_ten_thousand_entries_are_small_and_whole() -> None:
    """Older entries are kept compressed: under 100 bytes each, where an object has over 1,000."""
    recorded = various(10_000)
    ledger = ledger_of(recorded)
    assert sum(map(len, ledger._zipped)) < 100 * len(recorded)
    assert ledger.entries == tuple(recorded)
    assert ledger.total.entries == len(recorded)


def test_threads_record_at_once() -> None:
    """Nothing is lost or mixed up, while others read."""
    ledger = Ledger()

    def record(number: int) -> None:
        """Record some, and read in between."""
        for attempt in range(1, 101):
            ledger.record(replace(ENTRY, operation=str(number), attempt=attempt))
            assert ledger.total.entries >= attempt
        assert len(ledger.entries) >= 100

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(record, range(8)))
    assert ledger.total.entries == len(ledger.entries) == 800
    assert ledger.total.cost_usd == 800 * Decimal("0.0003369")
    for number in range(8):
        attempts = [e.attempt for e in ledger.entries if e.operation == str(number)]
        assert attempts == list(range(1, 101))


def test_an_entry_pickles() -> None:
    """It can cross a process."""
    assert pickle.loads(pickle.dumps(ENTRY)) == ENTRY  # noqa: S301


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("at", "2026-11-22", "at is a datetime, not a str"),
        ("at", datetime(2026, 11, 22), "has no time zone"),  # noqa: DTZ001 - it is the point
        ("model", None, "model is a str, not a NoneType"),
        ("tier", 1, "tier is a str or NoneType, not a int"),
        ("usage", {}, "usage is a Usage or NoneType, not a dict"),
        ("outcome", "fine", "outcome is one of ok, .*, not 'fine'"),
        ("attempt", 0, "attempt=0 is out of range: at least 1"),
        ("attempt", True, "attempt is a whole number, not True"),
        ("latency_s", float("nan"), "latency_s=nan is out of range"),
        ("latency_s", float("inf"), "latency_s=inf is out of range"),
        ("latency_s", -0.1, "latency_s=-0.1 is out of range"),
        ("cost_usd", 0.1, "cost_usd is a Decimal or NoneType, not a float"),
        ("cost_usd", Decimal(-1), "cost_usd=.* must be an amount of 0 or more"),
        ("cost_usd", Decimal("sNaN"), "cost_usd=.* must be an amount of 0 or more"),
        ("carried", 1, "carried is a bool, not a int"),
    ],
)
def test_an_entry_that_cannot_be_is_refused(name: str, value: object, message: str) -> None:
    """So that whatever is recorded can be read back."""
    with pytest.raises(ArgumentError, match=message):
        replace(ENTRY, **cast("dict[str, Any]", {name: value}))


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "7", "null", '"text"', "{}", "[" * 100_000, b"\xff"),
        *(
            json.dumps({**ROW, **change})
            for change in (
                {"at": 7},
                {"at": "yesterday"},
                {"outcome": ["ok"]},
                {"input_tokens": None},
                {"output_tokens": -1},
                {"cost_usd": "much"},
                {"cost_usd": True},
                {"latency_s": float("nan")},
            )
        ),
        *(json.dumps({key: ROW[key] for key in ROW if key != name}) for name in ROW),
    ],
)
def test_what_is_no_entry_is_refused(text: str | bytes) -> None:
    """Foreign text is read with care: one clear error, whatever is wrong."""
    with pytest.raises(ArgumentError, match="this is not a saved LedgerEntry: "):
        LedgerEntry.from_json(text)


def test_columns_that_are_not_known_are_left_out() -> None:
    """A later version may write more of them."""
    assert LedgerEntry.from_json(json.dumps({**ROW, "new": 1})) == ENTRY


def test_the_repr_is_the_bill() -> None:
    """Printing a ledger tells how much it holds, and no more than its totals."""
    ledger = Ledger()
    assert repr(ledger) == "<Ledger: 0 attempts, $0, 0 unmeasured>"
    ledger.record(replace(ENTRY, cost_usd=Decimal("0.00150")))
    ledger.record(LOST)
    assert repr(ledger) == "<Ledger: 2 attempts, $0.0015, 1 unmeasured>"
