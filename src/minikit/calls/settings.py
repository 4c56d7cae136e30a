"""Whether a client is made of values of the right kinds, which types alone do not hold."""

from __future__ import annotations

from minikit.calls.pace import RateLimit
from minikit.calls.retry import Retry
from minikit.errors import ArgumentError

__all__ = ["check_limits", "check_route"]


def check_route(api_key: object, base_url: object, sdk: object) -> None:
    """Check what leads to a server.

    Raises:
        ArgumentError: A value is of another kind.
    """
    for name, value in (("api_key", api_key), ("base_url", base_url)):
        if not isinstance(value, str | None):
            raise ArgumentError(f"{name} is a str or None, not {type(value).__name__}")
    if sdk is not None and "AsyncOpenAI" not in {kind.__name__ for kind in type(sdk).__mro__}:
        raise ArgumentError(f"openai_client is an AsyncOpenAI, not {type(sdk).__name__}")


def check_limits(retry: object, rate_limit: object, share: object) -> None:
    """Check what calls are held by.

    Raises:
        ArgumentError: A value is of another kind.
    """
    if not isinstance(retry, Retry):
        raise ArgumentError(f"retry is a Retry(...), not {type(retry).__name__}")
    if not isinstance(rate_limit, RateLimit | None):
        raise ArgumentError(f"rate_limit is a RateLimit(...), not {type(rate_limit).__name__}")
    if share is not None and not callable(getattr(share, "admit", None)):
        raise ArgumentError(
            f"share is a LocalLimits(...), a RedisLimits(...) or another SharedLimits, "
            f"not {type(share).__name__}"
        )
