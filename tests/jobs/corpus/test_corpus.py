"""A verb over many documents, by the client itself: one outcome a document."""

from __future__ import annotations

import json
import os
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
from pydantic import BaseModel

from batches import BatchServer
from minikit import (
    Answer,
    ArgumentError,
    AsyncClient,
    AuthenticationError,
    BudgetExceededError,
    Client,
    CorpusProgress,
    Document,
    DocumentOutcome,
    Extraction,
    JobError,
    JournalError,
    MissingExtraError,
    MissingKeyError,
    RequestRejectedError,
    Retry,
    ServerError,
    SourceError,
    Translation,
    arun_many,
    asummarize_many,
    run_many,
    summarize_many,
)
from minikit.calls.batching.settings import Batch
from minikit.jobs import blame
from server import ChatServer, error, held, ok, prompt_of

FAST = Retry(wait_initial_s=0.0, attempts=2)


class Bridge(BaseModel):
    """A bridge."""

    name: str


def texts(number: int) -> list[str]:
    """Return documents with numbers that tell them apart."""
    return [f"Report {index}. The bridge {index} was closed." for index in range(number)]


def client_of(server: ChatServer, **options: Any) -> AsyncClient:  # noqa: ANN401 - its options
    """Return a client of the server."""
    given: dict[str, Any] = {"api_key": "k", "base_url": server.base_url, "retry": FAST}
    return AsyncClient(**(given | options))


async def taken(outcomes: Any, found: list[DocumentOutcome[Any]]) -> None:  # noqa: ANN401 - of any verb
    """Take all outcomes, and keep them, until there are no more or an error."""
    async for outcome in outcomes:
        found.append(outcome)  # noqa: PERF401 - those before an error, too


async def read(outcomes: Any) -> list[DocumentOutcome[Any]]:  # noqa: ANN401 - of any verb
    """Return all outcomes of a stream that is not open."""
    return [outcome async for outcome in outcomes]


@pytest.mark.anyio
async def test_each_document_has_its_summary(server: ChatServer) -> None:
    """The outcomes come in the order of the documents, with what they took, and add up."""
    told: list[CorpusProgress] = []
    heard: list[object] = []
    async with client_of(server, hooks=[heard.append]) as client:
        stream = client.summarize_many(texts(20), on_event=told.append)
        async with stream as outcomes:
            found = [outcome async for outcome in outcomes]
        report = outcomes.report
    assert [outcome.index for outcome in found] == list(range(20))
    assert all(outcome.result and outcome.text == outcome.result.text for outcome in found)
    assert sum(outcome.cost_usd or 0 for outcome in found) == report.cost_usd
    assert report.cost_usd
    assert (report.documents, report.failed, report.calls, report.kept) == (20, 0, 20, 0)
    assert report.failed_cost_usd == 0
    assert report.usage.input_tokens == sum(each.figures.usage.input_tokens for each in found)
    assert [each.documents for each in told] == list(range(1, 21))
    assert [each for each in heard if isinstance(each, CorpusProgress)] == told
    assert report.seconds == outcomes.report.seconds > 0


@pytest.mark.anyio
async def test_any_verb(server: ChatServer) -> None:
    """ask, extract and translate take their arguments by name."""
    async with client_of(server, model="offline") as client:
        (asked,) = await read(client.run_many(texts(1), verb="ask", question="What was closed?"))
    assert isinstance(asked.result, Answer)
    found = json.dumps({"reading": "", "name": "bridge 0"})
    server.script([ok('{"items": [], "found": []}'), ok("Bericht 0. Die Brücke 0 war zu.")])
    async with client_of(server) as client:
        (extracted,) = await read(client.run_many(texts(1), verb="extract", schema=Bridge))
        (told,) = await read(client.run_many(texts(1), verb="translate", language="German"))
    assert isinstance(extracted.result, Extraction) or extracted.error is not None
    assert extracted.text is None
    assert isinstance(told.result, Translation) or told.error is not None
    assert found


@pytest.mark.anyio
async def test_one_bad_document_stops_no_other(server: ChatServer, tmp_path: Path) -> None:
    """What cannot be read, is empty or is refused by the server is the error of its outcome."""
    server.handler = lambda body: error(400) if "Report 1." in prompt_of(body) else ok("Fine.")
    sources = [*texts(3), "", tmp_path / "missing.txt", 5]
    async with client_of(server) as client:
        found = await read(client.summarize_many(sources))  # type: ignore[arg-type] # one is none
    assert [type(outcome.error).__name__ for outcome in found] == [
        "NoneType",
        "RequestRejectedError",
        "NoneType",
        "SourceError",
        "SourceError",
        "SourceError",
    ]
    assert found[1].problem
    assert found[1].problem.startswith("RequestRejectedError: ")
    assert found[0].problem is None
    assert found[1].result is found[1].text is None


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "kind"), [(401, AuthenticationError), (500, ServerError)], ids=["key", "down"]
)
async def test_what_is_wrong_with_all_ends_the_run(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, status: int, kind: type[Exception]
) -> None:
    """A refused key ends it at once, a server that is down after some documents in a row."""
    monkeypatch.setattr(blame, "FAILED_IN_A_ROW", 5)
    server.handler = lambda _: error(status)
    found: list[DocumentOutcome[Any]] = []
    async with client_of(server, max_concurrency=2) as client:
        with pytest.raises(kind, match="documents with an outcome: "):
            await taken(client.summarize_many(texts(1_000)), found)
    assert len(found) < 10


@pytest.mark.anyio
async def test_one_budget_for_all(server: ChatServer) -> None:
    """No call is sent that could pass the budget, and the error tells how far the run came."""
    server.handler = lambda _: ok("Fine.", usage={"prompt_tokens": 100, "completion_tokens": 10})
    async with client_of(server, max_concurrency=1) as client:
        stream = client.summarize_many(texts(50), budget_usd="0.001", length=20)
        found: list[DocumentOutcome[Any]] = []
        with pytest.raises(BudgetExceededError, match=r"budget of .*documents with an outcome"):
            await taken(stream, found)
        report = stream.report
    assert 0 < len(found) < 50
    assert report.cost_usd is not None
    assert report.cost_usd <= Decimal("0.001")


@pytest.mark.anyio
async def test_a_journal_pays_for_nothing_twice(server: ChatServer, tmp_path: Path) -> None:
    """A second run sends nothing, and says what it cost before; it counts for the budget, too."""
    folder = tmp_path / "kept"
    reports = []
    for _ in range(2):
        async with client_of(server) as client:
            async with client.summarize_many(texts(5), journal=folder) as outcomes:
                found = [outcome async for outcome in outcomes]
            reports.append(outcomes.report)
    assert len(server.requests) == 5
    assert all(outcome.error is None for outcome in found)
    assert reports[0].replayed_cost_usd == 0
    assert reports[1].replayed_cost_usd == reports[1].cost_usd == reports[0].cost_usd
    assert reports[1].failed_cost_usd == 0
    assert (folder / "local.sqlite").exists()
    async with client_of(server, journal=tmp_path / "own.sqlite") as client:
        with pytest.raises(ArgumentError, match="already: leave journal="):
            await read(client.summarize_many(texts(1), journal=folder))
        with pytest.raises(BudgetExceededError, match="is spent"):
            await read(client.summarize_many(texts(3), budget_usd="0.0000001"))


@pytest.mark.anyio
@pytest.mark.parametrize("output_format", ["jsonl", "parquet"])
async def test_outcomes_in_a_folder(
    server: ChatServer, tmp_path: Path, output_format: Literal["jsonl", "parquet"]
) -> None:
    """What stands in the output is not done again; what failed, is new or has changed is."""
    server.handler = lambda body: error(400) if "Report 3." in prompt_of(body) else ok("Fine.")
    folder = tmp_path / "out"
    asked: Any = {"output": folder, "output_format": output_format, "partition_size": 3}
    sources = [Document(text=text, title=f"c{n}") for n, text in enumerate(texts(12))]
    async with client_of(server) as client:
        found = await read(client.summarize_many(sources, **asked))
        assert [outcome.index for outcome in found] == list(range(12))
        assert {outcome.path and outcome.path.parent for outcome in found} == {folder}
        assert [outcome.error is None for outcome in found].count(False) == 1
        assert all(outcome.result is None for outcome in found)
        first = len(server.requests)
        server.handler = lambda _: ok("Better.")
        changed = [*sources[:5], Document(text="Changed.", title="c5"), *sources[7:]]
        changed.insert(2, Document(text="New.", title="fresh"))
        async with client.summarize_many(changed, **asked) as outcomes:
            again = [outcome async for outcome in outcomes]
        report = outcomes.report
        with pytest.raises(ArgumentError, match="holds outcomes of another job, summarize with"):
            await read(client.summarize_many(sources, **asked, length="short"))
    assert len(server.requests) == first + 3
    done = sorted(outcome.name or "" for outcome in again if not outcome.kept)
    assert done == ["c3", "c5", "fresh"]
    assert (report.documents, report.kept, report.calls) == (12, 9, 3)
    files = sorted(folder.glob("part-*"))
    assert [path.suffix for path in files] == [f".{output_format}"] * len(files)
    assert {outcome.path for outcome in again} <= set(files)
    rows = [row for path in files for row in rows_of(path)]
    assert {row["index"] for row in rows} >= set(range(12))
    assert {row["text"] for row in rows} == {"Fine.", "Better."}
    assert not list(folder.glob(".*"))
    async with client_of(server) as client, client.summarize_many(["New."], **asked) as outcomes:
        await read(outcomes)
    assert f"any more: {len(files):,} (part-" in outcomes.report.notes[0]


def parts_of(folder: Path) -> list[Path]:
    """Return the parts in a folder."""
    return sorted(folder.glob("part-*"))


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return what stands in a part."""
    if path.suffix == ".parquet":
        import pyarrow.parquet  # type: ignore[import-untyped] # it has no types

        rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
        return rows
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.anyio
async def test_a_part_that_is_no_part(server: ChatServer, tmp_path: Path) -> None:
    """What cannot be read in the output is done again."""
    for output_format in ("jsonl", "parquet"):
        folder = tmp_path / output_format
        asked: Any = {"output": folder, "output_format": output_format}
        async with client_of(server) as client:
            await read(client.summarize_many([Document(text="A b.", title="\ud800")], **asked))
            (part,) = folder.glob("part-*")
            for broken in (b"broken\xff\n", b'1\n{}\n[]\n{"error": null}\n'):
                part.write_bytes(broken)
                again = client.summarize_many([Document(text="A b.", title="\ud800")], **asked)
                (outcome,) = await read(again)
                assert not outcome.kept
                assert [row["name"] in {"\ud800", "\\ud800"} for row in rows_of(part)] == [True]


@pytest.mark.anyio
@pytest.mark.parametrize("output_format", ["jsonl", "parquet"])
async def test_a_document_that_is_gone_is_gone_from_the_output(
    server: ChatServer, tmp_path: Path, output_format: Literal["jsonl", "parquet"]
) -> None:
    """Rows are those of the documents, with their numbers; nothing is asked again for that."""
    asked: Any = {"output": tmp_path, "output_format": output_format}
    sources = [Document(text=text, title=f"c{n}") for n, text in enumerate(texts(4))]
    async with client_of(server) as client:
        await read(client.summarize_many(sources, **asked))
        del sources[2]
        found = await read(client.summarize_many(sources, **asked))
        (part,) = parts_of(tmp_path)
        stamp = part.stat().st_mtime_ns
        await read(client.summarize_many(sources, **asked))
    assert all(outcome.kept for outcome in found)
    assert [(row["index"], row["name"]) for row in rows_of(part)] == [
        (0, "c0"),
        (1, "c1"),
        (2, "c3"),
    ]
    assert part.stat().st_mtime_ns == stamp
    assert len(server.requests) == 4


@pytest.mark.anyio
async def test_a_run_that_ends_early_takes_nothing_from_the_output(
    server: ChatServer, tmp_path: Path
) -> None:
    """What stands there of documents that were not come to stays, and is not paid for again."""
    asked: Any = {"output": tmp_path, "partition_size": 50}
    sources = [Document(text=text, title=f"c{n}") for n, text in enumerate(texts(9))]
    server.script([error(401)])
    async with client_of(server, max_concurrency=1) as client:
        with pytest.raises(AuthenticationError, match="documents with an outcome: 0"):
            await read(client.summarize_many(sources, **asked))
        assert not parts_of(tmp_path)
        await read(client.summarize_many(sources, **asked))
        changed = [replace(each, text=f"New: {each.text}") for each in sources[:2]] + sources[2:]
        server.handler = lambda body: error(401) if "1." in prompt_of(body) else ok("Better.")
        with pytest.raises(AuthenticationError, match="documents with an outcome: 1"):
            await read(client.summarize_many(changed, **asked))
        server.handler = lambda _: ok("Best.")
        sent = len(server.requests)
        found = await read(client.summarize_many(changed, **asked))
        assert len(server.requests) - sent == 1
        assert [outcome.kept for outcome in found].count(False) == 1

        def broken() -> Iterator[Document]:
            yield from changed[:3]
            raise KeyError("lost")

        with pytest.raises(KeyError, match="lost"):
            await read(client.summarize_many(broken(), **asked))
    (part,) = parts_of(tmp_path)
    assert len(rows_of(part)) == 9


@pytest.mark.anyio
async def test_an_output_left_by_a_kill(server: ChatServer, tmp_path: Path) -> None:
    """A mark that is not whole is made anew; of two files of a partition the newer one stays."""
    asked: Any = {"output": tmp_path}
    async with client_of(server) as client:
        await read(client.summarize_many(texts(2), **asked))
        (part,) = parts_of(tmp_path)
        moved = part.with_name(part.name.replace("00000", "00007"))
        moved.write_bytes(part.read_bytes())
        os.utime(moved, (1, 1))
        mark = tmp_path / "_minikit.json"
        whole = mark.read_text("utf-8")
        for broken in ("", "[]", "{}", whole[:9]):
            mark.write_text(broken, "utf-8")
            found = await read(client.summarize_many(texts(2), **asked))
            assert all(outcome.kept for outcome in found)
            assert mark.read_text("utf-8") == whole
        assert parts_of(tmp_path) == [part]
        mark.unlink()
        mark.mkdir()
        with pytest.raises(ArgumentError, match="cannot be used: "):
            await read(client.summarize_many(texts(2), **asked))
    assert len(server.requests) == 2


@pytest.mark.anyio
async def test_leaving_early_cancels(server: ChatServer) -> None:
    """After a `break` nothing is sent any more, opened or not."""
    event = threading.Event()
    server.handler = lambda body: ok() if "Report 0." in prompt_of(body) else held(event)
    async with client_of(server, max_concurrency=3) as client:
        async with client.summarize_many(texts(500)) as outcomes:
            async for _ in outcomes:
                break
        async for _ in client.summarize_many(texts(500)):
            break
        with anyio.fail_after(30):
            while server.in_flight:
                await anyio.lowlevel.checkpoint()
        await read(client.summarize_many(texts(1)))
    event.set()
    assert len(server.requests) < 20


@pytest.mark.anyio
async def test_an_iterable_that_raises_or_never_ends(server: ChatServer) -> None:
    """What was read before is done; one without an end is read as it is needed."""

    def broken() -> Iterator[str]:
        yield from texts(3)
        raise KeyError("lost")

    read_so_far = 0

    async def endless() -> AsyncIterator[str]:
        nonlocal read_so_far
        while True:
            await anyio.lowlevel.checkpoint()
            read_so_far += 1
            yield f"Report {read_so_far}."

    found: list[DocumentOutcome[Any]] = []
    async with client_of(server, max_concurrency=2) as client:
        with pytest.raises(KeyError, match="lost"):
            await taken(client.summarize_many(broken()), found)
        async for outcome in client.summarize_many(endless(), in_order=False):
            if outcome.index > 20:
                break
    assert [outcome.index for outcome in found] == [0, 1, 2]
    assert read_so_far < 60


@pytest.mark.anyio
async def test_options_are_checked_before_anything_is_read(server: ChatServer) -> None:
    """Those of the whole at once, those of the verb when the outcomes are opened."""

    def never() -> Iterator[str]:
        raise AssertionError("it was read")
        yield ""

    async with client_of(server) as client:
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"partition_size": 0}, "partition_size=0"),
            ({"partitions_at_once": 0}, "partitions_at_once=0"),
            ({"journal": 5}, "journal is the path of a folder, not int"),
            ({"output_format": "csv"}, 'output_format is "jsonl"'),
            ({"output_format": "parquet"}, "output_format='parquet' is of files"),
            ({"on_event": 5}, "on_event is a function"),
            ({"budget_usd": "much"}, "budget_usd"),
            ({"in_order": 1}, "in_order is True or False"),
        ]
        for options, told in wrong:
            with pytest.raises(ArgumentError, match=told):
                client.run_many(never(), verb="summarize", **options)
        with pytest.raises(ArgumentError, match='verb is "summarize" or "ask"'):
            client.run_many(never(), verb="chat")  # type: ignore[arg-type] # as is tested
        for outcomes, told in [
            (client.summarize_many(never(), length=0), "length=0"),
            (client.run_many(never(), verb="ask"), "question"),
            (client.run_many(never(), verb="summarize", engine="cloud"), "engine is "),
            (client.summarize_many(never(), partitions_at_once=2), "there are none: leave it out"),
        ]:
            with pytest.raises(ArgumentError, match=told):
                await read(outcomes)
    assert not server.requests


@pytest.mark.anyio
async def test_what_is_wrong_names_what_was_called() -> None:
    """An option that there is none of is told of the function that got it, and not of the verb."""
    wrong: Any = {"lenght": 5}
    async with AsyncClient(model="offline") as client:
        with pytest.raises(TypeError, match=r"^summarize_many\(\) got an .* 'lenght'$"):
            await read(client.summarize_many(texts(1), **wrong))
        of_verbs: list[tuple[Any, str]] = [
            ("summarize", r"verb='summarize', \.\.\.\) got an unexpected keyword .* 'lenght'$"),
            ("translate", r"verb='translate', \.\.\.\) got an unexpected keyword .* 'lenght'$"),
        ]
        for verb, told in of_verbs:
            asked = client.run_many(texts(1), verb=verb, language="German", **wrong)
            with pytest.raises((TypeError, ArgumentError), match=rf"^run_many\(documents, {told}"):
                await read(asked)
        with pytest.raises(ArgumentError, match=r"^run_many\(.*'ask', .* 'question'$"):
            await read(client.run_many(texts(1), verb="ask"))
        with pytest.raises(TypeError, match=r"^stream_summary\(\) got an .* 'lenght'$"):
            client.stream_summary("A b.", **wrong)
        for model in (None, ["gpt-4o-mini", "offline"]):
            with pytest.raises(TypeError, match=r"^plan\(\) got an .* 'lenght'$"):
                await client.plan("A b.", model=model, **wrong)


@pytest.mark.anyio
async def test_an_output_that_cannot_be_written(server: ChatServer, tmp_path: Path) -> None:
    """The error names the folder, and what was paid for is handed over with its results."""
    server.handler = lambda _: ok("Fine.")
    sources = [Document(text=text, title=f"c{n}") for n, text in enumerate(texts(3))]
    found: list[DocumentOutcome[Any]] = []
    async with client_of(server) as client:
        await read(client.summarize_many(sources, output=tmp_path / "first"))
        (part,) = parts_of(tmp_path / "first")
        (tmp_path / "out" / part.name).mkdir(parents=True)  # no file can take its place
        stream = client.summarize_many(sources, output=tmp_path / "out")
        told = r"cannot write to output='.*out': .*; documents with an outcome: 3"
        with pytest.raises(ArgumentError, match=told):
            await taken(stream, found)
    assert [(outcome.text, outcome.path) for outcome in found] == [("Fine.", None)] * 3


@pytest.mark.filterwarnings("ignore:of .* of outcomes:minikit.SourceWarning")
@pytest.mark.anyio
async def test_an_output_is_no_input(server: ChatServer, tmp_path: Path) -> None:
    """Outcomes in the folder of the documents are left out, and it is not written to itself."""
    server.handler = lambda _: ok("Closed.")
    (tmp_path / "a.txt").write_text("The bridge was closed.")
    async with AsyncClient(base_url=server.base_url, api_key="sk-test") as client:
        for name in ("one", "one", "two"):
            async with client.summarize_many(tmp_path, output=tmp_path / name) as outcomes:
                assert [outcome.name async for outcome in outcomes] == ["a.txt"]
        assert "of outcomes (one/, two/)" in outcomes.report.notes[0]
        for number in "01":
            (tmp_path / "two" / f"part-{number}-{'0' * 16}.jsonl").mkdir()
        with pytest.raises(ArgumentError, match="cannot be used"):
            async with client.summarize_many(tmp_path, output=tmp_path / "two"):
                pass
        with pytest.raises(ArgumentError, match="is the folder of the documents themselves"):
            async with client.summarize_many(tmp_path, output=f"{tmp_path}/one/.."):
                pass
        odd: list[tuple[Any, str | None]] = [
            (Path("a\0b"), "cannot read"),
            ([Path("\ud800")], None),
        ]
        for documents, told in odd:
            async with client.summarize_many(documents, output=tmp_path / "odd") as outcomes:
                if told:
                    with pytest.raises(SourceError, match=told):
                        await anext(outcomes)
                else:
                    assert isinstance((await anext(outcomes)).error, SourceError)


@pytest.mark.anyio
async def test_no_key_is_told_before_anything_is_read() -> None:
    """Nothing is done for calls that could not be sent."""
    async with AsyncClient() as client:
        with pytest.raises(MissingKeyError, match="OPENAI_API_KEY"):
            await read(client.summarize_many(iter([])))


@pytest.mark.anyio
async def test_a_hook_that_fails_warns_and_one_that_exits_ends(server: ChatServer) -> None:
    """An exception in on_event is dropped; SystemExit comes after the last outcome."""

    def fail(_: object) -> None:
        raise ValueError("no screen")

    def leave(_: object) -> None:
        raise SystemExit(3)

    async with client_of(server) as client:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert len(await read(client.summarize_many(texts(1), on_event=fail))) == 1
        assert any("no screen" in str(each.message) for each in caught)
        with pytest.raises(SystemExit):
            await read(client.summarize_many(texts(1), on_event=leave))


def test_blocking_code(server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client and the functions read a folder with `for`."""
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    for number, text in enumerate(texts(3)):
        (tmp_path / f"{number}.txt").write_text(text)
    with Client() as client, client.summarize_many(tmp_path) as outcomes:
        assert [outcome.name for outcome in outcomes] == ["0.txt", "1.txt", "2.txt"]
        assert "documents        3" in str(outcomes.report)
    assert [outcome.text for outcome in summarize_many(tmp_path, model="offline")]
    (outcome,) = run_many(tmp_path / "0*", verb="ask", question="What?", model="offline")
    assert outcome.result is not None


@pytest.mark.anyio
async def test_async_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twins make a client of their own."""
    assert len(await read(asummarize_many(texts(2), model="offline"))) == 2
    asked = arun_many(texts(2), verb="ask", question="What?", model="offline")
    async with asked as outcomes:
        assert len([outcome async for outcome in outcomes]) == 2


@pytest.mark.anyio
async def test_an_outcome_as_json(server: ChatServer) -> None:
    """A line has what the result has, but for the source."""
    async with client_of(server) as client:
        good, bad = await read(client.summarize_many([Document(text="A b.", title="T"), ""]))
    line = json.loads(good.to_json())
    assert list(line) == [
        *("index", "name", "digest", "text", "result"),
        *("calls", "input_tokens", "output_tokens", "cost_usd", "gaps", "error"),
    ]
    assert (line["name"], line["text"], line["error"]) == ("T", good.text, None)
    assert "document" not in line["result"]
    assert json.loads(bad.to_json())["error"].startswith("SourceError: ")


def test_a_report_of_a_run_that_is_not_open() -> None:
    """There is none yet."""
    with pytest.raises(ArgumentError, match="open the outcomes"):
        _ = AsyncClient().summarize_many([]).report


@pytest.mark.anyio
async def test_all_documents_share_a_batch(tmp_path: Path) -> None:
    """In batches the calls of all documents travel together, and what they brought is kept."""
    with BatchServer() as server:
        asked: Any = {"engine": Batch(gather_s=0.2, poll_s=0.001), "journal": tmp_path / "kept"}
        for output in (None, tmp_path / "out"):
            async with client_of(server) as client:
                stream = client.summarize_many(texts(12), output=output, **asked)
                found = [outcome async for outcome in stream]
            assert [outcome.index for outcome in found] == list(range(12))
            assert all(outcome.error is None for outcome in found)
        assert server.billed_usd == sum(outcome.cost_usd or 0 for outcome in found)
        assert (len(server.batches), len(server.items)) == (1, 12)
        async with AsyncClient(model="offline") as client:
            with pytest.raises(ArgumentError, match="offline"):
                await read(client.summarize_many(texts(2), engine="batch"))


@pytest.mark.anyio
async def test_a_stream_that_is_not_opened_is_cancelled(server: ChatServer) -> None:
    """Cancellation while it opens, and while it is read, leaves nothing behind."""
    event = threading.Event()
    server.handler = lambda _: held(event)
    async with client_of(server) as client:
        iterator = aiter(client.summarize_many(texts(3)))
        assert aiter(iterator) is iterator
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anext(iterator)
        with anyio.move_on_after(0.3):
            await read(client.summarize_many(texts(3)))
        with anyio.fail_after(30):
            while server.in_flight:
                await anyio.lowlevel.checkpoint()
    event.set()


@pytest.mark.anyio
async def test_parquet_without_pyarrow(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra, before anything is sent."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    async with client_of(server) as client:
        stream = client.summarize_many(texts(1), output="out", output_format="parquet")
        with pytest.raises(MissingExtraError, match=r"minikit\[parquet\]"):
            await read(stream)
    assert not server.requests


@pytest.mark.anyio
async def test_a_job_that_fails_in_part(server: ChatServer) -> None:
    """A document of many calls that fails is told with what its calls cost."""
    server.handler = lambda body: error(400) if "word 9 " in prompt_of(body) else ok("Fine.")
    long = " ".join(f"word {number % 10} ." for number in range(400))
    async with client_of(server, max_concurrency=1) as client:
        async with client.summarize_many([long], chunk_tokens=200, budget_usd="1") as outcomes:
            (outcome,) = [outcome async for outcome in outcomes]
        assert outcome.error is not None
        server.handler = lambda body: error(401) if "400" in prompt_of(body) else error(400)
        with pytest.raises(AuthenticationError, match="documents with an outcome: 1"):
            await read(client.summarize_many(["A b. ", "C 400 d."]))


def test_whose_fault_it_is() -> None:
    """An error of a job is that of its calls; one of a journal is that of all."""
    refused = JobError("told", errors=(RequestRejectedError("no"),))
    batchless = JobError("told", errors=(RequestRejectedError("no", code="no_batches"),))
    keyless = JobError("told", errors=(AuthenticationError("no"),))
    kept = JobError("told")
    kept.__cause__ = JournalError("full")
    assert blame.is_of_one(refused)
    assert not any(map(blame.is_of_one, (batchless, keyless, kept)))
    patience = blame.Patience(1)
    assert not patience.is_over(refused)


@pytest.mark.anyio
async def test_a_part_that_moves(server: ChatServer, tmp_path: Path) -> None:
    """A partition that has another number now gets a file of that number."""
    asked: Any = {"output": tmp_path, "partition_size": 1}
    async with client_of(server) as client:
        await read(client.summarize_many([Document(text="A b.", title="a")], **asked))
        more = [Document(text="New.", title="n"), Document(text="Changed.", title="a")]
        found = await read(client.summarize_many(more, **asked))
    assert not any(outcome.kept for outcome in found)
    names = sorted(os.listdir(tmp_path))  # noqa: PTH208 - of a test
    assert names[1:] == [outcome.path.name for outcome in found if outcome.path]
