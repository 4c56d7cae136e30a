"""The core of the client: one account, one pipeline, and single calls through it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, cast, overload

from minikit.calls.batching.settings import BatchStatus, Sending
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
from minikit.calls.shared import SharedLimits
from minikit.calls.stream import AsyncCompletionStream
from minikit.calls.structured import Forms, ParsedCompletion, complete_structured
from minikit.checks import check_number
from minikit.jobs.plan import VerbPlan
from minikit.jobs.queuing import queued
from minikit.jobs.verb import Setting
from minikit.models.model import DEFAULT_MODEL, Model

if TYPE_CHECKING:
    from types import TracebackType

    import openai


__all__ = ["AsyncCore"]

T = TypeVar("T")
J = TypeVar("J")
P = TypeVar("P", bound=VerbPlan)


class AsyncCore:
    """What `AsyncClient` is made of; its verbs are methods of the class that is made of this."""

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
        share: SharedLimits | None = None,
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
            share: A budget and a rate limit kept together with other clients, processes or
                machines, such as a `RedisLimits`; beside this client's own.
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
            share=share,
            journal=None if journal is None else Journal(journal),
            hooks=hooks,
        )
        self._forms = Forms()
        self._settings: Mapping[str, Any] = {
            "model": model,
            "api_key": None if api_key is None else "<key>",  # only whether one was given matters
            "base_url": base_url,
            "openai_client": openai_client,
            "retry": retry,
            "max_concurrency": max_concurrency,
            "rate_limit": rate_limit,
            "timeout_s": timeout_s,
            "budget_usd": budget_usd,
            "share": share,
            "journal": journal,
            "hooks": hooks,
        }

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

    async def batches(self, *, model: str | Model | None = None) -> tuple[BatchStatus, ...]:
        """Return what became of the batches that calls have travelled in, the newest first.

        With a journal they are those that it knows, else those of the last 100 of the account that
        were made by minikit.

        Args:
            model: A model of the server to ask; default: that of the client.

        Raises:
            ArgumentError: The model is the offline one, which knows no batches.
            MissingKeyError: There is no key for the model's server.
            CallError: The server does not tell.
            JournalError: The journal cannot be read.
        """
        known = await self._pipeline.batches(self._resolved(model))
        return await known.all()

    async def cancel_batch(self, batch_id: str, *, model: str | Model | None = None) -> BatchStatus:
        """Cancel a batch; what the server has done by then is paid for.

        A job that waits for it ends with an error, with what the done calls have brought.

        Args:
            batch_id: The server's id of it, such as `BatchStatus.id`.
            model: As for `batches`.

        Raises:
            ArgumentError: As for `batches`.
            MissingKeyError: As for `batches`.
            CallError: The server does not know it, or cannot cancel it any more.
            JournalError: The journal cannot be read.
        """
        known = await self._pipeline.batches(self._resolved(model))
        return await known.cancel(batch_id)

    async def wait_for_batch(
        self, batch_id: str, *, poll_s: float = 30.0, model: str | Model | None = None
    ) -> BatchStatus:
        """Wait until a batch is over, and keep what it has brought in the journal.

        The job that it belongs to, run again, then finds the replies there. Cancellation only ends
        the waiting.

        Args:
            batch_id: The server's id of it, such as `BatchStatus.id`.
            poll_s: Seconds between two looks at most; 0.001 or more.
            model: As for `batches`.

        Raises:
            ArgumentError: As for `batches`.
            MissingKeyError: As for `batches`.
            CallError: The server does not know it, or does not tell.
            JournalError: The journal cannot be used.
        """
        check_number("poll_s", poll_s, 0.001)
        known = await self._pipeline.batches(self._resolved(model))
        return await known.wait(batch_id, poll_s=poll_s)

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

    def _join(self, run: str) -> Self:
        """Become part of a run that other clients are part of, as shared limits know it."""
        self._pipeline.run = run
        return self

    def _resolved(self, model: str | Model | None) -> Model:
        if model is None:
            model = self._model or os.environ.get("MINIKIT_MODEL") or DEFAULT_MODEL
        return Model.resolve(model)

    @property
    def _setting(self) -> Setting:
        limit = self._pipeline.rate_limit
        return Setting(
            max_concurrency=self._pipeline.max_concurrency,
            requests_per_minute=limit.requests_per_minute if limit else None,
            tokens_per_minute=limit.tokens_per_minute if limit else None,
        )

    async def _prepared(
        self,
        prepare: Callable[..., J],
        *arguments: object,
        model: str | Model | None,
        **options: object,
    ) -> J:
        """Plan a job of a verb, in a thread; see `minikit.jobs.verb`.

        Raises:
            MissingKeyError: There is no key for the model's server.
            ArgumentError: The job cannot be done as it is asked for.
        """
        resolved = self._resolved(model)
        self._pipeline.check_key(resolved)
        return await self._planned(prepare, *arguments, model=resolved, **options)

    async def _planned(self, prepare: Callable[..., J], *arguments: object, **options: object) -> J:
        setting = self._setting.by(cast("Sending", options.get("engine", "local")))
        made = await in_thread(partial(prepare, *arguments, setting=setting, **options))
        model = options.get("model")
        if isinstance(made, VerbPlan) and isinstance(model, Model):
            return cast("J", self._queued(made, model, options))
        return made

    def _queued(self, plan: P, model: Model, options: Mapping[str, object]) -> P:
        """Let a plan tell which batches wait for one another, for the money or for the memory."""
        limit, budget = options.get("budget_usd"), self._pipeline.account.budget
        budgets = [] if limit is None else [Decimal(str(limit))]  # it was checked with the others
        if budget is not None:
            budgets.append(budget.left_usd)
        return queued(plan, model, cast("Sending", options.get("engine", "local")), budgets)
