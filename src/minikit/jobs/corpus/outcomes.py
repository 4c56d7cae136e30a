"""The outcomes of many documents: one for each, as a stream in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from minikit.calls.batching.settings import Batch
from minikit.calls.pipeline import in_thread
from minikit.checks import check_choice
from minikit.jobs.corpus.entries import Documents, entries_of
from minikit.jobs.corpus.job import CorpusJob
from minikit.jobs.corpus.local import local_run
from minikit.jobs.corpus.options import CorpusVerb, parted
from minikit.jobs.corpus.outcome import DocumentOutcome
from minikit.jobs.corpus.parts import Output
from minikit.jobs.corpus.remote import remote_run
from minikit.jobs.corpus.report import CorpusReport, Tally
from minikit.jobs.corpus.run import CorpusRun
from minikit.jobs.corpus.work import Work
from minikit.jobs.outcomes import AsyncStream
from minikit.text.document import Document

if TYPE_CHECKING:
    from minikit.calls.pipeline import Pipeline
    from minikit.models.model import Model

__all__ = ["AsyncDocumentOutcomes"]

R = TypeVar("R")

SAMPLE = Document(text="A harbour is a place where ships are safe from the sea.", title="A sample")
"""What the options are tried on before anything is sent."""


class AsyncDocumentOutcomes(AsyncStream[DocumentOutcome[R]], Generic[R]):
    """The outcomes of many documents; made by `AsyncClient.summarize_many` and `run_many`.

    Use it with `async with`, which starts the work, and `async for`, which gives a
    `DocumentOutcome` for each document, in order or as they come:

        async with client.summarize_many(Path("archive/")) as outcomes:
            async for outcome in outcomes:
                print(outcome.name, outcome.text or outcome.error)
        print(outcomes.report)

    Documents are read as they are needed. While nobody takes outcomes the work stops after some
    more, so that memory is bounded however many documents there are. Leaving the `with` before the
    end cancels what is under way.

    What is wrong with a document is the error of its outcome. What would be wrong with every one
    ends the run: a key that is refused, an account or a budget without money, a journal that fails,
    fifty documents in a row that the server fails to answer, an iterable that raises, a pool of
    workers that breaks. Every outcome that there is comes first, and the error is raised after the
    last.
    """

    _made_by = "summarize_many() or run_many()"

    def __init__(
        self,
        documents: Documents,
        verb: CorpusVerb,
        model: Model,
        options: Mapping[str, Any],
        *,
        client: Any,  # noqa: ANN401 - an `AsyncClient`, which stands above
        pipeline: Pipeline,
        settings: Mapping[str, Any],
    ) -> None:
        """Make a stream that is not open.

        Args:
            documents: What is worked on.
            verb: What is done.
            model: Who is asked.
            options: Those of the verb, and `CorpusOptions`.
            client: Whose verb it is.
            pipeline: Its pipeline.
            settings: The arguments that it was made with.

        Raises:
            ArgumentError: An option of the whole cannot be used.
        """
        super().__init__()
        check_choice("verb", verb, CorpusVerb)
        self._options, self._of_each = parted(options)
        self._entries = entries_of(documents)
        self._verb: CorpusVerb = verb
        self._model = model
        self._client, self._pipeline, self._settings = client, pipeline, settings

    @property
    def report(self) -> CorpusReport:
        """What was taken so far; after the last outcome, in all."""
        return cast("CorpusRun[R]", self._opened).report()

    async def _begun(self) -> CorpusRun[R]:
        options, model = self._options, self._model
        is_local = options.engine in ("local", "batch") or isinstance(options.engine, Batch)
        engine = {"engine": options.engine} if is_local else {}
        await self._client.plan(SAMPLE, verb=self._verb, model=model, **self._of_each, **engine)
        work = await in_thread(partial(Work.of, self._verb, model, self._of_each))
        output = None
        if options.output is not None:
            output = Output(Path(options.output), options.output_format)
            await in_thread(partial(output.open, work.job, f"{self._verb} with {model.id}"))
        job = CorpusJob(
            entries=self._entries,
            work=work,
            options=options,
            output=output,
            tally=Tally(self._verb, model.id, self._pipeline.hooks, options.on_event),
            client=self._client,
            pipeline=self._pipeline,
            settings=self._settings,
        )
        return cast("CorpusRun[R]", await (local_run if is_local else remote_run)(job))
