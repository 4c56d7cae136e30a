"""The module functions: a client's methods, on a client made from the environment."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, cast, overload

from minikit.blocking import Client

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    from minikit.jobs.plan import Models, Plan, Plans, VerbPlan
    from minikit.jobs.planning import Verb
    from minikit.jobs.summarizing.options import SummarizeOptions
    from minikit.jobs.summarizing.summary import Summary
    from minikit.jobs.translate import TranslateOptions, Translation
    from minikit.models.model import Model
    from minikit.outcomes import DocumentOutcomes, Outcomes
    from minikit.text.document import Source, Sources
    from minikit.tokens.image_files import ImageSource

__all__ = [
    "ask",
    "chat",
    "compare",
    "complete_many",
    "describe",
    "extract",
    "needle",
    "plan",
    "run_many",
    "summarize",
    "summarize_many",
    "translate",
]

T = TypeVar("T")


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
    return default_client().summarize(source, model=model, **options)


def ask(
    source: Sources,
    question: str,
    *,
    model: str | Model | None = None,
    **options: Unpack[AskOptions],
) -> Answer:
    """Answer a question from documents of any size; see `AsyncClient.ask`.

    Args:
        source: A text, a file, a folder, a `Document`, or a list of these.
        question: What to answer.
        model: The model to ask; default: the variable MINIKIT_MODEL, else "gpt-4o-mini".
        **options: See `AskOptions`.

    Returns:
        The answer, with the passages that each sentence rests on.
    """
    return default_client().ask(source, question, model=model, **options)


def extract(
    source: Sources,
    schema: type[T],
    *,
    model: str | Model | None = None,
    **options: Unpack[ExtractOptions],
) -> Extraction[T]:
    """Read values of a type out of documents of any size; see `AsyncClient.extract`.

    Args:
        source: A text, a file, a folder, a `Document`, or a list of these.
        schema: A pydantic model or a dataclass, of which there is one in the documents, or
            `list[...]` of one, of which there are many.
        model: The model to ask; default: the variable MINIKIT_MODEL, else "gpt-4o-mini".
        **options: See `ExtractOptions`.

    Returns:
        The value, and for each item the places in the source that its fields rest on.
    """
    return default_client().extract(source, schema, model=model, **options)


def translate(
    source: Source,
    language: str,
    *,
    model: str | Model | None = None,
    **options: Unpack[TranslateOptions],
) -> Translation:
    """Translate a text, a Markdown page, subtitles or a catalogue; see `AsyncClient.translate`.

    Args:
        source: A text, a file or a `Document`.
        language: The language to translate into, by name or code: "German", "pt-BR".
        model: The model to ask; default: the variable MINIKIT_MODEL, else "gpt-4o-mini".
        **options: See `TranslateOptions`.

    Returns:
        The translation in the form of the source, and what is wrong with it.
    """
    return default_client().translate(source, language, model=model, **options)


@overload
def complete_many(
    rows: Rows,
    template: str,
    *,
    schema: type[T],
    model: str | Model | None = None,
    **options: Unpack[ManyOptions],
) -> Outcomes[T]: ...


@overload
def complete_many(
    rows: Rows,
    template: str,
    *,
    schema: None = None,
    model: str | Model | None = None,
    **options: Unpack[ManyOptions],
) -> Outcomes[None]: ...


def complete_many(
    rows: Rows,
    template: str,
    *,
    schema: type[T] | None = None,
    model: str | Model | None = None,
    **options: Unpack[ManyOptions],
) -> Outcomes[T] | Outcomes[None]:
    """Fill a template with each row, and ask each time; see `AsyncClient.complete_many`.

    Args:
        rows: A Path of CSV, TSV or JSON Lines, or mappings from an iterable, which may be async.
        template: What to ask, such as "Write to {name} about {product}.".
        schema: What each reply shall be; `Outcome.parsed` is then a value of it.
        model: The model to ask; default: the variable MINIKIT_MODEL, else "gpt-4o-mini".
        **options: See `ManyOptions`.

    Returns:
        A stream to read with `for`: one `Outcome` a row, with its reply or its error.
    """
    kind = cast("type[T]", schema)  # or None: what comes back is told by the overloads
    return default_client().complete_many(rows, template, schema=kind, model=model, **options)


def chat(*, model: str | Model | None = None, **options: Unpack[ChatOptions]) -> Chat:
    """Begin a conversation, or go on with one that was saved; see `AsyncClient.chat`.

    Args:
        model: The model to ask; default: the variable MINIKIT_MODEL, else "gpt-4o-mini".
        **options: `system`, `knowledge`, `tools`, `state` and more; see `ChatOptions`.

    Returns:
        The conversation: `chat.send("...")`.
    """
    return default_client().chat(model=model, **options)


@overload
def describe(
    image: ImageSource | Sequence[ImageSource],
    question: str | None = None,
    *,
    schema: type[T],
    model: str | Model | None = None,
    **options: Unpack[DescribeOptions],
) -> Description[T]: ...


@overload
def describe(
    image: ImageSource | Sequence[ImageSource],
    question: str | None = None,
    *,
    schema: None = None,
    model: str | Model | None = None,
    **options: Unpack[DescribeOptions],
) -> Description[None]: ...


def describe(
    image: ImageSource | Sequence[ImageSource],
    question: str | None = None,
    *,
    schema: type[T] | None = None,
    model: str | Model | None = None,
    **options: Unpack[DescribeOptions],
) -> Description[T] | Description[None]:
    """Say what images show; see `AsyncClient.describe`.

    Args:
        image: A Path, bytes, or an http(s) or data URL; or a list of these.
        question: What to answer; default: a caption.
        schema: What to read out of the images; the result's `parsed` is then a value of it.
        model: The model to ask; default: the variable MINIKIT_MODEL, else "gpt-4o-mini".
        **options: See `DescribeOptions`.

    Returns:
        The description, and what it cost.
    """
    kind = cast("type[T]", schema)  # or None: what comes back is told by the overloads
    return default_client().describe(image, question, schema=kind, model=model, **options)


def compare(
    source: Source | None,
    models: Models,
    *,
    prompt: str | None = None,
    **options: Unpack[CompareOptions],
) -> Comparison:
    """Ask several models the same, side by side; see `AsyncClient.compare`.

    Args:
        source: What to summarize, or what `prompt` is about: a text, a file or a `Document`;
            None where the prompt stands alone.
        models: The models to ask, by id or described; one or more.
        prompt: What to ask about the source; default: a summary of it.
        **options: See `CompareOptions`.

    Returns:
        A row for each model, and what sets the replies apart.
    """
    return default_client().compare(source, models, prompt=prompt, **options)


def needle(
    source: Source | None = None,
    *,
    model: str | Model | None = None,
    **options: Unpack[NeedleOptions],
) -> NeedleReport:
    """Measure how often facts in a long text are brought back; see `AsyncClient.needle`.

    Args:
        source: The text to plant them in; default: a text that is made up.
        model: The model to ask; default: the variable MINIKIT_MODEL, else "gpt-4o-mini".
        **options: See `NeedleOptions`.

    Returns:
        How many facts were found at each length and depth.
    """
    return default_client().needle(source, model=model, **options)


def summarize_many(
    documents: Documents,
    *,
    model: str | Model | None = None,
    **options: Unpack[SummarizeManyOptions],
) -> DocumentOutcomes[Summary]:
    """Summarize each of many documents; see `AsyncClient.summarize_many`."""
    return default_client().summarize_many(documents, model=model, **options)


def run_many(
    documents: Documents,
    *,
    verb: CorpusVerb,
    model: str | Model | None = None,
    **options: Any,  # noqa: ANN401 - those of the verb
) -> DocumentOutcomes[Any]:
    """Do to each of many documents what a verb does; see `AsyncClient.run_many`."""
    return default_client().run_many(documents, verb=verb, model=model, **options)


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


@overload
def plan(
    source: Any,  # noqa: ANN401 - what the verb takes
    *,
    verb: Verb,
    model: str | Model | None = None,
    **options: Any,  # noqa: ANN401 - as above
) -> VerbPlan: ...


def plan(
    source: Any,
    *,
    verb: Verb = "summarize",
    model: str | Model | Models | None = None,
    **options: Any,
) -> Plan | Plans | VerbPlan:
    """Work out what a verb would take with the same arguments, without a network or a key.

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
    return default_client().plan(source, verb=verb, model=cast("str", model), **options)


@cache
def default_client() -> Client:
    """Return the client of the module functions, made at the first call."""
    return Client()
