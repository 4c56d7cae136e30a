"""The client for asyncio and trio: the core with every verb."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from minikit.calls.pipeline import in_thread
from minikit.errors import ArgumentError
from minikit.jobs.parts import readable
from minikit.jobs.plan import Models, Plan, Plans, VerbPlan
from minikit.jobs.planning import Verb, plan_of
from minikit.jobs.summarize import run
from minikit.jobs.summarizing.options import Options, SummarizeOptions
from minikit.jobs.summarizing.prepare import Job, prepare
from minikit.jobs.summarizing.stream import AsyncSummaryStream
from minikit.jobs.summarizing.summary import Summary
from minikit.jobs.verb import naming
from minikit.models.model import Model
from minikit.text.document import Document, Source
from minikit.verbs import AsyncVerbs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from minikit.jobs.compare import CompareOptions
    from minikit.jobs.corpus.entries import Documents
    from minikit.jobs.corpus.options import CorpusVerb, SummarizeManyOptions
    from minikit.jobs.corpus.outcomes import AsyncDocumentOutcomes
    from minikit.jobs.measuring.comparison import Comparison
    from minikit.jobs.needle import NeedleOptions, NeedleReport
    from minikit.jobs.tally import Listener

__all__ = ["AsyncClient"]

T = TypeVar("T")


class AsyncClient(AsyncVerbs):
    """A client for asyncio and trio.

    Safe to use from any number of tasks. Each event loop gets its own connections, so one client
    can serve several loops, one after the other or in several threads.
    """

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
        resolved = self._resolved(model)
        with naming("stream_summary()", "summarize"):
            checked = Options(**options)
        if checked.engine != "local":
            raise ArgumentError(
                "a stream is read as it is written, and a batch is not: use summarize(), or leave "
                "engine out"
            )
        return AsyncSummaryStream(partial(self._summarize, source, resolved, checked))

    async def compare(
        self,
        source: Source | None,
        models: Models,
        *,
        prompt: str | None = None,
        **options: Unpack[CompareOptions],
    ) -> Comparison:
        """Ask several models the same, side by side.

        Args:
            source: What to summarize, or what `prompt` is about: a text, a file or a `Document`;
                None where the prompt stands alone.
            models: The models to ask, by id or described; one or more.
            prompt: What to ask about the source; default: a summary of it.
            **options: See `CompareOptions`.

        Returns:
            A row for each model: its reply or its error, and what that took; and what sets the
            replies apart.

        Raises:
            SourceError: The source is empty, or the file cannot be read.
            ArgumentError: An argument cannot be used.
            BudgetExceededError: The budget is too small for the comparison.
            JobError: No model answered.
        """
        from minikit.jobs import compare

        job = await self._planned(compare.prepare, source, models, prompt=prompt, **options)
        return await compare.run(job, self._pipeline, self._forms, self)

    async def needle(
        self,
        source: Source | None = None,
        *,
        model: str | Model | None = None,
        **options: Unpack[NeedleOptions],
    ) -> NeedleReport:
        """Plant facts in a text, and measure how often they are brought back, by place and length.

        Args:
            source: The text to plant them in; default: a text that is made up.
            model: Another model than the client's.
            **options: See `NeedleOptions`.

        Returns:
            How many facts were found at each length and depth; `to_svg` draws it.

        Raises:
            ArgumentError: An argument cannot be used.
            MissingKeyError: There is no key for the model's server.
            BudgetExceededError: The budget does not allow the next call; `result` is what was
                measured.
            CallError: The first call failed for good.
            JobError: A later one did; `result` is what was measured.
        """
        from minikit.jobs import needle

        job = await self._prepared(needle.prepare, source, model=model, **options)
        return await needle.run(job, self._pipeline, self._forms, self)

    def summarize_many(
        self,
        documents: Documents,
        *,
        model: str | Model | None = None,
        **options: Unpack[SummarizeManyOptions],
    ) -> AsyncDocumentOutcomes[Summary]:
        """Summarize each of many documents.

        Nothing is read or sent before the outcomes are opened with `async with`, or read.

        Args:
            documents: The Path of a folder or a pattern, or an iterable or async iterable of texts,
                Paths and `Document`s; read as they are needed.
            model: Another model than the client's.
            **options: Those of `summarize` for each document, and who does the work, where replies
                and outcomes are kept, and what all may cost; see `CorpusOptions`.

        Returns:
            The outcomes: to open with `async with`, and to read with `async for`, one for each
            document. Its errors are those of the run.

        Raises:
            ArgumentError: An option cannot be used; other errors are raised by the outcomes.
        """
        return self._many(documents, "summarize", model, options, called="summarize_many()")

    def run_many(
        self,
        documents: Documents,
        *,
        verb: CorpusVerb,
        model: str | Model | None = None,
        **options: Any,  # noqa: ANN401 - those of the verb
    ) -> AsyncDocumentOutcomes[Any]:
        """Do to each of many documents what a verb does; see `summarize_many`.

        Args:
            documents: As for `summarize_many`.
            verb: "summarize", "ask", "extract", "translate" or "describe"; all its arguments but
                the first are given by name, such as `run_many(folder, verb="translate",
                language="German")`. To describe, the documents are images.
            model: Another model than the client's.
            **options: Those of the verb, and `CorpusOptions`.

        Returns:
            The outcomes, whose results are those of the verb.

        Raises:
            ArgumentError: An option cannot be used; other errors are raised by the outcomes.
        """
        called = f"run_many(documents, verb={verb!r}, ...)"
        return self._many(documents, verb, model, options, called=called)

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

    @overload
    async def plan(
        self,
        source: Any,  # noqa: ANN401 - what the verb takes
        *,
        verb: Verb,
        model: str | Model | None = None,
        **options: Any,  # noqa: ANN401 - as above
    ) -> VerbPlan: ...

    async def plan(
        self,
        source: Any,
        *,
        verb: Verb = "summarize",
        model: str | Model | Models | None = None,
        **options: Any,
    ) -> Plan | Plans | VerbPlan:
        """Work out what a verb would take with the same arguments, without a network.

        Args:
            source: As for the verb.
            verb: What to plan; all its arguments but the first are given by name, such as
                `plan(source, verb="translate", language="German")`.
            model: As for the verb; of summaries also a list of models to set side by side.
            **options: As for the verb.

        Returns:
            The calls, exact for those that read the source and as bounds for the others, and the
            bounds of the cost. Of a list of models a `Plans`, whose `str` is a table.

        Raises:
            SourceError: The source is empty, or the file cannot be read as text.
            ArgumentError: An option cannot be used.
        """
        if not isinstance(model, list | tuple):
            if verb != "compare":
                options["model"] = self._resolved(model)
            elif model is not None:
                raise ArgumentError("compare asks several models: name them with models=[...]")
            return await self._planned(partial(plan_of, verb), source, **options)
        if verb != "summarize":
            raise ArgumentError(f"several models are planned for summaries, not for {verb!r}")
        each = [self._resolved(one) for one in model]
        document = await in_thread(partial(readable, source))
        with naming("plan()", verb):
            checked = Options(**options)
        jobs = [await self._summary_job(document, one, checked) for one in each]
        plans = zip((job.plan for job in jobs), each, strict=True)
        return Plans(plans=tuple(self._queued(plan, one, options) for plan, one in plans))

    async def _summarize(
        self, source: Source, model: Model, options: Options, listen: Listener | None = None
    ) -> Summary:
        document = await in_thread(partial(readable, source))
        self._pipeline.check_key(model)
        job = await self._summary_job(document, model, options)
        return await run(job, self._pipeline, listen)

    async def _summary_job(self, document: Document, model: Model, options: Options) -> Job:
        setting = self._setting.by(options.engine)
        return await in_thread(partial(prepare, document, model, options, setting))

    def _many(
        self,
        documents: Documents,
        verb: CorpusVerb,
        model: str | Model | None,
        options: Mapping[str, Any],
        *,
        called: str,
    ) -> AsyncDocumentOutcomes[Any]:
        from minikit.jobs.corpus.outcomes import AsyncDocumentOutcomes

        return AsyncDocumentOutcomes(
            documents,
            verb,
            self._resolved(model),
            options,
            called=called,
            client=self,
            pipeline=self._pipeline,
            settings=self._settings,
        )
