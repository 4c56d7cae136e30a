"""Extraction over many parts, against servers that do it well, badly, or not at all."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from minikit import (
    ArgumentError,
    AsyncClient,
    BudgetExceededError,
    Client,
    ContextOverflowError,
    Document,
    Extraction,
    JobError,
    Model,
    Price,
    Progress,
    RefusalError,
    Retry,
    SchemaError,
    SourceError,
)
from minikit.text.fence import fenced
from server import ChatServer, error, ok, output_limit

if TYPE_CHECKING:
    from server import Body, Reply

SMALL = Model(
    id="small",
    context_window=8_000,
    max_output_tokens=2_000,
    supports=frozenset({"json_schema", "sampling", "streaming"}),
    price=Price(input_usd_per_mtok=3, output_usd_per_mtok=5),
)
FAST = Retry(attempts=2, wait_initial_s=0.0)
LINE = re.compile(r"^(\w+) (?:lives in (\w+)|is (\d+) years old)\.$", re.MULTILINE)


class Person(BaseModel):
    """Someone who is told of."""

    name: str
    city: str | None = None
    age: int | None = None


def material(body: Body) -> dict[str, str]:
    """Return the texts of a request by tag."""
    return dict(fenced(str(body["messages"][1]["content"])))


def items(*found: dict[str, Any]) -> Reply:
    """Answer with items."""
    return ok(json.dumps({"items": found}))


def honest(body: Body) -> Reply:
    """Answer with each line of the document, as a person of whom it tells one thing."""
    return items(*(_person(line) for line in LINE.finditer(material(body)["document"])))


def _person(line: re.Match[str]) -> dict[str, Any]:
    age = int(line[3]) if line[3] else None
    return {"quotes": [line[0]], "name": line[1], "city": line[2], "age": age}


def people(count: int, *, every: int = 1) -> str:
    """Write lines that tell where people live, and later how old each is."""
    names = [f"Person{number}" for number in range(0, count, every)]
    lines = [f"{name} lives in City{number}." for number, name in enumerate(names)]
    return "\n".join([*lines, *(f"{name} is {20 + len(name)} years old." for name in names)])


def extract(server: ChatServer, source: Any, schema: Any = list[Person], **options: Any) -> Any:  # noqa: ANN401
    """Extract with a small model."""
    model = options.pop("model", SMALL)
    with Client(model=model, api_key="k", base_url=server.base_url, retry=FAST) as client:
        return client.extract(source, schema, **options)


def test_one_call(server: ChatServer) -> None:
    """What fits is read in one call, in strict form, the document before what is asked."""
    server.handler = honest
    found = extract(server, Document(text="Anna lives in Bern.\nAnna is 40 years old.", title="T"))
    assert isinstance(found, Extraction)
    (body,) = server.bodies
    form = body["response_format"]["json_schema"]
    assert form["name"] == "Person"
    assert form["strict"] is True
    prompt = body["messages"][-1]["content"]
    assert prompt.startswith('<document title="T">\nAnna lives')
    assert "Extract each Person" in prompt
    assert "part 1" not in prompt
    # Two items of one reply are two: the model told them apart.
    assert [item.data["name"] for item in found.items] == ["Anna", "Anna"]
    assert found.model == "small"
    assert len(found.calls) == 1
    assert found.cost_usd


@pytest.mark.parametrize("schema", [list[Person], Person])
def test_many_parts_are_merged(server: ChatServer, schema: Any) -> None:  # noqa: ANN401
    """What parts tell of one person is one record, and each value stands where it is told."""
    server.handler = honest
    text = people(120 if schema is not Person else 1)
    found = extract(server, text, schema, chunk_tokens=300 if schema is not Person else 12)
    assert len(server.requests) >= 2
    assert len(found.items) == (120 if found.is_many else 1)
    for item in found.items:
        assert item.value is not None
        assert item.value.age
        assert item.value.city
        for field in item.fields:
            (passage,) = field.passages
            assert text[passage.start : passage.end] == passage.cited_text == str(field.value)
            assert field.verdict == "found"
    assert not found.conflicts
    assert not found.gaps


def test_item_over_a_border(server: ChatServer) -> None:
    """A part is shown the end of the one before, to complete what goes on in it."""
    text = f"{'The weather was fine that day. ' * 30}\n\nAnna lives in Bern.\n\nShe is 40.\n\n"
    text += "Nothing else was told of that day, as the weather was fine. " * 12

    def answer(body: Body) -> Reply:
        read = material(body)
        shown = read.get("passage", "") + read["document"]
        quotes = [each for each in ("Anna lives in Bern.", "She is 40.") if each in shown]
        if not quotes or not any(each in read["document"] for each in quotes):
            return items()
        age, city = (40 if "She" in quotes[-1] else None), ("Bern" if "Anna" in quotes[0] else None)
        assert city  # whoever reads of her age is shown who she is
        return items({"quotes": quotes, "name": "Anna", "city": city, "age": age})

    server.handler = answer
    for chunk_tokens in (150, 200, 250):
        (item,) = extract(server, text, chunk_tokens=chunk_tokens).items
        assert item.data == {"name": "Anna", "city": "Bern", "age": 40}
        assert {field.verdict for field in item.fields} == {"found"}
    assert any("Anna" in material(body).get("passage", "") for body in server.bodies)


def test_the_passage_before_is_short(server: ChatServer) -> None:
    """Whatever stands before a part, a few tokens of it are shown, and none of white space."""
    server.handler = honest
    extract(server, "word " * 1500, chunk_tokens=400)
    before = [material(body).get("passage") for body in server.bodies]
    assert before.count(None) == 1
    assert all(len(each) <= 1_000 for each in before if each)
    sent = len(server.requests)
    extract(server, f"One.{' ' * 4000}Two.", chunk_tokens=20)
    assert sum("<passage>\n One" in each.prompt for each in server.requests[sent:]) == 0


def test_key_and_conflicts(server: ChatServer) -> None:
    """With a key, what parts disagree on is told; one value is kept."""
    server.handler = honest
    text = "Anna lives in Bern.\n" + "\n" * 5 + "Anna lives in Zug."
    found = extract(server, text, key="name")
    assert found.value == [Person(name="Anna", city="Bern")]
    (conflict,) = found.conflicts
    assert conflict.path == "city"
    assert [each.value for each in conflict.others] == ["Zug"]
    assert len(extract(server, text).items) == 2
    assert len(extract(server, text, key=["name", "city"]).items) == 2
    assert len(extract(server, text, key=[]).items) == 2


def test_invented_quotes_and_values(server: ChatServer) -> None:
    """What stands nowhere has no place, and is marked."""
    server.script(
        [
            items(
                {
                    "quotes": ["Zoe lives on Mars with her dog"],
                    "name": "Zoe",
                    "city": "Mars",
                    "age": 7,
                }
            )
        ]
    )
    (item,) = extract(server, "Anna lives in Bern.").items
    assert {field.verdict for field in item.fields} == {"unsupported"}
    assert not [each for field in item.fields for each in field.passages]


def test_instructions_and_one_record(server: ChatServer) -> None:
    """What else is asked for stands last; of one record it is said that it is one."""
    server.handler = honest
    found = extract(server, "Anna lives in Bern.", Person, instructions="Swiss people only.")
    assert found.value == Person(name="Anna", city="Bern")
    prompt = server.bodies[0]["messages"][-1]["content"]
    assert prompt.endswith("Swiss people only.")
    assert "as one item" in prompt


def test_nothing_found(server: ChatServer) -> None:
    """An empty list is an answer; of one record it is told what is missing."""
    server.handler = lambda _: items({"quotes": [], "name": None}, {"quotes": ["x"]})
    assert extract(server, "Nothing.").value == []
    found = extract(server, "Nothing.", Person)
    assert found.problems == ("items[0].name: nothing was found",)


def test_several_documents(server: ChatServer, tmp_path: Path) -> None:
    """A place tells its document; what several tell of one thing is merged."""
    server.handler = honest
    (tmp_path / "a.txt").write_text("Anna lives in Bern.\nBob lives in Zug.", "utf-8")
    (tmp_path / "b.txt").write_text("Anna is 40 years old.", "utf-8")
    found = extract(server, [tmp_path, "Bob is 50 years old."], key="name")
    assert [item.data["age"] for item in found.items] == [40, 50]
    anna, bob = found.items
    assert [field.passages[0].document for field in anna.fields] == ["a.txt", "a.txt", "b.txt"]
    assert [field.passages[0].document_index for field in bob.fields] == [0, 0, 2]


def test_prose_and_corrections(server: ChatServer) -> None:
    """A reply of another structure is shown to the model; prose is asked for in another form."""
    good = items({"quotes": ["Anna lives in Bern."], "name": "Anna", "city": "Bern"})
    server.script([ok('{"items": [{"Name": "Anna"}]}'), good])
    assert extract(server, "Anna lives in Bern.").value[0].city == "Bern"
    assert "items.0.Name is no field" in server.requests[1].prompt
    server.script([ok("There is Anna, who lives in Bern."), good])
    found = extract(server, "Anna lives in Bern.")
    assert found.value[0].city == "Bern"
    assert len(found.calls) == 2
    assert found.redone_cost_usd


def test_server_without_forms(server: ChatServer) -> None:
    """A server that rejects the form is asked in words, for all parts."""

    def answer(body: Body) -> Reply:
        if "response_format" in body or "tools" in body:
            return error(400, code="unsupported_parameter", message="no response_format here")
        return honest(body)

    server.handler = answer
    found = extract(server, people(30), chunk_tokens=200)
    assert len(found.items) == 30
    assert '"quotes"' in server.requests[-1].prompt


def test_cut_off_reply_is_read_in_halves(server: ChatServer) -> None:
    """A part with more items than a reply holds is read in halves, with all the room there is."""

    def answer(body: Body) -> Reply:
        if len(LINE.findall(material(body)["document"])) > 50:
            return ok('{"items": [{"quotes": ["Per', finish_reason="length")
        return honest(body)

    server.handler = answer
    found = extract(server, people(40), chunk_tokens=2_000, key="name")
    assert len(found.items) == 40
    assert not found.gaps
    limits = [output_limit(body) or 0 for body in server.bodies]
    assert limits[0] < limits[-1] == 2_000
    assert sum(call.redone for call in found.calls) >= 2
    assert found.items[0].fields[0].passages[0].start == 0


def test_dense_table_is_read_in_small_pieces(server: ChatServer) -> None:
    """Where replies are many times as long as their parts, halves are cut until they fit."""

    def answer(body: Body) -> Reply:
        if len(LINE.findall(material(body)["document"])) > 40:
            return ok('{"items": [{"quotes": ["Per', finish_reason="length")
        return honest(body)

    server.handler = answer
    found = extract(server, people(150), chunk_tokens=4_000, key="name")
    assert not found.gaps
    assert len(found.items) == 150
    assert all(item.data["age"] for item in found.items)


def test_replies_without_end(server: ChatServer) -> None:
    """A model that runs on whatever it reads is not asked about every sentence."""
    server.handler = lambda _: ok('{"items": [{"quotes": ["Per', finish_reason="length")
    with pytest.raises(RefusalError, match="no part of the source could be read: length"):
        extract(server, people(150), chunk_tokens=4_000)
    assert len(server.bodies) <= 32


def test_refused_part_is_a_gap(server: ChatServer) -> None:
    """What is refused is narrowed down, and told; the rest is there."""
    text = people(60)

    def answer(body: Body) -> Reply:
        if "Person7 lives" in material(body)["document"]:
            return ok(None, message={"refusal": "No."})
        return honest(body)

    server.handler = answer
    found = extract(server, text, chunk_tokens=300)
    (gap,) = found.gaps
    assert "Person7 lives" in text[gap.span.start : gap.span.end]
    assert gap.reason == "refusal"
    assert len(gap.span) < 400
    assert len(found.items) == 60
    with pytest.raises(
        JobError, match="parts were read and what was found in them is kept"
    ) as told:
        extract(server, text, chunk_tokens=300, on_gap="raise")
    assert isinstance(told.value.result, Extraction)


def test_everything_is_refused(server: ChatServer) -> None:
    """Where no part can be read the error says why."""
    server.handler = lambda _: ok(None, message={"refusal": "No."})
    with pytest.raises(RefusalError, match="no part of the source could be read: refusal") as told:
        extract(server, people(60), chunk_tokens=300)
    assert told.value.completion is not None  # what all the refused replies took
    assert told.value.completion.usage.input_tokens > 300 * len(server.bodies) > 300


def test_failed_part_keeps_the_others(server: ChatServer) -> None:
    """A part that fails for good ends the job, with what was found in the others."""

    def answer(body: Body) -> Reply:
        if "Person7 lives" in material(body)["document"]:
            return ok('{"found": "nothing"}')
        return honest(body)

    server.handler = answer
    with pytest.raises(JobError, match="1 call failed for good") as told:
        extract(server, people(60), chunk_tokens=300)
    failed = told.value
    assert isinstance(failed.result, Extraction)
    assert len(failed.result.items) == 60  # of some only their age was told
    assert [type(each) for each in failed.errors] == [SchemaError]
    assert failed.cost_usd == failed.result.cost_usd
    server.handler = lambda _: ok('{"found": "nothing"}')
    with pytest.raises(SchemaError, match="no reply of"):
        extract(server, "Anna lives in Bern.")


def test_budget(server: ChatServer) -> None:
    """A job that cannot be paid for is not begun; one that runs out carries what was found."""
    server.handler = honest
    with pytest.raises(BudgetExceededError, match="at least"):
        extract(server, people(200), budget_usd="0.0000001", chunk_tokens=300)
    assert not server.requests
    with (
        Client(
            model=SMALL,
            api_key="k",
            base_url=server.base_url,
            max_concurrency=1,
        ) as client,
        pytest.raises(BudgetExceededError) as told,
    ):
        client.extract(people(200), list[Person], budget_usd="0.03", chunk_tokens=300)
    assert isinstance(told.value.result, Extraction)
    assert len(told.value.result.items) > 5
    assert told.value.calls


def test_plan(server: ChatServer) -> None:
    """The plan says what the calls take, and they take that."""
    server.handler = honest
    text = people(100)
    with Client(model=SMALL, api_key="k", base_url=server.base_url) as client:
        plan = client.plan(text, verb="extract", schema=list[Person], chunk_tokens=300)
        assert not server.requests
        found = client.extract(text, list[Person], chunk_tokens=300)
    assert plan.calls_at_least == plan.calls_at_most == len(found.calls)
    (level,) = plan.levels
    assert level.input_tokens_at_least <= found.usage.input_tokens <= level.input_tokens_at_most
    assert plan.cost_usd_at_least is not None
    assert plan.cost_usd_at_most is not None
    assert found.cost_usd is not None
    assert plan.cost_usd_at_least <= found.cost_usd <= plan.cost_usd_at_most
    assert plan.document_characters == len(text)


@pytest.mark.parametrize("window", [2_500, 4_000, 12_000])
def test_every_request_fits(window: int) -> None:
    """Whatever the window, prompts and replies fit into it, titles and headings as well."""
    model = replace(SMALL, context_window=window, max_output_tokens=window // 3)
    text = "".join(f"# {'Heading ' * 40}{at}\n\n{people(20)}\n\n" for at in range(12))
    with ChatServer(context_window=window, handler=honest) as server:
        source = Document(text=text, title="Long title " * 50)
        found = extract(server, source, model=model, instructions="Please. " * 20)
    assert len(server.requests) > 1
    assert {call.finish_reason for call in found.calls} == {"stop"}
    assert not found.gaps


def test_progress(server: ChatServer) -> None:
    """Each call is told."""
    server.handler = honest
    seen = list[Progress]()
    found = extract(server, people(30), chunk_tokens=200, on_event=seen.append)
    assert [each.calls_done for each in seen] == list(range(1, len(found.calls) + 1))


def test_exit_from_a_listener(server: ChatServer) -> None:
    """A listener may end the program."""

    def leave(_: Progress) -> None:
        raise SystemExit(7)

    server.handler = honest
    with pytest.raises(SystemExit, match="7"):
        extract(server, "Anna lives in Bern.", on_event=leave)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"key": 3}, "key is the name of a field or a list of names, not 3"),
        ({"key": ["name", 3]}, "key is the name of a field"),
        ({"key": "nom"}, "'nom', which is no field; there are: name, city, age"),
        ({"chunk_tokens": 0}, "chunk_tokens=0 is out of range"),
        ({"chunk_tokens": 10**6}, "room for .* tokens of source"),
        ({"instructions": " "}, "instructions is a text"),
        ({"on_gap": "skip"}, "on_gap is"),
        ({"schema": dict[str, int]}, "may have any keys"),
        ({"schema": Person, "key": "name"}, "the schema is one record"),
        ({"model": "offline"}, "the model 'offline' selects sentences .* set OPENAI_API_KEY"),
        ({"source": " \n"}, "empty or only white space"),
        ({"source": []}, "there is no source"),
        ({"source": Path("nowhere.txt")}, "no such file"),
    ],
)
def test_arguments(server: ChatServer, options: dict[str, Any], told: str) -> None:
    """What cannot be used is told before anything is sent, with the way out."""
    source = options.pop("source", "Anna lives in Bern.")
    with pytest.raises(ArgumentError, match=told) as caught:
        extract(server, source, options.pop("schema", list[Person]), **options)
    assert isinstance(caught.value, SourceError) == (source != "Anna lives in Bern.")
    assert not server.requests


def test_schema_that_fills_the_window(server: ChatServer) -> None:
    """A window that the schema fills is told."""
    tiny = replace(SMALL, context_window=600, max_output_tokens=100)
    with pytest.raises(ContextOverflowError, match="no room for source text"):
        extract(server, "Anna lives in Bern.", model=tiny, instructions="Please. " * 100)


def test_reasoning_models_have_room_to_think(server: ChatServer) -> None:
    """What a model thinks is output, so that it is given more."""
    server.handler = honest
    thinking = replace(SMALL, supports=SMALL.supports | {"reasoning"}, context_window=64_000)
    thinking = replace(thinking, max_output_tokens=16_000)
    extract(server, "Anna lives in Bern.", model=thinking)
    assert (output_limit(server.bodies[0]) or 0) >= 8_000 + 1_024


def test_journal(server: ChatServer, tmp_path: Path) -> None:
    """A second run pays for nothing, and finds the same."""
    server.handler = honest
    found = list[Any]()
    for _ in range(2):
        with Client(
            model=SMALL, api_key="k", base_url=server.base_url, journal=tmp_path / "j.sqlite"
        ) as client:
            found.append(client.extract(people(30), list[Person], chunk_tokens=200))
    first, second = found
    assert len(server.requests) == len(first.calls)
    assert [item.data for item in first.items] == [item.data for item in second.items]
    assert second.replayed_cost_usd == first.cost_usd


@pytest.mark.anyio
async def test_async(server: ChatServer) -> None:
    """The asynchronous client does the same, on either event loop."""
    server.handler = honest
    async with AsyncClient(model=SMALL, api_key="k", base_url=server.base_url) as client:
        found = await client.extract(people(30), list[Person], chunk_tokens=200)
    assert len(found.value) == 30
    assert found.value[0] == Person(name="Person0", city="City0", age=27)


def test_equal_records_of_several_sources(server: ChatServer, tmp_path: Path) -> None:
    """Without a key they are several, each with its source; with one they are one."""
    server.handler = honest
    sources = [Document(text="Anna lives in Bern.", title=name) for name in ("a.txt", "b.txt")]
    found = extract(server, [*sources, "Anna lives in Bern."])
    assert [item.documents for item in found.items] == [("a.txt",), ("b.txt",), ("document 3",)]
    assert [row["document"] for row in found.rows()] == ["a.txt", "b.txt", "document 3"]
    found.to_csv(tmp_path / "people.csv")
    assert (tmp_path / "people.csv").read_text("utf-8").startswith("document,name,")
    (one,) = extract(server, sources, key="name").items
    assert one.documents == ("a.txt", "b.txt")
    alone = extract(server, "Anna lives in Bern.")
    assert "document" not in alone.rows()[0]
    assert alone.documents == ("document 1",)
