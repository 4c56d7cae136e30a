"""Money is reserved before it is spent, so that no calls in flight together pass the limit."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from minikit.calls.budget import Budget, Reservation, read_usd, reserve_all
from minikit.errors import ArgumentError, BudgetExceededError

COARSE = Context(prec=1)
"""A caller's decimal context in which hardly any sum is exact."""

amounts = st.one_of(
    st.just(Decimal(0)),
    st.decimals(min_value=0, max_value=2, places=9),
    st.integers(0, 3).map(Decimal),
)


def reserved(budget: Budget, amount: str) -> Reservation:
    """Reserve what is known to fit."""
    reservation = budget.reserve(Decimal(amount))
    assert reservation is not None
    return reservation


class Spending(RuleBasedStateMachine):
    """Calls that reserve and settle in any order, beside the same sums in fractions."""

    in_flight: Bundle[Reservation] = Bundle("in_flight")

    @initialize(limit=st.decimals(min_value=0, max_value=9, places=6))
    def start(self, limit: Decimal) -> None:
        """Begin with a limit, under which everything must stay."""
        self.budget = Budget(limit)
        self.limit = self.bound = Fraction(limit)
        self.open: list[Reservation] = []
        self.spent = self.unknown = Fraction(0)

    @property
    def reserved(self) -> Fraction:
        """What the calls in flight may cost."""
        return sum((Fraction(each.amount_usd) for each in self.open), Fraction(0))

    @property
    def standing(self) -> Fraction:
        """All that stands against the limit."""
        return self.spent + self.unknown + self.reserved

    @rule(target=in_flight, amount=amounts)
    def reserve(self, amount: Decimal) -> Any:  # noqa: ANN401 - what `multiple` returns has no type
        """It is given, put off or refused, as the sums say."""
        settled = self.spent + self.unknown
        with localcontext(COARSE):
            if amount and settled + Fraction(amount) > self.limit:
                with pytest.raises(BudgetExceededError, match="raise the budget"):
                    self.budget.reserve(amount)
                return multiple()
            reservation = self.budget.reserve(amount)
        if amount and self.standing + Fraction(amount) > self.limit:
            assert reservation is None
            return multiple()
        assert reservation is not None
        self.open.append(reservation)
        return reservation

    @rule(reservation=consumes(in_flight), share=st.fractions(0, 1))
    def settle(self, reservation: Reservation, share: Fraction) -> None:
        """A reply came, which cost at most what was reserved for it, or nothing."""
        cost = min(
            reservation.amount_usd,
            (reservation.amount_usd * share.numerator / share.denominator).quantize(
                Decimal("1e-12")
            ),
        )
        self._settle(reservation, cost)
        self.spent += Fraction(cost)

    @rule(reservation=consumes(in_flight))
    def settle_with_nothing(self, reservation: Reservation) -> None:
        """The request was not billed."""
        self._settle(reservation, Decimal(0))

    @rule(reservation=consumes(in_flight))
    def settle_unknown(self, reservation: Reservation) -> None:
        """Nobody knows what the request cost."""
        self._settle(reservation, None)
        self.unknown += Fraction(reservation.amount_usd)

    @rule(spent=amounts, unknown=amounts)
    @precondition(lambda self: self.bound == self.limit)
    def carry(self, spent: Decimal, unknown: Decimal) -> None:
        """An earlier run has spent some; this alone may pass the limit."""
        with localcontext(COARSE):
            self.budget.carry(spent, unknown)
        self.spent += Fraction(spent)
        self.unknown += Fraction(unknown)
        self.bound = max(self.bound, self.standing)

    def _settle(self, reservation: Reservation, cost: Decimal | None) -> None:
        with localcontext(COARSE):
            reservation.settle(cost)
        self.open.remove(reservation)

    @invariant()
    def never_passes(self) -> None:
        """What stands against the limit is exact, never negative, and within it."""
        budget = self.budget
        with localcontext(COARSE):
            left = budget.left_usd
        assert Fraction(budget.spent_usd) == self.spent >= 0
        assert Fraction(budget.unknown_usd) == self.unknown >= 0
        assert Fraction(budget.reserved_usd) == self.reserved >= 0
        assert Fraction(left) == self.limit - self.standing
        assert self.standing <= self.bound

    def teardown(self) -> None:
        """With nothing in flight, nothing is reserved."""
        for reservation in getattr(self, "open", []):
            reservation.settle(None)
        assert not hasattr(self, "budget") or self.budget.reserved_usd == 0


TestSpending = Spending.TestCase
TestSpending.settings = settings(max_examples=100, stateful_step_count=40)


@given(st.lists(amounts, max_size=12), amounts)
def test_what_is_put_off_fits_once_all_in_flight_were_free(
    earlier: list[Decimal], amount: Decimal
) -> None:
    """None is a promise: waiting can help."""
    budget = Budget(Decimal(4))
    in_flight = [each for each in map(budget.reserve, earlier) if each is not None]
    if budget.reserve(amount) is None:
        for reservation in in_flight:
            reservation.settle(Decimal(0))
        assert budget.reserve(amount) is not None


def test_32_threads_never_pass_the_limit() -> None:
    """The sum of what is spent, reserved and unknown stays within the limit, whoever looks."""
    budget = Budget(Decimal(10))
    barrier = threading.Barrier(32)

    def spend(number: int) -> tuple[Decimal, Decimal]:
        """Reserve and settle; return what it cost, and the least that was seen to be left."""
        spent, least_left = Decimal(0), budget.limit_usd
        barrier.wait()
        for turn in range(60):
            try:
                reservation = budget.reserve(Decimal("0.03"))
            except BudgetExceededError:
                break
            least_left = min(least_left, budget.left_usd)
            if reservation is not None:
                cost = None if (turn + number) % 7 == 0 else Decimal("0.007")
                reservation.settle(cost)
                spent += cost or 0
        return spent, least_left

    with ThreadPoolExecutor(32) as pool:
        outcomes = list(pool.map(spend, range(32)))
    assert budget.spent_usd == sum(spent for spent, _ in outcomes)
    assert min(left for _, left in outcomes) >= 0
    assert budget.reserved_usd == 0
    assert 0 <= budget.left_usd < Decimal("0.03")


def test_a_refusal_says_what_stands_against_it_and_the_way_out() -> None:
    """The message has the four amounts in plain dollars, and so has the error."""
    budget = Budget(Decimal("5.00"))
    reserved(budget, "4.5").settle(Decimal("4.1000"))
    reserved(budget, "0.0000005").settle(None)
    with pytest.raises(
        BudgetExceededError,
        match=r"budget of \$5, \$4\.1 is spent and up to \$0\.0000005 went to calls whose cost is "
        r"unknown; the next call can cost \$1\.25 .* raise the budget, or ask for shorter "
        r"replies \(max_output_tokens\)",
    ) as caught:
        budget.reserve(Decimal("1.25"))
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):  # noqa: S301
        assert error.limit_usd == 5
        assert error.spent_usd == Decimal("4.1")
        assert error.unknown_usd == Decimal("0.0000005")
        assert error.needed_usd == Decimal("1.25")


def test_a_cost_above_its_reservation_is_counted_as_it_is() -> None:
    """A server that bills more than was asked for is believed, and nothing fits after it."""
    budget = Budget(Decimal(1))
    reserved(budget, "0.9").settle(Decimal("1.5"))
    assert budget.spent_usd == Decimal("1.5")
    assert budget.left_usd == Decimal("-0.5")
    with pytest.raises(BudgetExceededError, match=r"\$1\.5 is spent"):
        budget.reserve(Decimal("1e-9"))
    reserved(budget, "0").settle(Decimal(0))  # what is free passes no limit


def test_a_budget_of_nothing_has_room_for_what_is_free() -> None:
    """A free model can be called with a budget of 0, and no other."""
    budget = Budget(Decimal(0))
    reserved(budget, "0").settle(Decimal(0))
    with pytest.raises(BudgetExceededError, match=r"the budget of \$0"):
        budget.reserve(Decimal("1e-9"))


@pytest.mark.parametrize("cost", [Decimal(0), Decimal(1), None])
def test_a_reservation_is_settled_once(cost: Decimal | None) -> None:
    """Settling again would count a cost twice, or give back what another call reserved."""
    budget = Budget(Decimal(5))
    reservation, other = reserved(budget, "1"), reserved(budget, "1")
    reservation.settle(cost)
    with pytest.raises(RuntimeError, match="settled once"):
        reservation.settle(Decimal(0))
    assert budget.reserved_usd == other.amount_usd


def test_several_budgets_are_reserved_together() -> None:
    """A call of a job stands against the job's budget and the client's."""
    budgets = (Budget(Decimal(3)), Budget(Decimal(2)))
    reservations = reserve_all(budgets, Decimal(2))
    assert reservations is not None
    assert [each.budget for each in reservations] == [*budgets]
    assert [each.reserved_usd for each in budgets] == [2, 2]


def test_no_budget_has_room_for_everything() -> None:
    """Without a budget there is nothing to reserve, and nothing to wait for."""
    assert reserve_all((), Decimal(10**9)) == ()


@pytest.mark.parametrize("narrow_first", [True, False])
def test_where_one_budget_has_no_room_yet_none_is_reserved(narrow_first: bool) -> None:
    """What was taken from the others is given back."""
    wide, narrow = Budget(Decimal(9)), Budget(Decimal(3))
    in_flight = reserved(narrow, "2")
    budgets = (narrow, wide) if narrow_first else (wide, narrow)
    assert reserve_all(budgets, Decimal(2)) is None
    assert [wide.reserved_usd, narrow.reserved_usd] == [0, 2]
    in_flight.settle(Decimal(0))
    assert reserve_all(budgets, Decimal(2)) is not None


def test_where_one_budget_refuses_none_is_reserved() -> None:
    """The error is that of the budget that is too small."""
    wide, narrow = Budget(Decimal(9)), Budget(Decimal(3))
    with pytest.raises(BudgetExceededError, match=r"the budget of \$3"):
        reserve_all((wide, narrow), Decimal(4))
    assert wide.left_usd == 9


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2.50", "2.50"),
        (" 1_000 ", "1000"),
        ("1e-6", "0.000001"),
        (5, "5"),
        (0, "0"),
        ("-0", "0"),
        (Decimal("0.1"), "0.1"),
        (10**49, "1e49"),
        ("1e-50", "1e-50"),
    ],
)
def test_an_amount_is_read_exactly(value: str | int | Decimal, expected: str) -> None:
    """A str, an int and a Decimal say what they mean, whatever the caller's context."""
    with localcontext(COARSE):
        amount = read_usd("budget_usd", value)
    assert amount == Decimal(expected)
    assert not amount.is_signed()


@given(st.floats(min_value=1e-30, max_value=1e30))
def test_a_float_is_taken_as_it_is_written_with_a_warning(value: float) -> None:
    """0.1 means a tenth of a dollar, and not the binary fraction next to it."""
    with pytest.warns(UserWarning, match=r"budget_usd=.* is a float; write '"):
        assert read_usd("budget_usd", value) == Decimal(repr(value))


def test_the_warning_shows_what_to_write() -> None:
    """The text can be copied."""
    with pytest.warns(UserWarning, match=r"budget_usd=0\.1 is a float; write '0\.1'"):
        read_usd("budget_usd", 0.1)


@pytest.mark.parametrize("context", [Context(), Context(traps=[])])
@pytest.mark.parametrize(
    "value",
    [
        *("$5", "", "five", "NaN", "sNaN", "inf", "-1", "1,50", "1e50", "1e-51", "1e999999999"),
        *(
            -1,
            10**50,
            pytest.param(10**5000, id="long"),
            Decimal(-1),
            Decimal("NaN"),
            Decimal("sNaN"),
            Decimal("Infinity"),
        ),
        *(float("nan"), float("inf"), -0.5),
    ],
)
def test_what_is_no_amount_is_refused(value: str | float | Decimal, context: Context) -> None:
    """The message names the argument and shows what an amount looks like."""
    with (
        localcontext(context),
        pytest.raises(ArgumentError, match=r'^budget_usd=.{0,80} is no amount .* "2\.50"$'),
    ):
        read_usd("budget_usd", value)


@pytest.mark.parametrize("value", [True, None, b"5", [5]])
def test_what_is_no_number_is_refused(value: object) -> None:
    """A bool is none either; the value, which may be anything, is not shown."""
    with pytest.raises(ArgumentError, match=rf"budget_usd is US .* not {type(value).__name__}$"):
        read_usd("budget_usd", cast("Any", value))


def test_a_cost_that_is_a_lower_bound_keeps_the_rest_set_aside() -> None:
    """Of a stream that broke we know what came; the rest of the reservation may be owed."""
    budget = Budget(Decimal(2))
    reserved(budget, "1").settle(Decimal("0.25"), at_least=True)
    assert (budget.spent_usd, budget.unknown_usd) == (Decimal("0.25"), Decimal("0.75"))
    reserved(budget, "0.5").settle(Decimal("0.6"), at_least=True)
    assert (budget.spent_usd, budget.unknown_usd) == (Decimal("0.85"), Decimal("0.75"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [("-1", "'-1'"), (-1, "-1"), (Decimal(-1), r"Decimal\('-1'\)"), ("much", "'much'")],
)
def test_what_is_no_amount_is_shown_as_it_was_written(value: Any, shown: str) -> None:  # noqa: ANN401
    """A text is shown as a text, and a number as a number."""
    with pytest.raises(ArgumentError, match=rf"^budget_usd={shown} is no amount"):
        read_usd("budget_usd", value)
