"""What a call costs: prices by day and service tier, exact in Decimal."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

from minikit.models import table
from minikit.models.model import Price
from minikit.models.money import EXACT
from minikit.models.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from genai_prices.types import PriceCalculation, PriceVariant

    from minikit.models.model import Model

__all__ = ["TIERS", "cost_usd"]

# The context by which genai-prices tells the tiers apart. "fast" is the newer name of "priority"
# (genai-prices 0.2.3, price comments of the gpt-6 models, read 2026-11-22).
_TIER_CONTEXTS: Mapping[str, Mapping[str, str]] = {
    "default": {},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast"},
    "batch": {"processing": "batch"},
}
TIERS = tuple(_TIER_CONTEXTS)

_PLAIN_TIERS = frozenset({"", "on_demand", "standard"})
"""What compatible servers call the default tier."""

_MILLION = 1_000_000

# What a lookup in genai-prices can end in, a warning made an error and a newer or older interface
# included: the price is then unknown, and the call goes on.
_LOOKUP_TROUBLE = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    TypeError,
    ValueError,
    Warning,
)


def cost_usd(
    model: Model, usage: Usage, *, tier: str = "default", at: datetime | None = None
) -> Decimal | None:
    """Return the price of `usage` in US dollars, or None where it is unknown; never 0 instead.

    Prices come from the model's own `price`, else from the corrections in `models.json`, else from
    genai-prices, which is imported at the first call (0.2 s) and never uses the network by itself.
    The price of a tier is unknown before the day from which its rates are recorded.

    Args:
        model: The model that answered.
        usage: What it took.
        tier: The service tier named in the reply, or "batch"; one of `TIERS`.
        at: When the call was made; naive times are UTC. None: now.

    Returns:
        An exact amount, or None: no price is known for the model, the tier, or the tier at that
        time, or `usage` contradicts itself (more cached than input tokens).
    """
    tier = "default" if tier in _PLAIN_TIERS else tier
    if tier not in _TIER_CONTEXTS:
        return None
    moment = _in_utc(at or datetime.now(UTC))
    if model.price is not None:
        share = _share(model.price, tier)
        whole = None if share is None else _priced(model.price, usage)
        return None if whole is None or share is None else EXACT.multiply(whole, share)
    if model.price_id is None:
        return None
    corrected = _correction(model.price_id, tier, moment)
    if corrected is not None:
        return _priced(corrected, usage)
    rates = _plain_rates(model.provider, model.price_id, tier, moment)
    if rates is not None:
        return _priced(rates, usage)
    found = _looked_up(model.provider, model.price_id, usage, tier, moment)
    return found.total_price if found else None


def _in_utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _priced(price: Price, usage: Usage) -> Decimal | None:
    if usage.cached_tokens > usage.input_tokens:
        return None
    cached = price.cached_usd_per_mtok
    if cached is None:
        cached = price.input_usd_per_mtok
    with localcontext(EXACT):
        return (
            (usage.input_tokens - usage.cached_tokens) * price.input_usd_per_mtok
            + usage.cached_tokens * cached
            + usage.output_tokens * price.output_usd_per_mtok
        ) / _MILLION


def _share(price: Price, tier: str) -> Decimal | None:
    """Return what a tier costs as a share of a price of one's own, or None where nobody knows."""
    if tier == "default" or price.is_free:
        return Decimal(1)
    return price.batch_share if tier == "batch" else None


def _correction(price_id: str, tier: str, at: datetime) -> Price | None:
    records = [
        record
        for record in table.price_records(price_id)
        if record["tier"] == tier and record["since"] <= at.date().isoformat()
    ]
    return Price(**records[-1]["price"]) if records else None


class _Kept:
    """Rates that were looked up in one price list."""

    def __init__(self, prices: object) -> None:
        self.prices = prices
        self.rates: dict[tuple[str, str, str, datetime], Price | None] = {}


_kept = _Kept(None)
_MOST_KEPT = 1_000


def _plain_rates(provider: str, price_id: str, tier: str, moment: datetime) -> Price | None:
    """Return the rates of a price that has three and no steps; they are kept for a minute.

    A lookup takes 0.2 ms, a tenth of a call. What has more to it than three rates is None, and is
    looked up for each usage.
    """
    global _kept  # noqa: PLW0603 - a new price list takes the place of the old one's rates
    try:
        from genai_prices.data_snapshot import get_snapshot

        prices = get_snapshot()
        if _kept.prices is not prices or len(_kept.rates) > _MOST_KEPT:
            _kept = _Kept(prices)
        key = (provider, price_id, tier, moment.replace(second=0, microsecond=0))
        rates = _kept.rates
        if key not in rates:
            usage = Usage(input_tokens=1, output_tokens=1)
            rates[key] = _plain(_looked_up(provider, price_id, usage, tier, key[3]))
        return rates[key]
    except _LOOKUP_TROUBLE:
        return None


def _plain(found: PriceCalculation | None) -> Price | None:
    if found is None:
        return None
    rates: dict[str, object] = vars(found.model_price)
    three = [rates.get(name) for name in ("input_mtok", "output_mtok", "cache_read_mtok")]
    given = [rate for rate in three if isinstance(rate, Decimal)]
    if len(given) < len(three) or rates.get("cache_write_mtok") is not None:
        return None
    return Price(
        input_usd_per_mtok=given[0], output_usd_per_mtok=given[1], cached_usd_per_mtok=given[2]
    )


def _looked_up(
    provider: str, price_id: str, usage: Usage, tier: str, moment: datetime
) -> PriceCalculation | None:
    try:
        from genai_prices import Usage as PricedUsage
        from genai_prices import calc_price

        with localcontext(EXACT):
            found = calc_price(
                PricedUsage(
                    input_tokens=usage.input_tokens,
                    cache_read_tokens=usage.cached_tokens,
                    cache_write_tokens=usage.cache_write_tokens,
                    output_tokens=usage.output_tokens,
                ),
                price_id,
                provider_id=None if provider == "custom" else provider,
                genai_request_timestamp=moment,
                price_context=_TIER_CONTEXTS[tier],
            )
        return found if _is_complete(found, _TIER_CONTEXTS[tier], moment) else None
    except _LOOKUP_TROUBLE:
        return None


def _is_complete(found: PriceCalculation, context: Mapping[str, str], at: datetime) -> bool:
    """Tell whether a price covers text at this tier.

    genai-prices counts a missing rate as 0, gives the default price where a tier has none, and
    drops the tier where one provider's model is priced as another's
    (https://github.com/pydantic/genai-prices, `ModelInfo.get_prices` and `calc_price` of 0.2.3,
    read 2026-11-22).
    """
    rates = (found.model_price.input_mtok, found.model_price.output_mtok)
    if None in rates:
        return False
    return not context or (
        any(found.model is model for model in found.provider.models)
        and any(_is_active(variant, context, at) for variant in found.model.price_variants or ())
    )


def _is_active(variant: PriceVariant, context: Mapping[str, str], at: datetime) -> bool:
    constraint = variant.constraint
    return variant.when == context and (constraint is None or constraint.active(at))
