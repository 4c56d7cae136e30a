"""The document transformers of LangChain: its documents in, its documents out."""

from __future__ import annotations

import re
import sys
from importlib import import_module

import anyio
import pytest
from langchain_core.documents import Document

from minikit import ArgumentError, MissingExtraError, count_tokens
from minikit.adapters.langchain import SplitTransformer

TEXT = (
    "# Bridge\n\n" + "The bridge is closed to cars. " * 20 + "\n\n# Market\n\nIt may open longer."
)


def test_documents_are_cut() -> None:
    """Chunks keep the metadata of their document, and tell where they stand in it."""
    documents = [Document(page_content=TEXT, metadata={"source": "a.md"}), Document("")]
    chunks = SplitTransformer(60).transform_documents(documents)
    assert "".join(chunk.page_content for chunk in chunks) == TEXT
    assert len(chunks) > 2
    for chunk in chunks:
        found = chunk.metadata
        assert found["source"] == "a.md"
        assert TEXT[found["start_index"] : found["end_index"]] == chunk.page_content
        assert found["tokens"] == count_tokens(chunk.page_content) <= 60
    assert chunks[-1].metadata["headings"][0] in {"Bridge", "Market"}


def test_chunks_can_overlap() -> None:
    """A chunk can repeat the end of the one before it."""
    chunks = SplitTransformer(60, overlap=20).transform_documents([Document(TEXT)])
    assert chunks[1].metadata["start_index"] < chunks[0].metadata["end_index"]


def test_the_async_twin_cuts_alike() -> None:
    """`atransform_documents` gives the same."""
    splitter, documents = SplitTransformer(60), [Document(TEXT)]
    assert anyio.run(splitter.atransform_documents, documents) == (
        splitter.transform_documents(documents)
    )


def test_a_limit_that_cannot_be_kept_is_an_error() -> None:
    """It is told with the documents, as `split` tells it."""
    with pytest.raises(ArgumentError, match="max_tokens"):
        SplitTransformer(0).transform_documents([Document(TEXT)])


def test_without_langchain_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lacks langchain-core is told what to install."""
    monkeypatch.delitem(sys.modules, "minikit.adapters.langchain")
    monkeypatch.setitem(sys.modules, "langchain_core.documents", None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'minikit[langchain]'")):
        import_module("minikit.adapters.langchain")
