"""The accessors of pandas: a reply for each row, on the index of the frame."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import BaseModel

import minikit.adapters.pandas  # noqa: F401 - it registers the accessors
from minikit import ArgumentError, AuthenticationError, Client, MissingExtraError
from server import ChatServer, Reply, error, ok, prompt_of

FRAME = pd.DataFrame(
    {"name": ["Ada", "Bob", None], "product": ["teapot", "jug", "pan"], "price": [1, 2, 3]},
    index=["a", "b", "c"],
)


class Label(BaseModel):
    """What a comment is about."""

    topic: str
    stars: int


@dataclass
class Verdict:
    """A value whose names are those of columns of ours."""

    error: str
    reply: str


@pytest.fixture
def client(server: ChatServer) -> Iterator[Client]:
    """A client of the scripted server, which repeats the prompt."""

    def repeated(body: dict[str, object]) -> Reply:
        return ok(f"<{prompt_of(body)}>")

    server.handler = repeated
    with Client(model="gpt-4o-mini", api_key="sk-none", base_url=server.base_url) as client:
        yield client


def test_each_row_of_a_frame_gets_a_reply(client: Client) -> None:
    """Replies stand on the index of the frame, and what is wrong with a row is its error."""
    letters = FRAME.minikit.complete("{name}: {product}, {price}", client=client)
    assert list(letters.columns) == ["reply", "finish_reason", "cost_usd", "error"]
    assert list(letters.index) == ["a", "b", "c"]
    assert list(letters.reply[:2]) == ["<Ada: teapot, 1>", "<Bob: jug, 2>"]
    assert letters.error.notna().tolist() == [False, False, True]
    assert letters.error["c"].startswith("ArgumentError: the row has nothing (")
    assert FRAME.join(letters).shape == (3, 7)


def test_the_bill_is_in_the_attributes(client: Client) -> None:
    """What it took can be kept as JSON, as Parquet does."""
    letters = FRAME.minikit.complete("{product}", client=client)
    bill = json.loads(json.dumps(letters.attrs))["minikit"]
    assert bill["model"] == "gpt-4o-mini"
    assert bill["cost_usd"] == f"{client.ledger.total.cost_usd:f}"
    assert bill["cost_usd"] == f"{letters.cost_usd.sum():f}"
    assert bill["input_tokens"] == client.ledger.total.usage.input_tokens


def test_a_series_is_text_or_goes_by_its_name(client: Client) -> None:
    """A value is `{text}`, or what the series is called."""
    comments: Any = pd.Series(["Good.", "Bad."], index=[7, 7], name="comment")
    for template in ("{text}", "{comment}"):
        replies = comments.minikit.complete(template, client=client)
        assert list(replies.index) == [7, 7]
        assert list(replies.reply) == ["<Good.>", "<Bad.>"]


def test_the_fields_of_a_schema_are_columns(server: ChatServer, client: Client) -> None:
    """Values of a type become columns; a reply that does not fit is the error of its row."""
    server.handler = lambda body: ok(
        '{"topic": "taste", "stars": 4}' if "teapot" in prompt_of(body) else "No."
    )
    labels = FRAME["product"].minikit.complete("{text}", schema=Label, client=client)
    assert list(labels.columns) == ["topic", "stars", "finish_reason", "cost_usd", "error"]
    assert (labels.topic["a"], labels.stars["a"]) == ("taste", 4)
    assert labels.error["b"].startswith("SchemaError: ")


def test_a_field_keeps_its_name(server: ChatServer, client: Client) -> None:
    """Where a field is called as a column of ours, ours gets another name."""
    server.handler = lambda _: ok('{"error": "none", "reply": "Yes."}')
    verdicts = FRAME["product"].minikit.complete("{text}", schema=Verdict, client=client)
    assert list(verdicts.columns) == ["error", "reply", "finish_reason", "cost_usd", "error_"]
    assert list(verdicts.error) == ["none"] * 3


def test_a_value_without_fields_is_one_column(server: ChatServer, client: Client) -> None:
    """A number has a column of its own."""
    server.handler = lambda _: ok('{"value": 3}')
    numbers = FRAME["product"].minikit.complete("{text}", schema=int, client=client)
    assert list(numbers.parsed) == [3, 3, 3]


def test_a_name_that_is_no_column_is_told_at_once(server: ChatServer, client: Client) -> None:
    """Nothing is sent for a template that asks for what there is not."""
    with pytest.raises(ArgumentError, match="but the columns of the frame are 'name', 'product'"):
        FRAME.minikit.complete("{nmae}", client=client)
    with pytest.raises(ArgumentError, match="but the names of a value are 'text', 'product'"):
        FRAME["product"].minikit.complete("{name}", client=client)
    nameless: Any = pd.Series(["tea"])
    with pytest.raises(ArgumentError, match="but the names of a value are 'text':"):
        nameless.minikit.complete("{name}", client=client)
    assert server.requests == []


def test_a_name_that_two_columns_have_is_told_at_once(server: ChatServer, client: Client) -> None:
    """Which of them is meant is not guessed; a column that is not asked for may be what it is."""
    frame = pd.DataFrame([["x", "y", "z"]], columns=["a", "a", "b"])
    with pytest.raises(ArgumentError, match="2 columns of the frame are called 'a': rename"):
        frame.minikit.complete("{a}", client=client)
    assert server.requests == []
    assert len(frame.minikit.complete("{b}", client=client)) == 1


def test_what_ends_the_job_keeps_what_was_paid_for(server: ChatServer) -> None:
    """The rows that were not asked about have the error, and it is warned of."""
    server.script([ok("Fine."), error(401, message="no such key")])
    url = server.base_url
    with (
        Client(model="gpt-4o-mini", api_key="k", base_url=url, max_concurrency=1) as client,
        pytest.warns(UserWarning, match="2 rows were not asked about: .*no such key") as warned,
    ):
        replies = FRAME["product"].minikit.complete("{text}", client=client)
    assert warned[0].filename == __file__
    assert replies.reply["a"] == "Fine."
    told = replies.error.fillna("").str.startswith("AuthenticationError: ")
    assert told.tolist() == [False, True, True]


def test_what_ends_the_job_before_any_reply_is_raised(server: ChatServer, client: Client) -> None:
    """A frame of nothing but errors helps nobody."""
    server.handler = lambda _: error(401, message="no such key")
    with pytest.raises(AuthenticationError, match="no such key"):
        FRAME.minikit.complete("{product}", client=client)


def test_an_empty_frame_has_the_columns(client: Client) -> None:
    """Nothing is asked, and what reads the columns finds them."""
    replies = FRAME[:0].minikit.complete("{product}", client=client)
    assert list(replies.columns) == ["reply", "finish_reason", "cost_usd", "error"]
    assert len(replies) == 0


def test_each_text_gets_its_summary(server: ChatServer, client: Client, tmp_path: Path) -> None:
    """Summaries stand on the index of the series; an empty cell is an error, a Path is a file."""
    server.handler = lambda _: ok("In short.")
    file = tmp_path / "a.txt"
    file.write_text("The market is open.", "utf-8")
    texts: Any = pd.Series(["The bridge is closed.", None, file], index=[5, 6, 7])
    summaries = texts.minikit.summarize(client=client, length=20)
    assert list(summaries.columns) == ["summary", "words", "warnings", "cost_usd", "error"]
    assert list(summaries.index) == [5, 6, 7]
    assert (summaries.summary[5], summaries.words[7]) == ("In short.", 2)
    assert summaries.error[6].startswith("SourceError: ")
    bill = summaries.attrs["minikit"]
    assert bill["model"] == "gpt-4o-mini"
    assert bill["cost_usd"] == f"{client.ledger.total.cost_usd:f}"


def test_what_ends_it_keeps_the_summaries_that_there_are(server: ChatServer) -> None:
    """The values that were not summarized have the error, and who asked is warned."""
    server.script([ok("In short."), error(401, message="no such key")])
    url = server.base_url
    with (
        Client(model="gpt-4o-mini", api_key="k", base_url=url, max_concurrency=1) as client,
        pytest.warns(UserWarning, match="2 rows were not asked about") as warned,
    ):
        summaries = FRAME["product"].minikit.summarize(client=client)
    assert warned[0].filename == __file__
    assert summaries.error.notna().tolist() == [False, True, True]


def test_what_ends_it_is_raised_for_summaries_too(server: ChatServer, client: Client) -> None:
    """A wrong key is nobody's row."""
    server.handler = lambda _: error(401, message="no such key")
    with pytest.raises(AuthenticationError, match="no such key"):
        FRAME["product"].minikit.summarize(client=client)


def test_summaries_in_files_do_not_come_back(tmp_path: Path) -> None:
    """`output` has no place here."""
    with pytest.raises(ArgumentError, match="keeps the summaries in files"):
        FRAME["product"].minikit.summarize(output=tmp_path)


def test_without_a_client_it_is_that_of_the_functions() -> None:
    """The client of the module functions asks, and another model can be named."""
    replies = FRAME["product"].minikit.complete("Hello {text}.", model="offline")
    assert list(replies.reply) == ["Hello teapot.", "Hello jug.", "Hello pan."]
    summaries = FRAME["product"].minikit.summarize(model="offline")
    assert list(summaries.summary) == ["teapot", "jug", "pan"]


def test_without_pandas_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lacks pandas is told what to install."""
    monkeypatch.delitem(sys.modules, "minikit.adapters.pandas")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'minikit[pandas]'")):
        import_module("minikit.adapters.pandas")
