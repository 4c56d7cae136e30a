"""Reading parts side by side: whatever fails, what was read is kept, and what was not is told."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit import (
    AuthenticationError,
    BudgetExceededError,
    CallError,
    Model,
    RefusalError,
    Retry,
    ServerError,
)
from minikit.calls.pipeline import Pipeline
from minikit.jobs.engine import Engine
from minikit.jobs.mapping import FAILED_PARTS_AT_LEAST, Mapper
from minikit.jobs.verb import CheckedOptions, Job, Setting, exact_level, planned

MODEL = Model.resolve("gpt-4o-mini")
Piece = tuple[int, ...]


def engine(max_concurrency: int = 3) -> Engine:
    """An engine that nothing is sent through."""
    pipeline = Pipeline(
        api_key="k",
        base_url="http://127.0.0.1:9/v1",
        openai_client=None,
        retry=Retry(),
        max_concurrency=max_concurrency,
        timeout_s=None,
    )
    levels = [exact_level("map", [10], 10)]
    plan = planned("ask", MODEL, levels, Setting(max_concurrency=max_concurrency))
    return Job(model=MODEL, plan=plan, digest="d").engine(pipeline, CheckedOptions())


def in_two(piece: Piece) -> list[Piece]:
    """Cut numbers in two; one alone is left."""
    middle = len(piece) // 2
    return [piece[:middle], piece[middle:]] if middle else [piece]


class Reader:
    """Reads numbers, several at a time, and fails at some.

    Attributes:
        left_out: What could not be read.
        asked: What it was asked to read.
    """

    def __init__(self, fails: dict[int, Exception]) -> None:
        self.left_out = list[Piece]()
        self.asked = list[Piece]()
        self._fails = fails

    async def read(self, piece: Piece) -> int:
        """Return the sum of the numbers, or fail at the first that cannot be read."""
        self.asked.append(piece)
        await anyio.lowlevel.checkpoint()
        for number in piece:
            if number in self._fails:
                raise self._fails[number]
        return sum(piece)

    def leave_out(self, piece: Piece, _error: CallError) -> None:
        """Take note of what cannot be read."""
        self.left_out.append(piece)

    def mapper(self, own: Engine | None = None) -> Mapper[Piece, int]:
        """Return what reads parts with this."""
        return Mapper(own or engine(), self.read, in_two, self.leave_out)


def parts_of(count: int, size: int) -> list[Piece]:
    """So many parts of so many numbers, each another one."""
    return [tuple(range(size * at, size * at + size)) for at in range(count)]


@settings(max_examples=40)
@given(count=st.integers(0, 8), size=st.integers(1, 16), bad=st.sets(st.integers(0, 127)))
def test_every_number_is_read_or_told(count: int, size: int, bad: set[int]) -> None:
    """Each stretch is read once or left out once; what is left out holds what is refused."""
    reader = Reader(dict.fromkeys(bad, RefusalError("no", code="refusal")))
    mapper = reader.mapper()
    parts = parts_of(count, size)
    anyio.run(mapper.read_all, parts)
    read = [number for piece, _ in mapper.read for number in piece]
    lost = [number for piece in reader.left_out for number in piece]
    assert sorted(read + lost) == list(range(count * size))
    assert bad.isdisjoint(read)
    assert set(lost) == bad.intersection(range(count * size))
    assert all(result == sum(piece) for piece, result in mapper.read)
    assert mapper.parts_read == sum(not bad.issuperset(part) for part in parts)
    assert mapper.errors == {}


@settings(max_examples=20)
@given(count=st.integers(1, 8), broken=st.integers(0, 7))
def test_an_error_waits_for_the_others(count: int, broken: int) -> None:
    """Where one part fails for another reason, the others are read before the error is raised."""
    failure = ServerError("down", status=500)
    reader = Reader({broken: failure})
    mapper = reader.mapper()
    if broken >= count:
        anyio.run(mapper.read_all, parts_of(count, 1))
    else:
        with pytest.raises(ServerError, match="down"):
            anyio.run(mapper.read_all, parts_of(count, 1))
        assert mapper.errors == {broken: failure}
    assert {piece for piece, _ in mapper.read} == set(parts_of(count, 1)) - {(broken,)}
    assert reader.left_out == []


def test_a_server_that_is_down_is_given_up() -> None:
    """After some parts that fail one after the other, no more are asked for."""
    reader = Reader(dict.fromkeys(range(100), ServerError("down", status=500)))
    with pytest.raises(ServerError, match="down"):
        anyio.run(reader.mapper(engine(1)).read_all, parts_of(100, 1))
    assert len(reader.asked) == FAILED_PARTS_AT_LEAST


def test_a_key_that_is_refused_ends_it_at_once() -> None:
    """What every part would fail of is raised at the first."""
    reader = Reader({1: AuthenticationError("no", status=401)})
    mapper = reader.mapper(engine(1))
    with pytest.raises(AuthenticationError, match="no"):
        anyio.run(mapper.read_all, parts_of(9, 1))
    assert [piece for piece, _ in mapper.read] == [(0,)]
    assert len(reader.asked) == 2


def test_a_budget_that_ends_loses_nothing() -> None:
    """No part is begun after it, and what was read before is kept."""
    spent = BudgetExceededError("spent", limit_usd=1, spent_usd=1, unknown_usd=0, needed_usd=1)  # type: ignore[arg-type] # figures are figures
    reader = Reader({4: spent})
    mapper = reader.mapper(engine(1))
    with pytest.raises(BudgetExceededError, match="spent"):
        anyio.run(mapper.read_all, parts_of(9, 1))
    assert [piece for piece, _ in mapper.read] == [(0,), (1,), (2,), (3,)]
    assert mapper.stopped is spent


def test_halves_that_fail_for_another_reason_are_kept_so_far() -> None:
    """What was read of a part before its server failed is not lost."""
    failing = Reader({1: RefusalError("no", code="refusal"), 3: ServerError("down", status=500)})
    mapper = failing.mapper()
    with pytest.raises(ServerError, match="down"):
        anyio.run(mapper.read_all, [(1, 0, 2, 4), (3,)])
    assert sorted(number for piece, _ in mapper.read for number in piece) == [0, 2, 4]
    assert failing.left_out == [(1,)]
