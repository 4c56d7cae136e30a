"""Wherever shared limits lie, they answer alike."""

from __future__ import annotations

import pickle
import socket
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from decimal import Decimal
from multiprocessing import get_context
from multiprocessing.connection import Client as Caller
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minikit import (
    ArgumentError,
    Asked,
    BudgetExceededError,
    ClosedError,
    DaskLimits,
    LocalLimits,
    MissingExtraError,
    RateLimit,
    RedisLimits,
    ServedLimits,
    SharedLimits,
    SharedLimitsError,
)
from minikit.calls.sharing.dask_plugin import LimitsPlugin
from minikit.calls.sharing.hosting import limits_for
from minikit.calls.sharing.state import LimitsState

T = TypeVar("T")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import distributed

    Make = Callable[..., SharedLimits]

HOSTS = ("local", "served", "asked", "redis", "dask")


def asked(amount: Decimal | str = "0.1", **given: Any) -> Asked:  # noqa: ANN401 - fields of Asked
    """Ask for one request of a few tokens."""
    fields = {"run": "run", "lane": "lane", "requests": 1, "tokens": 10, "lease_s": 60.0}
    return Asked(**{"amount_usd": Decimal(amount), **fields, **given})


def copied(limits: T) -> T:
    """Return what another process would unpickle."""
    copy: T = pickle.loads(pickle.dumps(limits))  # noqa: S301 - our own
    return copy


@pytest.fixture(params=HOSTS)
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Make limits that lie at a host of each kind."""
    made: list[Any] = []

    def of(**options: Any) -> SharedLimits:  # noqa: ANN401 - of each kind
        limits: Any
        if request.param == "local":
            limits = LocalLimits(**options)
        elif request.param == "redis":
            url = request.getfixturevalue("redis_url")
            limits = RedisLimits(url, name=request.node.name, **options)
            limits.clear()
        elif request.param == "dask":
            limits = DaskLimits(request.getfixturevalue("cluster"), **options)
            made.append(limits)
        else:
            limits = ServedLimits(**options)
            made.append(limits)
            if request.param == "asked":
                limits = copied(limits)
        return limits  # type: ignore[no-any-return] # as typed above it

    yield of
    for limits in made:
        limits.close()


def test_money_is_reserved_and_settled(make: Make) -> None:
    """What is reserved cannot be reserved again; what a call cost takes its place."""
    limits = make(budget_usd="1")
    first, second = asked("0.6"), asked("0.6")
    assert limits.has_budget
    assert limits.admit(first) == 0.0
    assert limits.admit(second) is None
    limits.settle(first.ident, Decimal("0.25"))
    limits.settle(first.ident, Decimal("0.25"))  # as after an answer that was lost
    assert limits.admit(second) == 0.0
    assert limits.admit(second) == 0.0
    standing = limits.standing()
    assert (standing.budget_usd, standing.spent_usd) == (Decimal(1), Decimal("0.25"))
    assert (standing.reserved_usd, standing.unknown_usd) == (Decimal("0.6"), Decimal(0))


def test_what_cannot_fit_is_refused_with_the_figures(make: Make) -> None:
    """A call that would pass the budget even if all in flight cost nothing is refused."""
    limits = make(budget_usd="1")
    lost, broken = asked("0.5"), asked("0.3")
    limits.admit(lost)
    limits.admit(broken)
    limits.settle(lost.ident, None)
    limits.settle(broken.ident, Decimal("0.1"), at_least=True)
    with pytest.raises(BudgetExceededError, match=r"of the budget of \$1, \$0\.1 is spent") as info:
        limits.admit(asked("0.21"))
    assert (info.value.unknown_usd, info.value.needed_usd) == (Decimal("0.7"), Decimal("0.21"))
    assert limits.admit(asked("0")) == 0.0  # what is free passes no limit


def test_a_cost_above_what_was_reserved_is_counted_as_it_is(make: Make) -> None:
    """Also where it may have been more still."""
    limits = make(budget_usd="1")
    one = asked("0.1")
    limits.admit(one)
    limits.settle(one.ident, Decimal("0.2"), at_least=True)
    standing = limits.standing()
    assert (standing.spent_usd, standing.unknown_usd) == (Decimal("0.2"), Decimal(0))


def test_who_died_counts_as_unknown(make: Make) -> None:
    """A lease that ended makes its amount unknown; a late settlement still corrects it."""
    limits = make(budget_usd="1")
    dead = asked("0.5", lease_s=-1.0)
    limits.admit(dead)
    assert limits.standing().unknown_usd == Decimal("0.5")
    with pytest.raises(BudgetExceededError, match="cost is unknown"):
        limits.admit(asked("0.6"))
    limits.settle(dead.ident, Decimal("0.2"))
    standing = limits.standing()
    assert (standing.spent_usd, standing.reserved_usd, standing.unknown_usd) == (
        Decimal("0.2"),
        Decimal(0),
        Decimal(0),
    )


def test_earlier_spending_is_carried_once(make: Make) -> None:
    """What a key brought stands against the budget, however often it is told."""
    limits = make(budget_usd="1")
    for _ in range(2):
        limits.carry("part-1", Decimal("0.3"), Decimal("0.1"))
    limits.carry("part-2", Decimal("0.1"), Decimal(0))
    standing = limits.standing()
    assert (standing.spent_usd, standing.unknown_usd) == (Decimal("0.4"), Decimal("0.1"))


def test_a_run_can_be_stopped(make: Make) -> None:
    """After `stop` its clients are refused, and those of other runs are not."""
    limits = make()
    limits.stop("run")
    with pytest.raises(ClosedError, match="was stopped"):
        limits.admit(asked())
    assert limits.admit(asked(run="another")) == 0.0
    assert not limits.has_budget


def test_turns_come_one_after_the_other(make: Make) -> None:
    """Once the bucket is empty each has to wait longer than the one before; others do not."""
    limits = make(rate_limit=RateLimit(requests_per_minute=2, tokens_per_minute=10_000))
    waits = [limits.admit(asked()) or 0.0 for _ in range(5)]
    assert waits[:2] == [0.0, 0.0]
    assert 0 < waits[2] < waits[3] < waits[4] <= 3 * 30.3
    assert limits.admit(asked(lane="another")) == 0.0


def test_a_large_request_waits_for_a_full_bucket(make: Make) -> None:
    """What is larger than the limit goes when the bucket is full; the next one pays for it."""
    limits = make(rate_limit=RateLimit(tokens_per_minute=100))
    assert limits.admit(asked(tokens=150)) == 0.0
    assert 30 < (limits.admit(asked(tokens=10)) or 0.0) <= 37


def test_what_was_not_sent_gives_its_turn_back(make: Make) -> None:
    """A request that was admitted and not sent takes nothing of the rate, nor of the money."""
    limits = make(budget_usd="1", rate_limit=RateLimit(tokens_per_minute=100))
    first = asked("0.9", tokens=100)
    limits.admit(first)
    limits.settle(first.ident, Decimal(0), unsent=True)
    assert limits.admit(asked("0.9", tokens=100)) == 0.0


def test_many_threads_pass_no_limit(make: Make) -> None:
    """However many ask at once, no more is admitted than there is money."""
    limits = make(budget_usd="1")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: limits.admit(asked("0.03")), range(60)))
    assert answers.count(0.0) == 33
    assert limits.standing().reserved_usd == Decimal("0.99")


steps = st.lists(
    st.one_of(
        st.tuples(st.just("admit"), st.decimals(0, 2, places=12)),
        st.tuples(st.just("settle"), st.one_of(st.none(), st.decimals(0, 2, places=12))),
        st.tuples(st.just("at_least"), st.decimals(0, 2, places=12)),
        st.tuples(st.just("carry"), st.decimals(0, 1, places=12)),
    ),
    max_size=12,
)


@given(steps, st.decimals(0, 9, places=12))
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_redis_counts_as_the_state_machine_does(
    redis_url: str, doing: list[tuple[str, Decimal | None]], budget: Decimal
) -> None:
    """The script in Redis and the state in Python answer alike, to the last digit."""
    redis = RedisLimits(redis_url, name="alike", budget_usd=budget)
    redis.clear()
    state = LimitsState(budget)
    idents: list[str] = []
    for what, amount in doing:
        if what == "admit":
            one = asked(amount or "0")
            idents.append(one.ident)
            assert _answer(redis.admit, one) == _answer(state.admit, one, 0.0)
        elif what == "carry":
            for limits in (redis, state):
                limits.carry("key", amount or Decimal(0), Decimal("0.1"))
        elif idents:
            for limits in (redis, state):
                limits.settle(idents[len(idents) // 2], amount, at_least=what == "at_least")
        assert redis.standing() == state.standing(0.0)


def _answer(admit: Callable[..., float | None], *values: object) -> object:
    try:
        return admit(*values)
    except BudgetExceededError as error:
        return str(error)


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 300), st.booleans()), max_size=12),
    st.integers(1, 9),
    st.integers(100, 900),
)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_redis_gives_the_turns_that_the_state_machine_gives(
    redis_url: str, wanted: list[tuple[int, int, bool]], requests: int, tokens: int
) -> None:
    """Asked at the same times, the script in Redis and the state in Python give the same turns."""
    import redis as library

    rate = RateLimit(requests_per_minute=requests, tokens_per_minute=tokens)
    limits, state = RedisLimits(redis_url, name="turns", rate_limit=rate), LimitsState(None, rate)
    limits.clear()
    server: Any = library.Redis.from_url(redis_url)
    for one, size, is_sent in wanted:
        call = asked(requests=one, tokens=size)
        wait_s = limits.admit(call) or 0.0
        now = float(server.hget("minikit:{turns}:sums", "last lane")) - wait_s
        assert state.admit(call, now) == pytest.approx(wait_s, abs=0.01)
        if not is_sent:
            for each in (limits, state):
                each.settle(call.ident, Decimal(0), unsent=True)
    server.close()


def test_what_redis_keeps_outlives_its_clients(redis_url: str) -> None:
    """A second value of the same name finds what the first one spent; `clear` forgets it."""
    first = RedisLimits(redis_url, name="kept", budget_usd="1")
    first.clear()
    one = asked("0.5")
    first.admit(one)
    first.settle(one.ident, Decimal("0.4"))
    again = copied(first)
    assert again.standing() == first.standing()
    assert RedisLimits(redis_url, name="kept", budget_usd="2").admit(asked("1.5")) == 0.0
    again.clear()
    assert first.standing().spent_usd == 0
    assert redis_url not in repr(again)


def test_what_is_no_whole_unit_is_rounded_up(redis_url: str) -> None:
    """A price below the unit of Redis is counted a little dearer, never cheaper."""
    limits = RedisLimits(redis_url, name="units", budget_usd="1")
    limits.clear()
    limits.carry("key", Decimal("1e-13"), Decimal(0))
    assert limits.standing().spent_usd == Decimal("1e-12")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": ""}, "url"),
        ({"name": ""}, "name"),
        ({"url": "http://host"}, "no address of a Redis"),
        ({"budget_usd": "9000001"}, "more than Redis counts exactly"),
        ({"budget_usd": "-1"}, "budget_usd"),
        ({"rate_limit": 5}, r"rate_limit is a RateLimit\(...\), not int"),
    ],
)
def test_redis_options_are_checked(options: dict[str, Any], message: str) -> None:
    """What cannot be used is said, and a URL that may hold a password is not shown."""
    with pytest.raises(ArgumentError, match=message):
        RedisLimits(**{"url": "redis://127.0.0.1", "name": "n", **options}).standing()


def test_a_redis_that_is_away_is_a_clear_error() -> None:
    """Whoever asks hears that Redis does not answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{free.getsockname()[1]}"
        limits = RedisLimits(url, name="n")
        with pytest.raises(SharedLimitsError, match="Redis, which keeps the shared limits"):
            limits.standing()


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lacks `redis` is told what to install."""
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(MissingExtraError, match=r"minikit\[redis\]"):
        RedisLimits("redis://127.0.0.1", name="n").standing()


def _admitted(limits: SharedLimits) -> int:
    """Take as much as there is; in a process of its own."""
    return sum(limits.admit(asked("0.03")) == 0.0 for _ in range(20))


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # beside threads: on purpose
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_pass_no_limit(method: str) -> None:
    """Processes share what is left, however they were started; it takes a second to start them."""
    with (
        ServedLimits(budget_usd="1") as limits,
        ProcessPoolExecutor(2, mp_context=get_context(method)) as pool,
    ):
        assert sum(pool.map(_admitted, [limits, limits])) == 33
        assert limits.standing().reserved_usd == Decimal("0.99")


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # beside threads: on purpose
def test_a_fork_asks_where_the_limits_are() -> None:
    """What a fork has a copy of is not asked: its own connection is."""
    with ServedLimits(budget_usd="1") as limits:
        inherited = copied(limits)
        inherited.standing()  # connected before the fork
        context = get_context("fork")
        results = context.SimpleQueue()
        child = context.Process(
            target=lambda: results.put((_admitted(limits), _admitted(inherited)))
        )
        child.start()
        child.join()
        assert results.get() == (20, 13)
        assert inherited.standing().reserved_usd == Decimal("0.99")


def test_a_server_that_has_closed_is_a_clear_error() -> None:
    """Who asks after the end hears of it, and so does who was connected before."""
    with ServedLimits() as limits:
        connected = copied(limits)
        connected.standing()
        late = copied(limits)
    limits.close()  # a second time does nothing
    late.close()  # nor does it anywhere else
    for each in (connected, late):
        with pytest.raises(SharedLimitsError, match="it has ended, or closed its ServedLimits"):
            each.standing()


def test_a_stranger_is_not_answered() -> None:
    """Who has not unpickled the limits has no key to them, and others are not disturbed."""
    with ServedLimits() as limits:
        address = limits._address
        with pytest.raises(Exception, match="digest"):
            Caller(address, authkey=b"guessed")
        assert copied(limits).standing().spent_usd == 0


def test_a_task_asks_through_its_worker(cluster: distributed.Client) -> None:
    """In a task the limits are asked on the connection that the worker has."""
    with DaskLimits(cluster, budget_usd="1") as limits:
        futures = [cluster.submit(_admitted, limits, pure=False) for _ in range(2)]
        assert sum(future.result() for future in futures) == 33


def test_outside_of_a_task_there_is_no_scheduler(cluster: distributed.Client) -> None:
    """What was unpickled where no task runs says where it can be used."""
    with (
        DaskLimits(cluster) as limits,
        pytest.raises(SharedLimitsError, match="in tasks of its cluster only"),
    ):
        copied(limits).standing()


def test_limits_that_the_scheduler_does_not_know(cluster: distributed.Client) -> None:
    """After a close, or on a scheduler that was restarted, the error says so."""
    limits = DaskLimits(cluster)
    copy = copied(limits)
    limits.close()
    limits.close()
    with pytest.raises(SharedLimitsError, match="it was restarted, or they were closed"):
        cluster.submit(copy.standing, pure=False).result()


def test_a_scheduler_without_minikit(
    cluster: distributed.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scheduler's machine that lacks minikit is named, with the ways out."""

    def start(plugin: LimitsPlugin, scheduler: object) -> None:
        raise ModuleNotFoundError("No module named 'minikit'")

    monkeypatch.setattr(LimitsPlugin, "start", start)
    with pytest.raises(SharedLimitsError, match="cannot keep shared limits"):
        DaskLimits(cluster)


def test_a_scheduler_that_has_ended_is_a_clear_error() -> None:
    """Who asks after the end of the cluster hears of it; closing does nothing more."""
    from distributed import Client, LocalCluster

    options = {"processes": False, "n_workers": 0, "protocol": "tcp", "host": "127.0.0.1"}
    with LocalCluster(**options, dashboard_address="127.0.0.1:0") as ended, Client(ended) as client:
        limits = DaskLimits(client)
        scheduler = client.scheduler
        ended.close()
        with pytest.raises(SharedLimitsError, match="the connection to it is closed"):
            limits.standing()
        client.scheduler, client.status = scheduler, "running"  # until the client has noticed
        with pytest.raises(SharedLimitsError, match="Dask's scheduler, which keeps"):
            limits.standing()
        client.scheduler, client.status = None, "closed"
        limits.close()


def test_limits_are_made_for_the_workers_at_hand(cluster: distributed.Client) -> None:
    """Threads, processes and a cluster each get limits that reach them."""
    kinds = {
        LocalLimits: limits_for("threads", budget_usd=Decimal(1)),
        ServedLimits: limits_for("processes", rate_limit=RateLimit(requests_per_minute=1)),
        DaskLimits: limits_for(cluster),
    }
    for kind, made in kinds.items():
        with made as limits:
            assert isinstance(limits, kind)
            assert limits.blocks == (kind is not LocalLimits)
