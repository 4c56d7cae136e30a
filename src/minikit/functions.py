"""The module functions: a client's methods, on a client made from the environment."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Unpack, cast, overload

from minikit.blocking import Client
from minikit.client import AsyncClient

if TYPE_CHECKING:
    from minikit.jobs.options import SummarizeOptions
    from minikit.jobs.plan import Models, Plan, Plans
    from minikit.jobs.summary import Summary
    from minikit.models.model import Model
    from minikit.text.document import Source

__all__ = ["aplan", "asummarize", "plan", "summarize"]


def summarize(
    source: Source,
    *,
    model: str | Model | None = None,
    **options: Unpack[SummarizeOptions],
) -> Summary:
    """Summarize a text of any length.

    Args:
        source: A str is text; a Path is a file of UTF-8 text; or a `Document`.
        model: The model to ask; default: the variable MINIKIT_MODEL, else "gpt-4o-mini".
        **options: What to ask for, such as `length`, `detail`, `focus`, `language` or `cite`; see
            `SummarizeOptions`.

    Returns:
        The summary, with the passages that each sentence rests on, its cost and its calls.

    Raises:
        SourceError: The source is empty, or the file cannot be read as text.
        ArgumentError: An option cannot be used.
        MissingKeyError: OPENAI_API_KEY is not set; `model="offline"` needs none.
        CallError: The first call failed for good.
        JobError: A later one did; the error carries what the others brought.
    """
    return _default_client().summarize(source, model=model, **options)


async def asummarize(
    source: Source,
    *,
    model: str | Model | None = None,
    **options: Unpack[SummarizeOptions],
) -> Summary:
    """Summarize a text of any length; the async twin of `summarize`, for asyncio and trio.

    Makes a client for this one job; hold an `AsyncClient` to keep the connections.
    """
    async with AsyncClient() as client:
        return await client.summarize(source, model=model, **options)


@overload
def plan(
    source: Source,
    *,
    model: str | Model | None = None,
    **options: Unpack[SummarizeOptions],
) -> Plan: ...


@overload
def plan(
    source: Source,
    *,
    model: Models,
    **options: Unpack[SummarizeOptions],
) -> Plans: ...


def plan(
    source: Source,
    *,
    model: str | Model | Models | None = None,
    **options: Unpack[SummarizeOptions],
) -> Plan | Plans:
    """Work out what `summarize` would take with the same arguments, without a network or a key.

    Args:
        source: As for `summarize`.
        model: As for `summarize`, or a list of models to set side by side.
        **options: As for `summarize`.

    Returns:
        The calls, exact for the chunks and as bounds for the merges, and the bounds of the cost.
        Of a list of models a `Plans`, whose `str` is a table.

    Raises:
        SourceError: The source is empty, or the file cannot be read as text.
        ArgumentError: An option cannot be used.
    """
    one = cast("str", model)  # or several: what comes back is told by the overloads
    return _default_client().plan(source, model=one, **options)


@overload
async def aplan(
    source: Source,
    *,
    model: str | Model | None = None,
    **options: Unpack[SummarizeOptions],
) -> Plan: ...


@overload
async def aplan(
    source: Source,
    *,
    model: Models,
    **options: Unpack[SummarizeOptions],
) -> Plans: ...


async def aplan(
    source: Source,
    *,
    model: str | Model | Models | None = None,
    **options: Unpack[SummarizeOptions],
) -> Plan | Plans:
    """Work out what `asummarize` would take; the async twin of `plan`."""
    return await AsyncClient().plan(source, model=cast("str", model), **options)  # as in `plan`


@cache
def _default_client() -> Client:
    return Client()
