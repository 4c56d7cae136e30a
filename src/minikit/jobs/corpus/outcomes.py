"""The outcomes of many documents: one for each, as a stream in bounded memory."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterator, Mapping
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from minikit.calls.batching.settings import Batch
from minikit.calls.pipeline import in_thread
from minikit.checks import check_choice
from minikit.errors import ArgumentError, MinikitError
from minikit.jobs.blame import is_of_one
from minikit.jobs.corpus.entries import Documents, Entry, entries_of
from minikit.jobs.corpus.job import CorpusJob
from minikit.jobs.corpus.local import local_run
from minikit.jobs.corpus.options import CorpusVerb, parted
from minikit.jobs.corpus.outcome import DocumentOutcome
from minikit.jobs.corpus.parts import Output
from minikit.jobs.corpus.plan import CorpusPlan, Sum
from minikit.jobs.corpus.remote import remote_run
from minikit.jobs.corpus.report import CorpusReport, Tally
from minikit.jobs.corpus.run import CorpusRun
from minikit.jobs.corpus.staff import check_engine
from minikit.jobs.corpus.work import Work, source_of
from minikit.jobs.crew import Crew
from minikit.jobs.outcomes import AsyncStream
from minikit.jobs.planning import plan_of
from minikit.notices import remembered
from minikit.text.document import Document

if TYPE_CHECKING:
    from minikit.calls.pipeline import Pipeline
    from minikit.jobs.plan import VerbPlan
    from minikit.models.model import Model

__all__ = ["AsyncDocumentOutcomes"]

R = TypeVar("R")

SAMPLE = Document(text="A harbour is a place where ships are safe from the sea.", title="A sample")
"""What the options are tried on before anything is sent."""

IMAGE_SAMPLE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010100000000376ef924"
    "0000000a49444154789c636800000082008177cd72b60000000049454e44ae426082"
)
"""The same of images: one white pixel."""

PLANNED_AT_ONCE = 4
"""Documents that are read side by side for a plan; more would wait for the same processors."""


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
        called: str,
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
            called: The function that was called, for what is wrong with the arguments.
            client: Whose verb it is.
            pipeline: Its pipeline.
            settings: The arguments that it was made with.

        Raises:
            ArgumentError: An option of the whole cannot be used.
        """
        super().__init__()
        check_choice("verb", verb, CorpusVerb)
        self._options, self._of_each = parted(options)
        self._documents = documents
        entries_of(documents)  # raises now where these are none
        self._verb: CorpusVerb = verb
        self._model, self._called = model, called
        self._client, self._pipeline, self._settings = client, pipeline, settings

    @property
    def report(self) -> CorpusReport:
        """What was taken so far; after the last outcome, in all."""
        return cast("CorpusRun[R]", self._opened).report()

    async def plan(self) -> CorpusPlan:
        """Work out what the run would take, without a network: reads and counts every document.

        Nothing is sent or written, and the outcomes can still be opened. `on_event` is called with
        a `CorpusProgress` after each document, whose cost is 0.

        Raises:
            ArgumentError: An option cannot be used, or the documents can be read only once.
        """
        from anyio import create_task_group

        if isinstance(self._documents, Iterator | AsyncIterable):
            raise ArgumentError(
                "the documents can be read only once, and a plan would use them up: give a list of "
                "them, or the Path of a folder"
            )
        if not self._is_local:
            check_engine(self._options.engine)
        entries = entries_of(self._documents, images=self._verb == "describe")
        sum_of_all = Sum(await self._tried())
        tally = Tally(self._verb, self._model.id, self._pipeline.hooks, self._options.on_event)
        crew = Crew[Entry, tuple[Entry, "VerbPlan | MinikitError"]](
            entries,
            self._planned,
            workers=PLANNED_AT_ONCE,
            window=2 * PLANNED_AT_ONCE,
            in_order=True,
        )
        async with create_task_group() as group:
            with remembered():
                group.start_soon(crew.run)
            with suppress(StopAsyncIteration), closing(crew):
                while True:
                    entry, found = await crew.next()
                    if isinstance(found, MinikitError):
                        sum_of_all.miss(entry, found)
                    else:
                        sum_of_all.add(found)
                    tally.tell(documents=sum_of_all.documents, failed=sum_of_all.failed)
        if crew.stopped is not None:
            raise crew.stopped
        return sum_of_all.plan()

    async def _planned(self, entry: Entry) -> tuple[Entry, VerbPlan | MinikitError]:
        try:
            source = await in_thread(partial(source_of, self._verb, entry))
            return entry, await self._plan_of(source)
        except MinikitError as error:
            if not is_of_one(error):
                raise
            return entry, error

    async def _tried(self) -> VerbPlan:
        """Plan a sample, so that what is wrong with the arguments is told before all else."""
        return await self._plan_of(IMAGE_SAMPLE if self._verb == "describe" else SAMPLE)

    async def _plan_of(self, source: object) -> VerbPlan:
        engine = {"engine": self._options.engine} if self._is_local else {}
        plan: VerbPlan = await self._client._planned(  # noqa: SLF001 - of our own class
            partial(plan_of, self._verb),
            source,
            self._called,
            model=self._model,
            **self._of_each,
            **engine,
        )
        return plan

    @property
    def _is_local(self) -> bool:
        engine = self._options.engine
        return engine in ("local", "batch") or isinstance(engine, Batch)

    async def _begun(self) -> CorpusRun[R]:
        options, model = self._options, self._model
        await self._tried()
        work = await in_thread(partial(Work.of, self._verb, model, self._of_each))
        output = None
        if options.output is not None:
            output = Output(Path(options.output), options.output_format)
            what = f"{self._verb} with {model.id}"
            await in_thread(partial(output.open, self._documents, work.job, what))
        tally = Tally(self._verb, model.id, self._pipeline.hooks, options.on_event)
        images = self._verb == "describe"
        job = CorpusJob(
            entries=entries_of(self._documents, images=images, note=tally.note),
            work=work,
            options=options,
            output=output,
            tally=tally,
            client=self._client,
            pipeline=self._pipeline,
            settings=self._settings,
        )
        return cast("CorpusRun[R]", await (local_run if self._is_local else remote_run)(job))
