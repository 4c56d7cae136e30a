"""minikit as document transformers of LangChain: documents in, shorter ones out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack, cast

from minikit.adapters.options import check_names, check_options
from minikit.client import AsyncClient
from minikit.errors import MissingExtraError
from minikit.functions import default_client
from minikit.models.model import DEFAULT_MODEL, Model
from minikit.text.document import Document as Source
from minikit.text.split import split

try:
    from langchain_core.documents import BaseDocumentTransformer, Document
except ImportError as error:
    raise MissingExtraError(
        "langchain-core is not installed: pip install 'minikit[langchain]'"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minikit.blocking import Client
    from minikit.jobs.corpus.options import SummarizeManyOptions
    from minikit.jobs.corpus.outcome import DocumentOutcome
    from minikit.jobs.summarizing.summary import Summary

__all__ = ["SplitTransformer", "SummaryTransformer"]

_HEADINGS = " / "


class SummaryTransformer(BaseDocumentTransformer):
    """Turns each document, of any length, into its summary.

    The metadata of a summary are those of its document, and what it took, as values that stores of
    vectors take: `minikit_model`, `minikit_calls`, `minikit_input_tokens`,
    `minikit_output_tokens`, `minikit_cost_usd` (a str, which keeps it exact; None where the price
    is unknown) and `minikit_warnings`, how many there are.
    """

    def __init__(
        self,
        *,
        client: Client | None = None,
        async_client: AsyncClient | None = None,
        model: str | Model | None = None,
        **options: Unpack[SummarizeManyOptions],
    ) -> None:
        """Say how to summarize; nothing is sent yet.

        Args:
            client: Who summarizes; default: the client of the module functions.
            async_client: Who does so for `atransform_documents`; default: one for each call.
            model: Another model than the client's.
            **options: As of `summarize_many`, such as `length` and `budget_usd`, which is for all
                documents of a call together.

        Raises:
            ArgumentError: `output` is among the options, which keeps the summaries in files.
            TypeError: There is no such option.
        """
        check_options(options)
        check_names(options, "SummaryTransformer")
        self._client = client
        self._async_client = async_client
        self._model = model
        self._options = options

    def transform_documents(
        self,
        documents: Sequence[Document],
        **kwargs: Any,  # noqa: ANN401 - as the base class has it
    ) -> Sequence[Document]:
        """Summarize documents, several at a time.

        Returns:
            The summaries, in the order of the documents.

        Raises:
            MinikitError: A document could not be summarized: the error of the first of these, once
                the others are done. With a `journal` they are not paid for again.
        """
        documents = list(documents)  # or an iterator, as chains hand them on
        many = (self._client or default_client()).summarize_many
        with many(_sources(documents), model=self._model, **self._options) as outcomes:
            return _summaries(documents, list(outcomes))

    async def atransform_documents(
        self,
        documents: Sequence[Document],
        **kwargs: Any,  # noqa: ANN401 - as the base class has it
    ) -> Sequence[Document]:
        """Summarize documents, as `transform_documents` does."""
        if self._async_client is None:
            async with AsyncClient() as client:
                return await self._summarized(client, documents)
        return await self._summarized(self._async_client, documents)

    async def _summarized(
        self, client: AsyncClient, documents: Sequence[Document]
    ) -> list[Document]:
        documents = list(documents)
        many = client.summarize_many
        async with many(_sources(documents), model=self._model, **self._options) as outcomes:
            return _summaries(documents, [outcome async for outcome in outcomes])


class SplitTransformer(BaseDocumentTransformer):
    """Cuts documents into chunks of at most so many tokens; joining them gives the text back.

    The metadata of a chunk are those of its document, and `start_index` and `end_index` in it (in
    code points, the end exclusive), `tokens`, and `headings`, the titles that it stands under, as
    one text.
    """

    def __init__(
        self, max_tokens: int, *, model: str | Model = DEFAULT_MODEL, overlap: int = 0
    ) -> None:
        """Say how to cut.

        Args:
            max_tokens: Limit of a chunk, in tokens of the model; >= 1.
            model: Whose tokens are counted.
            overlap: Tokens that a chunk repeats of the one before it, as `split` has it.
        """
        self._max_tokens = max_tokens
        self._model = model
        self._overlap = overlap

    def transform_documents(
        self,
        documents: Sequence[Document],
        **kwargs: Any,  # noqa: ANN401 - as the base class has it
    ) -> Sequence[Document]:
        """Cut documents, in order; `atransform_documents` does so in a thread.

        Raises:
            ArgumentError: The limits cannot be kept.
        """
        return [chunk for document in documents for chunk in self._chunks(document)]

    def _chunks(self, document: Document) -> Iterator[Document]:
        text = Source(text=document.page_content)
        for chunk in split(text, self._max_tokens, model=self._model, overlap=self._overlap):
            found = {
                "start_index": chunk.start,
                "end_index": chunk.end,
                "tokens": chunk.tokens,
                "headings": _HEADINGS.join(chunk.headings),
            }
            yield Document(page_content=chunk.text, metadata={**document.metadata, **found})


def _sources(documents: Sequence[Document]) -> list[Source]:
    titles = [document.metadata.get("title") for document in documents]
    return [
        Source(text=document.page_content, title=title if isinstance(title, str) else None)
        for document, title in zip(documents, titles, strict=True)
    ]


def _summaries(
    documents: Sequence[Document], outcomes: Sequence[DocumentOutcome[Summary]]
) -> list[Document]:
    """Return the summaries in the order of the documents, or raise the first error."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.index)
    return [_summary(documents[outcome.index], outcome) for outcome in ordered]


def _summary(document: Document, outcome: DocumentOutcome[Summary]) -> Document:
    if outcome.error is not None:
        name = outcome.name or document.metadata.get("source")
        known = "" if name is None else f", {str(name)!r}"
        outcome.error.add_note(f"it is that of document {outcome.index}{known}")
        raise outcome.error
    summary = cast("Summary", outcome.result)
    taken = {
        "minikit_model": summary.model,
        "minikit_calls": len(summary.calls),
        "minikit_input_tokens": summary.usage.input_tokens,
        "minikit_output_tokens": summary.usage.output_tokens,
        "minikit_cost_usd": None if summary.cost_usd is None else f"{summary.cost_usd:f}",
        "minikit_warnings": len(summary.warnings),
    }
    return Document(
        id=document.id, page_content=summary.text, metadata={**document.metadata, **taken}
    )
