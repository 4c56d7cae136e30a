"""Costs are exact, dated, and unknown rather than wrong."""

from __future__ import annotations

import pickle
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, cast

import pytest
from genai_prices import types
from genai_prices.data_snapshot import DataSnapshot, get_snapshot, set_custom_snapshot
from hypothesis import given
from hypothesis import strategies as st

from minikit.models.model import Model, Price
from minikit.models.prices import TIERS, _looked_up, cost_usd
from minikit.models.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MINI = Model.resolve("gpt-4o-mini")
LUNA = Model.resolve("gpt-6-luna")
OWN = Model(
    id="mine",
    context_window=32_000,
    max_output_tokens=4_000,
    price=Price(input_usd_per_mtok="2", output_usd_per_mtok="8", cached_usd_per_mtok="0.5"),
)
FINE_TUNED = "ft:gpt-4o-mini-2024-07-18:org::id"


def used(input_tokens: int, output_tokens: int, *, cached: int = 0, written: int = 0) -> Usage:
    """What a call took."""
    return Usage(
        input_tokens=input_tokens,
        cached_tokens=cached,
        cache_write_tokens=written,
        output_tokens=output_tokens,
    )


@pytest.mark.parametrize(
    ("model", "tier", "usage", "expected"),
    [
        ("gpt-4o-mini", "default", used(1000, 500), "0.00045"),
        ("gpt-4o-mini", "batch", used(1000, 500), "0.000225"),
        ("gpt-4o-mini", "priority", used(1000, 500), "0.00075"),
        ("gpt-4o-mini", "fast", used(1000, 500), "0.00075"),
        ("gpt-4o-mini", "default", used(2006, 300, cached=1920), "0.0003369"),
        ("gpt-4o-mini", "default", used(111_616, 16_384), "0.0265728"),
        ("gpt-4o-mini", "default", used(10**6, 10**6, cached=500_000), "0.7125"),
        ("gpt-4o-mini-2024-07-18", "default", used(1000, 500), "0.00045"),
        ("openai/gpt-4o-mini", "default", used(1000, 500), "0.00045"),
        (FINE_TUNED, "default", used(1000, 1000), "0.0015"),
        (FINE_TUNED, "default", used(10**6, 0, cached=10**6), "0.15"),
        (FINE_TUNED, "batch", used(1000, 1000), "0.00075"),
        ("ft:gpt-4o-mini:org:name:id", "default", used(1000, 1000), "0.0015"),
        ("ft:gpt-4o-2024-08-06:org::id", "default", used(10**6, 0, cached=10**6), "1.875"),
        ("ft:gpt-4.1-mini-2025-04-14:org::id", "default", used(1000, 1000), "0.004"),
        ("ft:gpt-3.5-turbo-0125:org::id", "default", used(1000, 1000), "0.009"),
        ("gpt-6-luna", "default", used(1000, 500), "0.00035"),
        ("gpt-6-luna", "flex", used(1000, 500), "0.000175"),
        ("gpt-6-luna", "batch", used(1000, 500), "0.000175"),
        ("gpt-6-luna", "default", used(4000, 300, cached=1024, written=2048), "0.00050904"),
        ("gpt-6-luna", "default", used(272_000, 1000), "0.0277"),
        ("gpt-6-luna", "default", used(272_001, 1000), "0.0551502"),
        ("gpt-4o", "default", used(10**6, 10**6), "12.5"),
        ("gpt-4o", "batch", used(10**6, 10**6), "6.25"),
        ("gpt-4o", "priority", used(10**6, 10**6), "21.25"),
        ("gpt-4o-2024-05-13", "default", used(10**6, 10**6), "20"),
        ("gpt-3.5-turbo", "default", used(10**6, 10**6), "2"),
        ("gpt-3.5-turbo", "batch", used(10**6, 10**6), "1"),
        ("gpt-3.5-turbo", "default", used(10**6, 0, cached=10**6), "0.5"),
        ("gpt-4.1-mini", "default", used(10**6, 10**6, cached=500_000), "1.85"),
        ("gpt-4.1-mini", "priority", used(10**6, 10**6), "3.5"),
        ("gpt-4.1-nano", "default", used(10**6, 10**6), "0.5"),
        ("gpt-4.1-nano", "batch", used(10**6, 10**6), "0.25"),
        ("gpt-5-mini", "default", used(10**6, 10**6, cached=10**6), "2.025"),
        ("gpt-5-mini", "flex", used(10**6, 10**6), "1.125"),
        ("gpt-5-nano", "default", used(10**6, 10**6), "0.45"),
        ("gpt-5.4-mini", "default", used(10**6, 10**6), "5.25"),
        ("gpt-5.4-nano", "batch", used(10**6, 10**6), "0.725"),
        ("claude-3-haiku-20240307", "default", used(10**6, 10**6), "1.5"),
        ("claude-haiku-4-5", "default", used(10**6, 10**6, cached=500_000), "5.55"),
        ("gemini-1.5-flash", "default", used(10**6, 10**6), "0.75"),
        ("gemini-1.5-flash", "default", used(128_000, 0), "0.0096"),
        ("gemini-2.5-flash-lite", "default", used(10**6, 10**6), "0.5"),
        ("offline", "default", used(10**6, 10**6), "0"),
        ("offline", "batch", used(10**6, 10**6), "0"),
    ],
)
def test_costs_are_the_published_ones(model: str, tier: str, usage: Usage, expected: str) -> None:
    """Each worked example comes out to the last digit."""
    cost = cost_usd(Model.resolve(model), usage, tier=tier, at=NOW)
    assert isinstance(cost, Decimal)
    assert cost == Decimal(expected)


def test_without_a_time_the_price_is_todays() -> None:
    """The default model has had one price all along."""
    assert cost_usd(MINI, used(1000, 500)) == Decimal("0.00045")


def test_a_million_costs_add_up_exactly() -> None:
    """Money is Decimal: in float the sum would be 450.0000000007126."""
    cost = cost_usd(MINI, used(1000, 500), at=NOW)
    assert cost is not None
    total = Decimal(0)
    for _ in range(1_000_000):
        total += cost
    assert total == 450


def test_the_callers_precision_does_not_round_a_cost() -> None:
    """The sum is exact whatever decimal context the program works in."""
    usage = used(123_456_789, 987_654_321, cached=1_234_567)
    with localcontext(prec=3):
        rounded = [cost_usd(model, usage, at=NOW) for model in (MINI, OWN)]
    assert rounded == [cost_usd(model, usage, at=NOW) for model in (MINI, OWN)]
    assert rounded[1] == Decimal("8146.2962955")


@given(
    st.sampled_from(["gpt-4o-mini", "gpt-3.5-turbo", "claude-haiku-4-5", FINE_TUNED]),
    *[st.integers(0, 10**9)] * 4,
)
def test_costs_add_up_over_calls(
    model_id: str, first: int, more: int, out: int, cached: int
) -> None:
    """Where no rate depends on the length, two calls cost what one with both usages costs."""
    model = Model.resolve(model_id)
    one = used(first, out, cached=min(cached, first))
    two = used(more, 0)
    costs = [cost_usd(model, usage, at=NOW) for usage in (one, two, one + two)]
    known = [cost for cost in costs if cost is not None]
    assert known[0] + known[1] == known[2]


@pytest.mark.parametrize("tier", ["scale", "Default", "auto"])
@pytest.mark.parametrize("model", [MINI, OWN, Model.resolve("offline")])
def test_the_price_of_an_unknown_tier_is_unknown(model: Model, tier: str) -> None:
    """No tier is taken for another."""
    assert cost_usd(model, used(1000, 500), tier=tier, at=NOW) is None


@pytest.mark.parametrize("tier", ["", "standard", "on_demand"])
@pytest.mark.parametrize("model", [MINI, OWN])
def test_the_default_tier_by_its_other_names(model: Model, tier: str) -> None:
    """Compatible servers call the default tier by other names, or by none."""
    usage = used(1000, 500)
    assert cost_usd(model, usage, tier=tier, at=NOW) == cost_usd(model, usage, at=NOW)


@pytest.mark.parametrize(
    ("model", "tier"),
    [
        ("gpt-4o-mini", "flex"),
        ("gpt-3.5-turbo", "priority"),
        ("ft:gpt-4o-2024-08-06:org::id", "batch"),
        ("ft:gpt-4.1-mini-2025-04-14:org::id", "batch"),
        ("claude-3-haiku-20240307", "batch"),
    ],
)
def test_a_tier_that_a_model_lacks_has_no_price(model: str, tier: str) -> None:
    """It is unknown and not the default tier's."""
    assert cost_usd(Model.resolve(model), used(1000, 500), tier=tier, at=NOW) is None


def test_a_tier_has_no_price_before_its_rates_are_on_record() -> None:
    """The default tier has; a rate of later days is not carried back."""
    before = datetime(2026, 10, 1, tzinfo=UTC)
    assert cost_usd(MINI, used(1000, 500), at=before) == Decimal("0.00045")
    for tier in ("batch", "priority"):
        assert cost_usd(MINI, used(1000, 500), tier=tier, at=before) is None


def test_a_correction_holds_from_its_day_on() -> None:
    """Fine-tuned gpt-4o-mini reads its cache at half price since 2024-10-01, in UTC."""
    cached = used(10**6, 0, cached=10**6)
    model = Model.resolve(FINE_TUNED)
    midnight = datetime(2024, 10, 1, tzinfo=UTC)
    east = timezone(timedelta(hours=5))
    assert cost_usd(model, cached, at=midnight) == Decimal("0.15")
    assert cost_usd(model, cached, at=midnight.replace(tzinfo=None)) == Decimal("0.15")
    assert cost_usd(model, cached, at=midnight - timedelta(seconds=1)) == Decimal("0.30")
    assert cost_usd(model, cached, at=midnight.replace(tzinfo=east)) == Decimal("0.30")


def test_an_unknown_price_is_none() -> None:
    """A model of one's own without a price, an unknown snapshot, an unpriced fine-tuned model."""
    usage = used(1000, 500)
    assert cost_usd(replace(OWN, price=None), usage, at=NOW) is None
    assert cost_usd(Model.resolve("gpt-4o-mini-2031-01-01"), usage, at=NOW) is None
    assert cost_usd(Model.resolve("ft:gpt-5-mini:org::id"), usage, at=NOW) is None
    assert cost_usd(replace(MINI, provider="nobody"), usage, at=NOW) is None


def test_ones_own_price_counts() -> None:
    """A Model's price is used as it is, also over the known price of a known model."""
    usage = used(1_000_000, 500_000, cached=400_000)
    assert cost_usd(OWN, usage, at=NOW) == Decimal("5.4")
    assert cost_usd(replace(MINI, price=OWN.price), usage, at=NOW) == Decimal("5.4")
    plain = Price(input_usd_per_mtok=2, output_usd_per_mtok=8)
    assert cost_usd(replace(OWN, price=plain), usage, at=NOW) == Decimal(6)


def test_ones_own_price_is_that_of_the_default_tier() -> None:
    """What other tiers cost is unknown, unless the model is free."""
    free = replace(OWN, price=Price(input_usd_per_mtok=0, output_usd_per_mtok=0))
    for tier in set(TIERS) - {"default"}:
        assert cost_usd(OWN, used(1, 1), tier=tier, at=NOW) is None
        assert cost_usd(free, used(1, 1), tier=tier, at=NOW) == 0


def test_a_deployment_is_priced_as_the_model_that_it_is() -> None:
    """Another id does not change the price, nor does a provider of one's own."""
    deployment = replace(MINI, id="my-deployment")
    assert cost_usd(deployment, used(1000, 500), at=NOW) == Decimal("0.00045")
    assert cost_usd(replace(deployment, provider="custom"), used(1000, 500), at=NOW) == Decimal(
        "0.00045"
    )


def test_another_providers_price_list_does_not_lose_the_tier() -> None:
    """Azure sells OpenAI's models; its own rates for a tier are not known from OpenAI's."""
    azure = replace(MINI, provider="azure", price_id="gpt-4.1-mini-2025-04-14")
    default = cost_usd(azure, used(10**6, 0), at=NOW)
    batch = cost_usd(azure, used(10**6, 0), tier="batch", at=NOW)
    assert default is not None
    assert batch is None or batch < default


@pytest.mark.parametrize("model", [MINI, OWN, Model.resolve("gpt-3.5-turbo"), LUNA])
def test_a_usage_that_contradicts_itself_has_no_cost(model: Model) -> None:
    """More cached than input tokens cannot be priced; nothing is raised."""
    cost = cost_usd(model, Usage(input_tokens=10, cached_tokens=20), at=NOW)
    assert cost is None or model.id == "gpt-3.5-turbo"


@pytest.fixture
def prices() -> Iterator[list[types.Provider]]:
    """A price list of genai-prices to fill; the bundled one returns after the test."""
    providers: list[types.Provider] = []
    set_custom_snapshot(DataSnapshot(providers=providers, from_auto_update=False))
    yield providers
    set_custom_snapshot(None)


def listed(*models: types.ModelInfo, fallback: str | None = None) -> types.Provider:
    """A provider's price list."""
    return types.Provider(
        id="azure" if fallback else "openai",
        name="",
        api_pattern="",
        models=list(models),
        fallback_model_providers=[fallback] if fallback else None,
    )


def priced(**rates: object) -> types.ModelInfo:
    """gpt-4o-mini with these rates and one for the batch tier."""
    return types.ModelInfo(
        id="gpt-4o-mini",
        match=types.ClauseEquals("gpt-4o-mini"),
        prices=types.ModelPrice(**cast("dict[str, Decimal]", rates)),
        price_variants=[
            types.PriceVariant(
                when={"processing": "batch"},
                prices=types.ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(1)),
            )
        ],
    )


def test_a_price_list_without_the_model_gives_no_price(prices: list[types.Provider]) -> None:
    """An empty or older list is not an error."""
    assert cost_usd(MINI, used(1, 1), at=NOW) is None
    prices.append(listed())
    assert cost_usd(MINI, used(1, 1), at=NOW) is None


@pytest.mark.parametrize("missing", ["input_mtok", "output_mtok"])
def test_a_price_list_with_half_a_price_gives_none(
    prices: list[types.Provider], missing: str
) -> None:
    """A rate that is not listed is unknown, not 0."""
    rates = {"input_mtok": Decimal(2), "output_mtok": Decimal(2)}
    del rates[missing]
    prices.append(listed(priced(**rates)))
    assert cost_usd(MINI, used(1, 1), at=NOW) is None


def test_a_damaged_price_list_gives_no_price(prices: list[types.Provider]) -> None:
    """Neither a rate that is no amount nor an unknown rate, warned of as an error, is raised."""
    prices.append(listed(priced(input_mtok="2", output_mtok=Decimal(2))))
    assert cost_usd(MINI, used(1, 1), at=NOW) is None
    prices[:] = [listed(priced(input_mtok=Decimal(2), output_mtok=Decimal(2), strange=Decimal(1)))]
    assert cost_usd(replace(MINI, price_id="GPT-4o-mini"), used(1, 1), at=NOW) is None


def test_a_tier_borrowed_from_another_provider_has_no_price(prices: list[types.Provider]) -> None:
    """genai-prices would answer with the default price there."""
    rates = {"input_mtok": Decimal(2), "output_mtok": Decimal(2)}
    prices += [listed(fallback="openai"), listed(priced(**rates))]
    azure = replace(MINI, provider="azure")
    assert cost_usd(azure, used(10**6, 0), at=NOW) == 2
    assert cost_usd(azure, used(10**6, 0), tier="batch", at=NOW) is None
    assert cost_usd(MINI, used(10**6, 0), tier="batch", at=NOW) == 1


def test_a_model_without_tiers_has_one_price(prices: list[types.Provider]) -> None:
    """No variant means no known tier."""
    model = replace(priced(input_mtok=Decimal(2), output_mtok=Decimal(2)), price_variants=None)
    prices.append(listed(model))
    assert cost_usd(MINI, used(10**6, 0), at=NOW) == 2
    assert cost_usd(MINI, used(10**6, 0), tier="batch", at=NOW) is None


def test_the_bundled_list_still_lacks_what_the_corrections_hold() -> None:
    """A correction that genai-prices has caught up with can go."""
    snapshot = get_snapshot()
    _, mini = snapshot.find_provider_model("ft:gpt-4o-mini-2024-07-18", None, "openai", None)
    assert mini.get_prices(NOW).cache_read_mtok is None
    with pytest.raises(LookupError, match=r"ft:gpt-4\.1-mini"):
        snapshot.find_provider_model("ft:gpt-4.1-mini-2025-04-14", None, "openai", None)


def test_costs_survive_pickling() -> None:
    """A cost goes to another process unchanged."""
    cost = cost_usd(MINI, used(1000, 500), at=NOW)
    assert pickle.loads(pickle.dumps(cost)) == cost  # noqa: S301 - our own bytes


@given(
    st.sampled_from([MINI, LUNA, Model.resolve("gpt-4o"), Model.resolve("claude-haiku-4.5")]),
    st.sampled_from(["default", "priority", "batch"]),
    st.integers(0, 300_000),
    st.integers(0, 300_000),
    st.integers(0, 20_000),
)
def test_kept_rates_give_what_a_lookup_gives(
    model: Model, tier: str, plain: int, cached: int, written: int
) -> None:
    """A price that was reckoned with kept rates is the price that the list gives for the usage."""
    usage = Usage(input_tokens=plain + cached, cached_tokens=cached, output_tokens=written)
    assert model.price_id is not None
    found = _looked_up(model.provider, model.price_id, usage, tier, NOW)
    assert cost_usd(model, usage, tier=tier, at=NOW) == (found.total_price if found else None)


def test_a_price_list_of_another_make_is_looked_up_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the list cannot be told from a newer one, no rates are kept, and prices are known."""
    monkeypatch.setitem(sys.modules, "genai_prices.data_snapshot", None)
    usage = Usage(input_tokens=1000, output_tokens=500)
    assert cost_usd(MINI, usage, at=NOW) == Decimal("0.00045")
