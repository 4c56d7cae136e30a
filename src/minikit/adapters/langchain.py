"""minikit as document transformers of LangChain: documents in, shorter ones out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minikit.errors import MissingExtraError
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

__all__ = ["SplitTransformer"]


class SplitTransformer(BaseDocumentTransformer):
    """Cuts documents into chunks of at most so many tokens; joining them gives the text back.

    The metadata of a chunk are those of its document, and `start_index` and `end_index` in it (in
    code points, the end exclusive), `tokens`, and `headings`, outermost first.
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
                "headings": list(chunk.headings),
            }
            yield Document(page_content=chunk.text, metadata={**document.metadata, **found})
