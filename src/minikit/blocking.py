"""The blocking client: `AsyncClient` on an event loop of its own."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, cast, overload

from minikit.batched import BlockingBatches
from minikit.calls.budget import read_usd
from minikit.calls.completion import Completion
from minikit.calls.hooks import Hook
from minikit.calls.ledger import Ledger
from minikit.calls.pace import RateLimit
from minikit.calls.request import CompleteOptions, Prompt
from minikit.calls.retry import Retry
from minikit.calls.shared import SharedLimits
from minikit.calls.structured import ParsedCompletion
from minikit.client import AsyncClient
from minikit.jobs.plan import Models, Plan, Plans, VerbPlan
from minikit.jobs.planning import Verb
from minikit.jobs.summarizing.options import SummarizeOptions
from minikit.jobs.summarizing.summary import Summary
from minikit.models.model import Model
from minikit.portal import Loop
from minikit.streams import CompletionStream, SummaryStream
from minikit.text.document import Source

if TYPE_CHECKING:
    from types import TracebackType

    import openai

    from minikit.chats import Chat
    from minikit.jobs.ask import Answer, AskOptions
    from minikit.jobs.chatting.options import ChatOptions
    from minikit.jobs.compare import CompareOptions
    from minikit.jobs.completing.rows import Rows
    from minikit.jobs.corpus.entries import Documents
    from minikit.jobs.corpus.options import CorpusVerb, SummarizeManyOptions
    from minikit.jobs.describe import DescribeOptions, Description
    from minikit.jobs.extract import Extraction, ExtractOptions
    from minikit.jobs.many import ManyOptions
    from minikit.jobs.measuring.comparison import Comparison
    from minikit.jobs.needle import NeedleOptions, NeedleReport
    from minikit.jobs.translate import TranslateOptions, Translation
    from minikit.outcomes import DocumentOutcomes, Outcomes
    from minikit.text.document import Sources
    from minikit.tokens.image_files import ImageSource

__all__ = ["Client"]

T = TypeVar("T")


class Client(BlockingBatches):
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
        share: SharedLimits | None = None,
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
            share=share,
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

    def ask(
        self,
        source: Sources,
        question: str,
        *,
        model: str | Model | None = None,
        **options: Unpack[AskOptions],
    ) -> Answer:
        """Answer a question from documents of any size; see `AsyncClient.ask`."""
        ask = partial(self._client.ask, source, question, model=model, **options)
        return self._loop.call(ask)

    def extract(
        self,
        source: Sources,
        schema: type[T],
        *,
        model: str | Model | None = None,
        **options: Unpack[ExtractOptions],
    ) -> Extraction[T]:
        """Read values of a type out of documents of any size; see `AsyncClient.extract`."""
        extract = self._client.extract
        return self._loop.call(partial(extract, source, schema, model=model, **options))

    def translate(
        self,
        source: Source,
        language: str,
        *,
        model: str | Model | None = None,
        **options: Unpack[TranslateOptions],
    ) -> Translation:
        """Translate a text or a file of any length; see `AsyncClient.translate`."""
        translate = self._client.translate
        return self._loop.call(partial(translate, source, language, model=model, **options))

    @overload
    def describe(
        self,
        image: ImageSource | Sequence[ImageSource],
        question: str | None = None,
        *,
        schema: type[T],
        model: str | Model | None = None,
        **options: Unpack[DescribeOptions],
    ) -> Description[T]: ...

    @overload
    def describe(
        self,
        image: ImageSource | Sequence[ImageSource],
        question: str | None = None,
        *,
        schema: None = None,
        model: str | Model | None = None,
        **options: Unpack[DescribeOptions],
    ) -> Description[None]: ...

    def describe(
        self,
        image: ImageSource | Sequence[ImageSource],
        question: str | None = None,
        *,
        schema: type[T] | None = None,
        model: str | Model | None = None,
        **options: Unpack[DescribeOptions],
    ) -> Description[T] | Description[None]:
        """Say what images show; see `AsyncClient.describe`."""
        describe = self._client.describe
        kind = cast("type[T]", schema)  # or None: what comes back is told by the overloads
        return self._loop.call(
            partial(describe, image, question, schema=kind, model=model, **options)
        )

    @overload
    def complete_many(
        self,
        rows: Rows,
        template: str,
        *,
        schema: type[T],
        model: str | Model | None = None,
        **options: Unpack[ManyOptions],
    ) -> Outcomes[T]: ...

    @overload
    def complete_many(
        self,
        rows: Rows,
        template: str,
        *,
        schema: None = None,
        model: str | Model | None = None,
        **options: Unpack[ManyOptions],
    ) -> Outcomes[None]: ...

    def complete_many(
        self,
        rows: Rows,
        template: str,
        *,
        schema: type[T] | None = None,
        model: str | Model | None = None,
        **options: Unpack[ManyOptions],
    ) -> Outcomes[T] | Outcomes[None]:
        """Fill a template with each row, and ask each time; see `AsyncClient.complete_many`."""
        from minikit.outcomes import Outcomes

        many = self._client.complete_many
        kind = cast("type[T]", schema)  # or None: what comes back is told by the overloads
        stream = many(rows, template, schema=kind, model=model, **options)
        return Outcomes(self._loop, stream)

    def chat(self, *, model: str | Model | None = None, **options: Unpack[ChatOptions]) -> Chat:
        """Begin a conversation, or go on with a saved one; see `AsyncClient.chat`."""
        from minikit.chats import Chat

        return Chat(self._loop, self._client.chat(model=model, **options))

    def compare(
        self,
        source: Source | None,
        models: Models,
        *,
        prompt: str | None = None,
        **options: Unpack[CompareOptions],
    ) -> Comparison:
        """Ask several models the same, side by side; see `AsyncClient.compare`."""
        compare = self._client.compare
        return self._loop.call(partial(compare, source, models, prompt=prompt, **options))

    def needle(
        self,
        source: Source | None = None,
        *,
        model: str | Model | None = None,
        **options: Unpack[NeedleOptions],
    ) -> NeedleReport:
        """Measure how often facts in a long text are brought back; see `AsyncClient.needle`."""
        return self._loop.call(partial(self._client.needle, source, model=model, **options))

    def summarize_many(
        self,
        documents: Documents,
        *,
        model: str | Model | None = None,
        **options: Unpack[SummarizeManyOptions],
    ) -> DocumentOutcomes[Summary]:
        """Summarize each of many documents; see `AsyncClient.summarize_many`."""
        from minikit.outcomes import DocumentOutcomes

        stream = self._client.summarize_many(documents, model=model, **options)
        return DocumentOutcomes(self._loop, stream)

    def run_many(
        self,
        documents: Documents,
        *,
        verb: CorpusVerb,
        model: str | Model | None = None,
        **options: Any,  # noqa: ANN401 - those of the verb
    ) -> DocumentOutcomes[Any]:
        """Do to each of many documents what a verb does; see `AsyncClient.run_many`."""
        from minikit.outcomes import DocumentOutcomes

        stream = self._client.run_many(documents, verb=verb, model=model, **options)
        return DocumentOutcomes(self._loop, stream)

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

    @overload
    def plan(
        self,
        source: Any,  # noqa: ANN401 - what the verb takes
        *,
        verb: Verb,
        model: str | Model | None = None,
        **options: Any,  # noqa: ANN401 - as above
    ) -> VerbPlan: ...

    def plan(
        self,
        source: Any,
        *,
        verb: Verb = "summarize",
        model: str | Model | Models | None = None,
        **options: Any,
    ) -> Plan | Plans | VerbPlan:
        """Work out what a verb would take; see `AsyncClient.plan`."""
        one = cast("str", model)
        return self._loop.call(partial(self._client.plan, source, verb=verb, model=one, **options))

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
