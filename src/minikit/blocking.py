"""The blocking client: `AsyncClient` on an event loop of its own."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar, Unpack, cast, overload

from minikit.calls.budget import read_usd
from minikit.calls.completion import Completion
from minikit.calls.hooks import Hook
from minikit.calls.ledger import Ledger
from minikit.calls.pace import RateLimit
from minikit.calls.request import CompleteOptions, Prompt
from minikit.calls.retry import Retry
from minikit.calls.structured import ParsedCompletion
from minikit.client import AsyncClient
from minikit.jobs.options import SummarizeOptions
from minikit.jobs.plan import Models, Plan, Plans
from minikit.jobs.summary import Summary
from minikit.models.model import Model
from minikit.portal import Loop
from minikit.streams import CompletionStream, SummaryStream
from minikit.text.document import Source

if TYPE_CHECKING:
    from types import TracebackType

    import openai

__all__ = ["Client"]

T = TypeVar("T")


class Client:
    """A blocking client: `AsyncClient` on an event loop of its own.

    Safe to use from any number of threads, also from one in which an event loop runs, as in a
    notebook. Close it with `close()` or `with`; what is left open is closed at exit.
    """

    def __init__(
        self,
        *,
        model: str | Model | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        openai_client: openai.AsyncOpenAI | None = None,
        retry: Retry | None = None,
        max_concurrency: int = 16,
        rate_limit: RateLimit | None = None,
        timeout_s: float | None = None,
        budget_usd: str | int | Decimal | None = None,
        journal: str | Path | None = None,
        hooks: Sequence[Hook] = (),
    ) -> None:
        """Make a client; see `AsyncClient`."""
        self._client = AsyncClient(
            model=model,
            api_key=api_key,
            base_url=base_url,
            openai_client=openai_client,
            retry=retry,
            max_concurrency=max_concurrency,
            rate_limit=rate_limit,
            timeout_s=timeout_s,
            budget_usd=None if budget_usd is None else read_usd("budget_usd", budget_usd),
            journal=journal,
            hooks=hooks,
        )
        self._loop = Loop(closing=self._client.aclose)
        weakref.finalize(self, self._loop.release).atexit = False

    @property
    def ledger(self) -> Ledger:
        """What each request of this client took and cost, failed ones included."""
        return self._client.ledger

    @overload
    def complete(
        self,
        prompt: Prompt,
        *,
        schema: type[T],
        model: str | Model | None = None,
        **options: Unpack[CompleteOptions],
    ) -> ParsedCompletion[T]: ...

    @overload
    def complete(
        self,
        prompt: Prompt,
        *,
        schema: None = None,
        model: str | Model | None = None,
        **options: Unpack[CompleteOptions],
    ) -> Completion: ...

    def complete(
        self,
        prompt: Prompt,
        *,
        schema: type[T] | None = None,
        model: str | Model | None = None,
        **options: Unpack[CompleteOptions],
    ) -> Completion:
        """Ask the model once; see `AsyncClient.complete`."""
        ask = self._client.complete
        if schema is None:
            return self._loop.call(partial(ask, prompt, model=model, **options))
        return self._loop.call(partial(ask, prompt, schema=schema, model=model, **options))

    def stream(
        self,
        prompt: Prompt,
        *,
        model: str | Model | None = None,
        **options: Unpack[CompleteOptions],
    ) -> CompletionStream:
        """Ask the model once, and read the reply as it is written; see `AsyncClient.stream`."""
        return CompletionStream(self._loop, self._client.stream(prompt, model=model, **options))

    def summarize(
        self,
        source: Source,
        *,
        model: str | Model | None = None,
        **options: Unpack[SummarizeOptions],
    ) -> Summary:
        """Summarize a text of any length; see `AsyncClient.summarize`."""
        return self._loop.call(partial(self._client.summarize, source, model=model, **options))

    def stream_summary(
        self,
        source: Source,
        *,
        model: str | Model | None = None,
        **options: Unpack[SummarizeOptions],
    ) -> SummaryStream:
        """Summarize, and hear of it as it comes about; see `AsyncClient.stream_summary`."""
        stream = self._client.stream_summary(source, model=model, **options)
        return SummaryStream(self._loop, stream)

    @overload
    def plan(
        self,
        source: Source,
        *,
        model: str | Model | None = None,
        **options: Unpack[SummarizeOptions],
    ) -> Plan: ...

    @overload
    def plan(
        self,
        source: Source,
        *,
        model: Models,
        **options: Unpack[SummarizeOptions],
    ) -> Plans: ...

    def plan(
        self,
        source: Source,
        *,
        model: str | Model | Models | None = None,
        **options: Unpack[SummarizeOptions],
    ) -> Plan | Plans:
        """Work out what `summarize` would take; see `AsyncClient.plan`."""
        one = cast("str", model)  # or several: what comes back is told by the overloads
        return self._loop.call(partial(self._client.plan, source, model=one, **options))

    def close(self) -> None:
        """Cancel what is under way and close the connections; later calls raise ClosedError."""
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
