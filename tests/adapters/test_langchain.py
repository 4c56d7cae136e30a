"""The document transformers of LangChain: its documents in, its documents out."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import pytest
from langchain_core.documents import Document

from minikit import (
    ArgumentError,
    AsyncClient,
    Client,
    MissingExtraError,
    Model,
    SourceError,
    count_tokens,
)
from minikit.adapters.langchain import SplitTransformer, SummaryTransformer
from server import ChatServer, Reply, ok, prompt_of

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
    assert chunks[-1].metadata["headings"] in {"Bridge", "Market"}


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


def summarizing(body: dict[str, object]) -> Reply:
    """Summarize in a word of the document."""
    return ok(f"About {prompt_of(body).partition('The ')[2].split()[0]}.")


DOCUMENTS = [
    Document("The bridge is closed.", metadata={"source": "a.md", "title": "Minutes"}, id="7"),
    Document("The market is open.", metadata={"title": 3}),
]


@pytest.fixture
def client(server: ChatServer) -> Iterator[Client]:
    """A client of the scripted server."""
    server.handler = summarizing
    with Client(model="gpt-4o-mini", api_key="sk-none", base_url=server.base_url) as client:
        yield client


def test_documents_become_their_summaries(client: Client) -> None:
    """Summaries keep the metadata and the id, and tell what they took."""
    summaries = SummaryTransformer(client=client, length=20).transform_documents(DOCUMENTS)
    assert [summary.page_content for summary in summaries] == ["About bridge.", "About market."]
    assert summaries[0].id == "7"
    found = summaries[0].metadata
    assert (found["source"], found["title"]) == ("a.md", "Minutes")
    assert (found["minikit_model"], found["minikit_calls"]) == ("gpt-4o-mini", 1)
    costs = [Decimal(summary.metadata["minikit_cost_usd"]) for summary in summaries]
    assert sum(costs) == client.ledger.total.cost_usd
    assert found["minikit_input_tokens"] > found["minikit_output_tokens"] > 0


@pytest.mark.anyio
async def test_the_async_twin_summarizes_alike(server: ChatServer) -> None:
    """`atransform_documents` asks with an async client of its own, or with one that is given."""
    server.handler = summarizing
    async with AsyncClient(api_key="sk-none", base_url=server.base_url) as client:
        transformer = SummaryTransformer(async_client=client, length=20)
        given = await transformer.atransform_documents(DOCUMENTS)
    own = await SummaryTransformer(model="offline").atransform_documents(DOCUMENTS)
    assert [summary.page_content for summary in given] == ["About bridge.", "About market."]
    assert [summary.page_content for summary in own] == [each.page_content for each in DOCUMENTS]


def test_documents_may_come_from_an_iterator() -> None:
    """Loaders of documents are generators."""
    documents: Any = iter([Document("A bridge fell. It rained.")])
    assert len(SummaryTransformer(model="offline").transform_documents(documents)) == 1
    documents = iter([Document("A bridge fell. It rained.")])
    transform = SummaryTransformer(model="offline").atransform_documents
    assert len(anyio.run(transform, documents)) == 1


def test_without_a_client_it_is_that_of_the_functions() -> None:
    """The client of the module functions summarizes."""
    summaries = SummaryTransformer(model="offline").transform_documents(DOCUMENTS)
    assert [summary.metadata["minikit_cost_usd"] for summary in summaries] == ["0", "0"]


def test_a_price_that_is_not_known_is_none(server: ChatServer) -> None:
    """A server of one's own has no price."""
    server.handler = summarizing
    model = Model(id="mine", context_window=32_000, max_output_tokens=2_000)
    with Client(model=model, api_key="none", base_url=server.base_url) as client:
        summaries = SummaryTransformer(client=client).transform_documents(DOCUMENTS)
    assert [summary.metadata["minikit_cost_usd"] for summary in summaries] == [None, None]


def test_a_document_that_fails_is_called_by_its_source(client: Client) -> None:
    """That is where loaders of documents write where one is from."""
    documents = [Document("", metadata={"source": "a.txt"})]
    with pytest.raises(SourceError, match="empty") as caught:
        SummaryTransformer(client=client).transform_documents(documents)
    assert caught.value.__notes__ == ["it is that of document 0, 'a.txt'"]


def test_a_misspelt_option_is_told_at_once() -> None:
    """And not when the first documents come."""
    options: Any = {"lenght": 3}
    with pytest.raises(TypeError, match="unexpected keyword argument 'lenght'"):
        SummaryTransformer(**options)


def test_a_document_that_cannot_be_summarized_is_an_error(
    server: ChatServer, client: Client
) -> None:
    """The others are asked about all the same, and the error tells which document it is."""
    documents = [*DOCUMENTS[:1], Document(""), *DOCUMENTS[1:]]
    with pytest.raises(SourceError, match="empty") as caught:
        SummaryTransformer(client=client).transform_documents(documents)
    assert caught.value.__notes__ == ["it is that of document 1"]
    assert len(server.requests) == 2


def test_summaries_in_files_do_not_come_back(tmp_path: Path) -> None:
    """`output` has no place here."""
    with pytest.raises(ArgumentError, match="keeps the summaries in files"):
        SummaryTransformer(output=tmp_path)


def test_without_langchain_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lacks langchain-core is told what to install."""
    monkeypatch.delitem(sys.modules, "minikit.adapters.langchain")
    monkeypatch.setitem(sys.modules, "langchain_core.documents", None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'minikit[langchain]'")):
        import_module("minikit.adapters.langchain")
