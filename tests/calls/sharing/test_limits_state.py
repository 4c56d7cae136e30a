"""What shared limits remember: the money is never passed, the rate never exceeded, no turn lost."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from minikit import Asked, BudgetExceededError, ClosedError, RateLimit
from minikit.calls.sharing.state import LimitsState

amounts = st.decimals(min_value=0, max_value=2, places=9)


def asked(amount: Decimal | str = "0", **given: Any) -> Asked:  # noqa: ANN401 - fields of Asked
    """Ask for one request of a few tokens."""
    fields = {"run": "run", "lane": "lane", "requests": 1, "tokens": 10, "lease_s": 5.0}
    return Asked(**{"amount_usd": Decimal(amount), **fields, **given})


class Spending(RuleBasedStateMachine):
    """Clients that reserve, settle and die in any order, beside the same sums in fractions."""

    in_flight: Bundle[Asked] = Bundle("in_flight")

    @initialize(limit=st.decimals(min_value=0, max_value=9, places=6))
    def start(self, limit: Decimal) -> None:
        """Begin with a limit, under which everything must stay."""
        self.state = LimitsState(limit)
        self.limit = self.bound = Fraction(limit)
        self.now = 0.0
        self.open: dict[str, tuple[Fraction, float]] = {}
        self.spent = self.unknown = Fraction(0)

    def late(self) -> dict[str, Fraction]:
        """Return what was reserved by those who have not settled in time."""
        return {name: amount for name, (amount, until) in self.open.items() if until < self.now}

    @rule(target=in_flight, amount=amounts, lease_s=st.integers(1, 9))
    def admit(self, amount: Decimal, lease_s: int) -> Asked:
        """Whoever is admitted fits; who is not could not fit now, or never."""
        wanted = asked(amount, lease_s=float(lease_s))
        reserved = sum((amount for amount, _ in self.open.values()), Fraction(0))
        unknown = self.unknown + sum(self.late().values(), Fraction(0))
        fits = not amount or self.spent + self.unknown + reserved + Fraction(amount) <= self.limit
        never = amount and self.spent + unknown + Fraction(amount) > self.limit
        if never:
            with pytest.raises(BudgetExceededError, match="was not sent"):
                self.state.admit(wanted, self.now)
        else:
            assert (self.state.admit(wanted, self.now) is not None) == fits
            if fits:
                self.open[wanted.ident] = (Fraction(amount), self.now + lease_s)
        return wanted

    @rule(who=consumes(in_flight), cost=st.one_of(st.none(), amounts), at_least=st.booleans())
    def settle(self, who: Asked, cost: Decimal | None, at_least: bool) -> None:
        """What a call cost takes the place of what was reserved, also when it comes late."""
        self.state.settle(who.ident, cost, at_least=at_least)
        amount, _ = self.open.pop(who.ident, (None, 0.0))
        if amount is None:
            return
        if cost is None:
            self.unknown += amount
            return
        self.spent += Fraction(cost)
        if at_least:
            self.unknown += max(Fraction(0), amount - Fraction(cost))
        self.bound = max(self.bound, self.bound + Fraction(cost) - amount)

    @rule(seconds=st.integers(1, 9))
    def wait(self, seconds: int) -> None:
        """Time passes, and leases end."""
        self.now += seconds

    @rule(who=in_flight)
    def ask_again(self, who: Asked) -> None:
        """An answer that was lost is given again, and nothing is taken twice."""
        if who.ident in self.open:
            assert self.state.admit(who, self.now) == 0

    @rule(spent=amounts, unknown=amounts, key=st.sampled_from("abc"))
    def carry(self, spent: Decimal, unknown: Decimal, key: str) -> None:
        """What was spent before counts once for each key, and may pass the limit."""
        known = getattr(self, "carried", set[str]())
        self.carried = known | {key}
        self.state.carry(key, spent, unknown)
        if key not in known:
            self.spent, self.unknown = (
                self.spent + Fraction(spent),
                self.unknown + Fraction(unknown),
            )
            self.bound += Fraction(spent) + Fraction(unknown)

    @invariant()
    def the_sums_are_exact(self) -> None:
        """Spent, reserved and unknown are what they should be, and stay under the limit."""
        if not hasattr(self, "state"):
            return
        standing = self.state.standing(self.now)
        late = sum(self.late().values(), Fraction(0))
        reserved = sum((amount for amount, _ in self.open.values()), Fraction(0)) - late
        figures = (standing.spent_usd, standing.reserved_usd, standing.unknown_usd)
        assert tuple(map(Fraction, figures)) == (self.spent, reserved, self.unknown + late)
        assert sum(map(Fraction, figures)) <= self.bound


Spending.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestSpending = Spending.TestCase


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 1_500)), min_size=1, max_size=40),
    st.integers(1, 20),
    st.integers(200, 2_000),
)
@settings(max_examples=60, deadline=None)
def test_no_window_holds_more_than_a_full_bucket_and_what_flows_in(
    steps: list[tuple[int, int]], requests: int, tokens: int
) -> None:
    """Over any stretch of time no more starts than OpenAI's token buckets let through."""
    state = LimitsState(None, RateLimit(requests_per_minute=requests, tokens_per_minute=tokens))
    now, starts = 0.0, list[tuple[float, int]]()
    for wait_s, size in steps:
        now += wait_s
        answer = state.admit(asked(tokens=size), now)
        assert answer is not None
        starts.append((now + answer, size))
    assert [at for at, _ in starts] == sorted(at for at, _ in starts)
    for first, (since, _) in enumerate(starts):
        for last in range(first, len(starts)):
            window_s = starts[last][0] - since + 0.002
            assert last - first + 1 <= requests * (1 + window_s / 60) + 1e-6
            sizes = [size for _, size in starts[first : last + 1]]
            # Who is larger than the bucket starts when it is full, and the next ones pay for it.
            assert sum(sizes[:-1]) + min(sizes[-1], tokens) <= tokens * (1 + window_s / 60) + 1e-6


def test_nothing_of_the_rate_is_lost_while_many_wait() -> None:
    """Who asks early and waits gets the whole flow: 100 a minute after the first 100."""
    state = LimitsState(None, RateLimit(requests_per_minute=100))
    waits = [state.admit(asked(), 0.0) for _ in range(300)]
    assert waits[:100] == [0.0] * 100
    assert waits[-1] == pytest.approx(120 + 0.25)


def test_each_server_and_model_has_a_rate_of_its_own() -> None:
    """A limit that one model has used up does not hold up another."""
    state = LimitsState(None, RateLimit(requests_per_minute=1))
    lanes = ["one", "other", "one"]
    waits = [state.admit(asked(lane=lane), 0.0) for lane in lanes]
    assert waits == [0.0, 0.0, pytest.approx(60.25)]


def test_what_was_not_sent_gives_its_turn_back() -> None:
    """A request that was admitted and not sent takes nothing of the rate."""
    state = LimitsState(None, RateLimit(tokens_per_minute=100))
    first = asked(tokens=100)
    assert state.admit(first, 0.0) == 0.0
    state.settle(first.ident, Decimal(0), unsent=True)
    assert state.admit(asked(tokens=100), 0.0) == 0.0


def test_a_batch_takes_no_turn() -> None:
    """What asks for no request and no token waits for nobody's."""
    state = LimitsState(None, RateLimit(requests_per_minute=1, tokens_per_minute=1))
    numbers = count()
    waits = [
        state.admit(asked(ident=str(next(numbers)), requests=0, tokens=0), 0.0) for _ in range(9)
    ]
    assert waits == [0.0] * 9


def test_a_stopped_run_gets_nothing_more() -> None:
    """After `stop` the run is refused, other runs are not, and what is in flight settles."""
    state = LimitsState(Decimal(1))
    sent = asked("0.5")
    state.admit(sent, 0.0)
    state.stop("run")
    with pytest.raises(ClosedError, match="was stopped"):
        state.admit(asked("0.1"), 0.0)
    assert state.admit(asked("0.1", run="another"), 0.0) == 0.0
    state.settle(sent.ident, Decimal("0.4"))
    assert state.standing(0.0).spent_usd == Decimal("0.4")


def test_the_lease_of_what_was_settled_means_nothing() -> None:
    """What was settled in time is not unknown when its lease would have ended."""
    state = LimitsState(Decimal(1))
    sent = asked("0.5", lease_s=1.0)
    state.admit(sent, 0.0)
    state.settle(sent.ident, Decimal("0.4"))
    standing = state.standing(9.0)
    assert standing.spent_usd == Decimal("0.4")
    assert standing.reserved_usd == standing.unknown_usd == 0
