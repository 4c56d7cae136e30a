"""The async twins of the module functions, for asyncio and trio.

Each makes a client of its own: hold an `AsyncClient` to keep the connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, Unpack, cast, overload

from minikit.client import AsyncClient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikit.jobs.ask import Answer, AskOptions
    from minikit.jobs.chat import AsyncChat
    from minikit.jobs.chatting.options import ChatOptions
    from minikit.jobs.compare import CompareOptions
    from minikit.jobs.completing.outcomes import AsyncOutcomes
    from minikit.jobs.completing.rows import Rows
    from minikit.jobs.corpus.entries import Documents
    from minikit.jobs.corpus.options import CorpusVerb, SummarizeManyOptions
    from minikit.jobs.corpus.outcomes import AsyncDocumentOutcomes
    from minikit.jobs.describe import DescribeOptions, Description
    from minikit.jobs.extract import Extraction, ExtractOptions
    from minikit.jobs.many import ManyOptions
    from minikit.jobs.measuring.comparison import Comparison
    from minikit.jobs.needle import NeedleOptions, NeedleReport
    from minikit.jobs.plan import Models, Plan, Plans, VerbPlan
    from minikit.jobs.planning import Verb
    from minikit.jobs.summarizing.options import SummarizeOptions
    from minikit.jobs.summarizing.summary import Summary
    from minikit.jobs.translate import TranslateOptions, Translation
    from minikit.models.model import Model
    from minikit.text.document import Source, Sources
    from minikit.tokens.image_files import ImageSource

__all__ = [
    "aask",
    "achat",
    "acompare",
    "acomplete_many",
    "adescribe",
    "aextract",
    "aneedle",
    "aplan",
    "arun_many",
    "asummarize",
    "asummarize_many",
    "atranslate",
]

T = TypeVar("T")


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


async def aask(
    source: Sources,
    question: str,
    *,
    model: str | Model | None = None,
    **options: Unpack[AskOptions],
) -> Answer:
    """Answer a question from documents of any size; the async twin of `ask`."""
    async with AsyncClient() as client:
        return await client.ask(source, question, model=model, **options)


async def aextract(
    source: Sources,
    schema: type[T],
    *,
    model: str | Model | None = None,
    **options: Unpack[ExtractOptions],
) -> Extraction[T]:
    """Read values of a type out of documents of any size; the async twin of `extract`."""
    async with AsyncClient() as client:
        return await client.extract(source, schema, model=model, **options)


async def atranslate(
    source: Source,
    language: str,
    *,
    model: str | Model | None = None,
    **options: Unpack[TranslateOptions],
) -> Translation:
    """Translate a text or a file of any length; the async twin of `translate`."""
    async with AsyncClient() as client:
        return await client.translate(source, language, model=model, **options)


@overload
def acomplete_many(
    rows: Rows,
    template: str,
    *,
    schema: type[T],
    model: str | Model | None = None,
    **options: Unpack[ManyOptions],
) -> AsyncOutcomes[T]: ...


@overload
def acomplete_many(
    rows: Rows,
    template: str,
    *,
    schema: None = None,
    model: str | Model | None = None,
    **options: Unpack[ManyOptions],
) -> AsyncOutcomes[None]: ...


def acomplete_many(
    rows: Rows,
    template: str,
    *,
    schema: type[T] | None = None,
    model: str | Model | None = None,
    **options: Unpack[ManyOptions],
) -> AsyncOutcomes[T] | AsyncOutcomes[None]:
    """Fill a template with each row, and ask each time; the async twin of `complete_many`."""
    kind = cast("type[T]", schema)  # or None: what comes back is told by the overloads
    client = AsyncClient()
    outcomes = client.complete_many(rows, template, schema=kind, model=model, **options)
    return outcomes.owning(client.aclose)


def achat(*, model: str | Model | None = None, **options: Unpack[ChatOptions]) -> AsyncChat:
    """Begin a conversation, or go on with one that was saved; the async twin of `chat`.

    Close it with `async with`, or hold an `AsyncClient`.
    """
    client = AsyncClient()
    return client.chat(model=model, **options).owning(client.aclose)


@overload
async def adescribe(
    image: ImageSource | Sequence[ImageSource],
    question: str | None = None,
    *,
    schema: type[T],
    model: str | Model | None = None,
    **options: Unpack[DescribeOptions],
) -> Description[T]: ...


@overload
async def adescribe(
    image: ImageSource | Sequence[ImageSource],
    question: str | None = None,
    *,
    schema: None = None,
    model: str | Model | None = None,
    **options: Unpack[DescribeOptions],
) -> Description[None]: ...


async def adescribe(
    image: ImageSource | Sequence[ImageSource],
    question: str | None = None,
    *,
    schema: type[T] | None = None,
    model: str | Model | None = None,
    **options: Unpack[DescribeOptions],
) -> Description[T] | Description[None]:
    """Say what images show; the async twin of `describe`."""
    kind = cast("type[T]", schema)  # or None: what comes back is told by the overloads
    async with AsyncClient() as client:
        return await client.describe(image, question, schema=kind, model=model, **options)


async def acompare(
    source: Source | None,
    models: Models,
    *,
    prompt: str | None = None,
    **options: Unpack[CompareOptions],
) -> Comparison:
    """Ask several models the same, side by side; the async twin of `compare`."""
    async with AsyncClient() as client:
        return await client.compare(source, models, prompt=prompt, **options)


async def aneedle(
    source: Source | None = None,
    *,
    model: str | Model | None = None,
    **options: Unpack[NeedleOptions],
) -> NeedleReport:
    """Measure how often facts in a long text are brought back; the async twin of `needle`."""
    async with AsyncClient() as client:
        return await client.needle(source, model=model, **options)


def asummarize_many(
    documents: Documents,
    *,
    model: str | Model | None = None,
    **options: Unpack[SummarizeManyOptions],
) -> AsyncDocumentOutcomes[Summary]:
    """Summarize each of many documents; the async twin of `summarize_many`."""
    client = AsyncClient()
    return client.summarize_many(documents, model=model, **options).owning(client.aclose)


def arun_many(
    documents: Documents,
    *,
    verb: CorpusVerb,
    model: str | Model | None = None,
    **options: Any,  # noqa: ANN401 - those of the verb
) -> AsyncDocumentOutcomes[Any]:
    """Do to each of many documents what a verb does; the async twin of `run_many`."""
    client = AsyncClient()
    return client.run_many(documents, verb=verb, model=model, **options).owning(client.aclose)


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


@overload
async def aplan(
    source: Any,  # noqa: ANN401 - what the verb takes
    *,
    verb: Verb,
    model: str | Model | None = None,
    **options: Any,  # noqa: ANN401 - as above
) -> VerbPlan: ...


async def aplan(
    source: Any,
    *,
    verb: Verb = "summarize",
    model: str | Model | Models | None = None,
    **options: Any,
) -> Plan | Plans | VerbPlan:
    """Work out what a verb would take; the async twin of `plan`."""
    return await AsyncClient().plan(source, verb=verb, model=cast("str", model), **options)
