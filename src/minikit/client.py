"""The client: everything below, composed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar, Unpack, overload

from minikit.calls.budget import Budget, read_usd
from minikit.calls.completion import Completion
from minikit.calls.hooks import Hook
from minikit.calls.journal import Journal
from minikit.calls.ledger import Ledger
from minikit.calls.pace import RateLimit
from minikit.calls.pipeline import Pipeline, in_thread
from minikit.calls.request import CompleteOptions, Prompt, Request
from minikit.calls.retry import Retry
from minikit.calls.schema import Schema
from minikit.calls.stream import AsyncCompletionStream
from minikit.calls.structured import Forms, ParsedCompletion, complete_structured
from minikit.jobs.options import Options, SummarizeOptions
from minikit.jobs.plan import Models, Plan, Plans
from minikit.jobs.prepare import Job, prepare, readable
from minikit.jobs.stream import AsyncSummaryStream
from minikit.jobs.summarize import run
from minikit.jobs.summary import Summary
from minikit.models.model import DEFAULT_MODEL, Model
from minikit.text.document import Document, Source

if TYPE_CHECKING:
    from types import TracebackType

    import openai

    from minikit.jobs.tally import Listener

__all__ = ["AsyncClient"]

T = TypeVar("T")


class AsyncClient:
    """A client for asyncio and trio.

    Safe to use from any number of tasks. Each event loop gets its own connections, so one client
    can serve several loops, one after the other or in several threads.
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
        """Make a client; nothing is imported, read or connected before the first call.

        Args:
            model: Id or description of the model to ask; default: the variable MINIKIT_MODEL,
                else "gpt-4o-mini". "offline" selects sentences on this machine, without a key
                or a cost.
            api_key: Key of the server; default: OPENAI_API_KEY (for Claude at Anthropic
                ANTHROPIC_API_KEY, for Gemini at Google GEMINI_API_KEY).
            base_url: Address of an OpenAI-compatible server, such as
                "http://localhost:8000/v1"; default: OPENAI_BASE_URL, else the model's provider.
            openai_client: An `openai.AsyncOpenAI` of your own (Azure, proxies) to send through,
                in place of `api_key` and `base_url`; `retry` takes the place of its retries,
                and closing it stays with you.
            retry: How often and how long a call is tried; default: `Retry()`.
            max_concurrency: Calls in flight at most; >= 1.
            rate_limit: Requests and tokens a minute that the account allows; default: learned
                from the headers of the replies.
            timeout_s: Seconds that one attempt may take; default: grows with the tokens
                expected, 30 s + 1 s per 1,000 read + 1 s per 10 written.
            budget_usd: US dollars that all calls of this client may cost together, such as
                "0.50". A call that could pass it is not sent: the most that it can cost is
                reserved before, and what it did cost is settled after.
            journal: File in which replies are kept, made where there is none: a call whose
                reply stands there is answered from it and not paid for again, and what it has
                cost counts against `budget_usd`. It holds replies and hashes of prompts, and
                can be shared by threads and processes.
            hooks: Functions that are called with each `Event`.

        Raises:
            ArgumentError: An option cannot be used.
            UnknownModelError: No row describes the model.
        """
        self._model = None if model is None else Model.resolve(model)
        self._pipeline = Pipeline(
            api_key=api_key,
            base_url=base_url,
            openai_client=openai_client,
            retry=retry or Retry(),
            max_concurrency=max_concurrency,
            rate_limit=rate_limit,
            timeout_s=timeout_s,
            budget=None if budget_usd is None else Budget(read_usd("budget_usd", budget_usd)),
            journal=None if journal is None else Journal(journal),
            hooks=hooks,
        )
        self._forms = Forms()

    @property
    def ledger(self) -> Ledger:
        """What each request of this client took and cost, failed ones included."""
        return self._pipeline.account.ledger

    @overload
    async def complete(
        self,
        prompt: Prompt,
        *,
        schema: type[T],
        model: str | Model | None = None,
        **options: Unpack[CompleteOptions],
    ) -> ParsedCompletion[T]: ...

    @overload
    async def complete(
        self,
        prompt: Prompt,
        *,
        schema: None = None,
        model: str | Model | None = None,
        **options: Unpack[CompleteOptions],
    ) -> Completion: ...

    async def complete(
        self,
        prompt: Prompt,
        *,
        schema: type[T] | None = None,
        model: str | Model | None = None,
        **options: Unpack[CompleteOptions],
    ) -> Completion:
        """Ask the model once.

        Args:
            prompt: A text, a message, or messages (`Message` or mappings), oldest first.
            schema: What the reply shall be: a pydantic model, a dataclass, `list[...]` of one, or
                anything else that pydantic reads. The reply's `parsed` is then a value of it; a
                reply that does not fit is shown to the model with what is wrong, twice at most.
            model: Another model than the client's.
            **options: `system`, `max_output_tokens`, `temperature`, `seed` and `tier`; see
                `CompleteOptions`.

        Returns:
            The reply, what it cost, and the attempts it took.

        Raises:
            ArgumentError: An argument cannot be used.
            ContextOverflowError: The prompt and the reserved output do not fit into the window.
            MissingKeyError: There is no key for the model's server.
            BudgetExceededError: The call could cost more than is left of the budget.
            JournalError: The journal cannot be used.
            OutputTruncatedError: With a schema, the reply was cut off by its length.
            SchemaError: The reply does not fit the schema.
            CallError: No reply that can be used; the subclass says what to do.
        """
        request = Request.of(prompt, model=self._resolved(model), **options)
        if schema is None:
            return await self._pipeline.send(request)
        return await self._complete_as(schema, request)

    def stream(
        self,
        prompt: Prompt,
        *,
        model: str | Model | None = None,
        **options: Unpack[CompleteOptions],
    ) -> AsyncCompletionStream:
        """Ask the model once, and read the reply as it is written.

        Nothing is sent before the stream is opened with `async with`.

        Args:
            prompt: As for `complete`.
            model: Another model than the client's.
            **options: As for `complete`.

        Returns:
            A stream to open with `async with` and to read with `async for`; its `completion` is
            the whole reply at the end.

        Raises:
            ArgumentError: An argument cannot be used.
        """
        request = Request.of(prompt, model=self._resolved(model), **options)
        return AsyncCompletionStream(self._pipeline, request, "stream")

    async def summarize(
        self,
        source: Source,
        *,
        model: str | Model | None = None,
        **options: Unpack[SummarizeOptions],
    ) -> Summary:
        """Summarize a text of any length.

        A text that can be read evenly in one call takes one. A longer one is cut into even chunks
        at headings, paragraphs and sentences; each is summarized, several at a time, and the
        summaries are merged, in order and in as many levels as it takes. Cancellation ends the
        calls in flight.

        Args:
            source: A str is text; a Path is a file of UTF-8 text; or a `Document`.
            model: Another model than the client's.
            **options: What to ask for, such as `length`, `detail`, `focus`, `language` or `cite`;
                see `SummarizeOptions`.

        Returns:
            The summary, with the passages that each sentence rests on, its cost and its calls.

        Raises:
            SourceError: The source is empty, or the file cannot be read as text.
            ArgumentError: An option cannot be used.
            MissingKeyError: There is no key for the model's server.
            BudgetExceededError: The budget does not allow the next call; the error carries what
                the others brought.
            CallError: The first call failed for good.
            JobError: A later one did; the error carries what the others brought.
        """
        return await self._summarize(source, self._resolved(model), Options(**options))

    def stream_summary(
        self,
        source: Source,
        *,
        model: str | Model | None = None,
        **options: Unpack[SummarizeOptions],
    ) -> AsyncSummaryStream:
        """Summarize a text of any length, and hear of each call and of the text as it is written.

        Nothing is sent before the stream is opened with `async with`.

        Args:
            source: As for `summarize`.
            model: As for `summarize`.
            **options: As for `summarize`.

        Returns:
            A stream to open with `async with` and to read with `async for`; its `summary` is the
            summary at the end.

        Raises:
            ArgumentError: An option cannot be used.
        """
        resolved, checked = self._resolved(model), Options(**options)
        return AsyncSummaryStream(partial(self._summarize, source, resolved, checked))

    @overload
    async def plan(
        self,
        source: Source,
        *,
        model: str | Model | None = None,
        **options: Unpack[SummarizeOptions],
    ) -> Plan: ...

    @overload
    async def plan(
        self,
        source: Source,
        *,
        model: Models,
        **options: Unpack[SummarizeOptions],
    ) -> Plans: ...

    async def plan(
        self,
        source: Source,
        *,
        model: str | Model | Models | None = None,
        **options: Unpack[SummarizeOptions],
    ) -> Plan | Plans:
        """Work out what `summarize` would take with the same arguments, without a network.

        Args:
            source: As for `summarize`.
            model: As for `summarize`, or a list of models to set side by side.
            **options: As for `summarize`.

        Returns:
            The calls, exact for the chunks and as bounds for the merges, and the bounds of the
            cost. Of a list of models a `Plans`, whose `str` is a table.

        Raises:
            SourceError: The source is empty, or the file cannot be read as text.
            ArgumentError: An option cannot be used.
        """
        checked = Options(**options)
        if isinstance(model, list | tuple):
            each = [self._resolved(one) for one in model]
            document = await in_thread(partial(readable, source))
            jobs = [await in_thread(partial(self._prepare, document, one, checked)) for one in each]
            return Plans(plans=tuple(job.plan for job in jobs))
        resolved = self._resolved(model)
        document = await in_thread(partial(readable, source))
        return (await in_thread(partial(self._prepare, document, resolved, checked))).plan

    async def aclose(self) -> None:
        """Close the connections of this event loop; later calls raise ClosedError."""
        await self._pipeline.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _complete_as(self, kind: type[T], request: Request) -> ParsedCompletion[T]:
        schema = await in_thread(lambda: Schema[T].of(kind))
        return await complete_structured(self._pipeline.send, request, schema, forms=self._forms)

    async def _summarize(
        self, source: Source, model: Model, options: Options, listen: Listener | None = None
    ) -> Summary:
        document = await in_thread(partial(readable, source))
        self._pipeline.check_key(model)
        job = await in_thread(partial(self._prepare, document, model, options))
        return await run(job, self._pipeline, listen)

    def _resolved(self, model: str | Model | None) -> Model:
        if model is None:
            model = self._model or os.environ.get("MINIKIT_MODEL") or DEFAULT_MODEL
        return Model.resolve(model)

    def _prepare(self, document: Document, model: Model, options: Options) -> Job:
        pipeline = self._pipeline
        return prepare(
            document,
            model,
            options,
            concurrency=pipeline.max_concurrency,
            rate_limit=pipeline.rate_limit,
        )
