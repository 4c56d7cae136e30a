"""Shared limits that lie in Redis: for any number of processes on any number of machines."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from decimal import ROUND_CEILING, Context, Decimal
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

from minikit.calls.pace import SOON_S, RateLimit
from minikit.calls.shared import Asked, Standing
from minikit.calls.sharing.local import checked
from minikit.calls.sharing.state import stopped
from minikit.checks import check_text
from minikit.errors import ArgumentError, MissingExtraError, SharedLimitsError
from minikit.models.money import EXACT

if TYPE_CHECKING:
    from redis.commands.core import Script

__all__ = ["RedisLimits"]

UNIT_USD = Decimal("1e-12")
"""Redis counts whole numbers of 64 bits exactly; what a token costs is a whole number of these."""

MOST_USD = Decimal(9_000_000)
"""The largest budget whose units are such a number."""

LONGEST_LEASE_S = 30 * 86_400.0

_WHOLE = Context(prec=200, rounding=ROUND_CEILING)

TIMEOUT_S = 10.0


class RedisLimits:
    """One budget and one rate limit in Redis, for all clients that name it.

        limits = RedisLimits("redis://host/0", name="prod", budget_usd="5")
        client = Client(share=limits)

    What is spent stands under the name until `clear`, also when no client is left. The limits are
    the client's: one that is made with a larger budget may spend more. It pickles, with the URL.

    Needs `pip install 'minikit[redis]'` and Redis 5 or newer, or Valkey.
    """

    blocks = True

    def __init__(
        self,
        url: str,
        *,
        name: str,
        budget_usd: str | int | Decimal | None = None,
        rate_limit: RateLimit | None = None,
    ) -> None:
        """Name the limits; nothing is imported or connected before the first call.

        Args:
            url: Where Redis is, such as "redis://:password@host:6379/0", "rediss://..." for TLS.
            name: What tells these limits from others in the same Redis.
            budget_usd: US dollars that all calls may cost together, such as "5"; None: no limit.
            rate_limit: What may be sent to each model in a minute.

        Raises:
            ArgumentError: An option cannot be used.
        """
        check_text("url", url)
        check_text("name", name)
        self._budget_usd, self._rate_limit = checked(budget_usd, rate_limit)
        if self._budget_usd is not None and self._budget_usd > MOST_USD:
            raise ArgumentError(
                f"budget_usd={self._budget_usd:f} is more than Redis counts exactly: "
                f"at most {MOST_USD} US dollars"
            )
        self._url = url
        self._name = name

    def __repr__(self) -> str:
        return f"RedisLimits(name={self._name!r})"  # the URL may hold a password

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_script"}

    @property
    def has_budget(self) -> bool:
        """Whether money is limited."""
        return self._budget_usd is not None

    def admit(self, asked: Asked) -> float | None:
        """Reserve the money and the turn of a request; see `SharedLimits.admit`."""
        answer, *figures = self._ask(
            "admit",
            asked.ident,
            asked.run,
            self._units(min(asked.amount_usd, MOST_USD)),
            "" if self._budget_usd is None else self._units(self._budget_usd),
            asked.lane,
            asked.requests,
            asked.tokens,
            min(asked.lease_s, LONGEST_LEASE_S),
            *self._rates,
        )
        if answer == "stopped":
            raise stopped()
        if answer == "refused":
            raise self._standing(*figures).refusal(asked.amount_usd)
        if answer == "wait":
            return None
        seconds = float(figures[0])
        return 0.0 if seconds < SOON_S else seconds

    def settle(
        self,
        ident: str,
        cost_usd: Decimal | None,
        *,
        at_least: bool = False,
        unsent: bool = False,
    ) -> None:
        """Put what a request cost in the place of what was reserved; see `SharedLimits.settle`."""
        cost = "" if cost_usd is None else self._units(min(cost_usd, MOST_USD))
        self._ask("settle", ident, cost, _flag(at_least), _flag(unsent), *self._rates)

    def carry(self, key: str, spent_usd: Decimal, unknown_usd: Decimal) -> None:
        """Add what was spent before, and may have been, once for each `key`."""
        self._ask("carry", key, self._units(spent_usd), self._units(unknown_usd))

    def stop(self, run: str) -> None:
        """Admit no more requests of this run; see `SharedLimits.stop`."""
        self._ask("stop", run)

    def standing(self) -> Standing:
        """Return what stands against the budget."""
        return self._standing(*self._ask("standing"))

    def clear(self) -> None:
        """Forget all that stands under the name: what was spent, and who is in flight."""
        script = self._script
        with _reaching():
            script.registered_client.delete(*self._keys)

    @property
    def _keys(self) -> tuple[str, ...]:
        stem = f"minikit:{{{self._name}}}"  # the braces keep them together in a cluster
        return f"{stem}:sums", f"{stem}:admitted", f"{stem}:leases"

    @property
    def _rates(self) -> tuple[str | int, str | int]:
        limits = self._rate_limit.by_kind() if self._rate_limit else {}
        return limits.get("requests", ""), limits.get("tokens", "")

    @cached_property
    def _script(self) -> Script:
        try:
            from redis import Redis
        except ImportError as error:
            raise MissingExtraError(
                "shared limits in Redis need a package more: pip install 'minikit[redis]'"
            ) from error
        try:
            connect = cast("Callable[..., Redis]", Redis.from_url)  # pyright: ignore[reportUnknownMemberType]
            redis = connect(self._url, socket_timeout=TIMEOUT_S, decode_responses=True)
        except ValueError as error:
            raise ArgumentError(
                'url is no address of a Redis: write it like "redis://host:6379/0"'
            ) from error
        script = (files("minikit.calls.sharing") / "limits.lua").read_text("utf-8")
        return redis.register_script(script)

    def _ask(self, method: str, *values: str | float) -> list[str]:
        """Run the script; asked again after a broken connection, it takes nothing anew.

        Raises:
            SharedLimitsError: Redis does not answer, or refuses.
        """
        script = self._script
        with _reaching():
            answer: list[str] = script(keys=self._keys, args=(method, *values))
            return answer

    @staticmethod
    def _units(amount_usd: Decimal) -> str:
        """Return an amount in units, rounded up where it is no whole number of them."""
        return str(int(_WHOLE.quantize(EXACT.divide(amount_usd, UNIT_USD), Decimal(1))))

    def _standing(self, *units: str) -> Standing:
        spent, reserved, unknown = (EXACT.multiply(Decimal(each), UNIT_USD) for each in units)
        return Standing(
            budget_usd=self._budget_usd,
            spent_usd=spent,
            reserved_usd=reserved,
            unknown_usd=unknown,
        )


@contextmanager
def _reaching() -> Generator[None]:
    from redis import RedisError

    try:
        yield
    except RedisError as error:
        raise SharedLimitsError(
            f"Redis, which keeps the shared limits, does not answer ({error})"
        ) from error


def _flag(value: bool) -> str:
    return "1" if value else ""
