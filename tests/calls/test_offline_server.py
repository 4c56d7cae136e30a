from __future__ import annotations

import json
import re
import textwrap
from pydoc_data.topics import topics
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from minikit.calls.offline import Reply, respond
from minikit.calls.points import PointsForm
from minikit.calls.schema import Schema
from minikit.calls.selection import NOTHING_TO_SELECT, cut, select
from minikit.text.fence import fence
from minikit.text.words import count_words
from minikit.tokens.chat import count_tokens
from minikit.tokens.counting import count_text
from strategies import texts

pytestmark = pytest.mark.anyio

CHAT = "/v1/chat/completions"
NOUNS = ("ship", "harbour", "captain", "storm", "lantern", "sailor", "anchor", "island", "whale")
SENTENCES = [
    f"Sentence {n} tells that the {NOUNS[n % 9]} of town {n} met the {NOUNS[n * 7 % 9]} "
    f"before the {NOUNS[n * 5 % 9]} left for the north in the year {1700 + n}."
    for n in range(120)
]
STORY = " ".join(SENTENCES)


def _user(text: str, **fields: object) -> dict[str, Any]:
    return {"model": "offline", "messages": [{"role": "user", "content": text}], **fields}


async def _collect(reply: Reply) -> bytes:
    if isinstance(reply.body, bytes):
        return reply.body
    return b"".join([event async for event in reply.body])


async def _post(request: object, path: str = CHAT) -> tuple[int, dict[str, Any]]:
    reply = await respond(path, json.dumps(request).encode())
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"].startswith("req_")
    return reply.status, json.loads(await _collect(reply))


async def _rejected(request: object) -> tuple[int, dict[str, Any]]:
    status, body = await _post(request)
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"message", "type", "param", "code"}
    assert body["error"]["type"] == "invalid_request_error"
    return status, body["error"]


async def _content(request: object) -> str:
    status, body = await _post(request)
    assert status == 200
    return str(body["choices"][0]["message"]["content"])


async def test_a_completion_has_the_form_of_the_wire() -> None:
    """Every field that the SDK knows is there, with the counts of our own counter."""
    request = _user(fence(STORY) + "\n\nSummarize it in about 60 words.")
    status, body = await _post(request)
    choice = body["choices"][0]
    assert status == 200
    assert body["id"].startswith("chatcmpl-")
    assert body["object"] == "chat.completion"
    assert body["created"] > 1_700_000_000
    assert body["model"] == "offline"
    assert body["service_tier"] == "default"
    assert choice["index"] == 0
    assert choice["finish_reason"] == "stop"
    assert choice["logprobs"] is None
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["refusal"] is None
    usage = body["usage"]
    assert usage["prompt_tokens"] == count_tokens(request["messages"], model="offline")
    assert usage["completion_tokens"] == count_text(choice["message"]["content"], "o200k_base")
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 0
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 0


async def test_the_reply_is_sentences_of_the_source() -> None:
    """What stands in the reply stands in the material, in its order, and about as long as asked."""
    text = await _content(_user(fence(STORY) + "\n\nSummarize it in about 80 words."))
    chosen = re.findall(r"Sentence \d+ [^.]*\.", text)
    assert " ".join(chosen) == " ".join(text.split())
    assert all(sentence in SENTENCES for sentence in chosen)
    assert chosen == sorted(chosen, key=SENTENCES.index)
    assert 40 <= count_words(text) <= 80


async def test_parts_of_a_series_are_the_material() -> None:
    """Several fences are read as one text, and the request is no part of it."""
    parts = [fence(" ".join(SENTENCES[n : n + 30]), "part", n=n) for n in range(0, 120, 30)]
    text = await _content(
        _user("\n".join(parts) + "\n\nMerge these in at most 1,000 words, please.")
    )
    assert "Merge" not in text
    assert "<part" not in text
    assert any(sentence in text for sentence in SENTENCES[:30])
    assert any(sentence in text for sentence in SENTENCES[90:])


async def test_a_prompt_without_fences_is_all_material() -> None:
    """The default length is 150 words; a number in the text itself asks for nothing."""
    text = await _content(_user("Write in about 10 words. " + STORY))
    assert 100 <= count_words(text) <= 150


async def test_only_the_last_user_message_is_read() -> None:
    """What was said before it is not the material."""
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "An older question stands here."},
        {"role": "assistant", "content": "An older answer."},
        {"role": "user", "content": [{"type": "text", "text": "One sentence."}]},
    ]
    assert await _content({"model": "offline", "messages": messages}) == "One sentence."


async def test_without_a_user_the_last_message_is_read() -> None:
    """A prompt of system messages alone is answered too."""
    messages = [{"role": "system", "content": "A sentence of the system."}]
    assert await _content({"model": "offline", "messages": messages}) == "A sentence of the system."


async def test_a_blank_fence_gets_a_mark() -> None:
    """A stretch of white space in a document is answered by a mark, not by an empty reply."""
    assert await _content(_user(fence(" \n ") + "\n\nSummarize.")) == NOTHING_TO_SELECT


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
async def test_an_output_limit_cuts(field: str) -> None:
    """A reply longer than the limit ends with the finish reason "length" and keeps the limit."""
    ask = fence(STORY) + "\n\nSummarize it in about 100 words."
    _, body = await _post(_user(ask, **{field: 7}))
    assert body["choices"][0]["finish_reason"] == "length"
    assert 5 <= body["usage"]["completion_tokens"] <= 7


async def test_a_limit_without_a_length_asked_is_kept_whole() -> None:
    """Where no length is asked for, the reply is as long as fits and is not cut."""
    _, body = await _post(_user(STORY, max_completion_tokens=100))
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"]["completion_tokens"] <= 100


async def test_the_window_is_kept() -> None:
    """A prompt that leaves no room for the reply is refused in the words of OpenAI."""
    text = "word " * 120_000
    tokens = count_tokens(_user(text)["messages"], model="offline")
    status, error = await _rejected(_user(text, max_completion_tokens=16_000))
    assert (status, error["code"], error["param"]) == (400, "context_length_exceeded", "messages")
    assert error["message"] == (
        f"This model's maximum context length is 128000 tokens. However, you requested "
        f"{tokens + 16_000} tokens ({tokens} in the messages, 16000 in the completion). Please "
        f"reduce the length of the messages or completion."
    )
    status, error = await _rejected(_user("word " * 130_000))
    assert (status, error["code"]) == (400, "context_length_exceeded")
    assert "your messages resulted in 130" in error["message"]


async def _events(request: object) -> list[Any]:
    reply = await respond(CHAT, json.dumps(request).encode())
    assert reply.headers["content-type"] == "text/event-stream"
    lines = (await _collect(reply)).decode().split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]


async def test_a_stream() -> None:
    """The pieces of a stream join to the reply that is given whole; the last one has the usage."""
    request = _user(fence(STORY) + "\n\nIn about 100 words.")
    _, whole = await _post(request)
    stream = {"stream": True, "stream_options": {"include_usage": True}}
    *chunks, last = await _events(request | stream)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": "", "refusal": None}
    assert len(deltas) > 5
    assert (
        "".join(delta.get("content", "") for delta in deltas)
        == whole["choices"][0]["message"]["content"]
    )
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks][-2:] == [None, "stop"]
    assert all(chunk["usage"] is None for chunk in chunks)
    assert (last["choices"], last["usage"]) == ([], whole["usage"])


async def test_a_stream_without_usage() -> None:
    """Usage is sent only where it was asked for."""
    chunks = await _events(_user("One sentence.", stream=True))
    assert not any("usage" in chunk for chunk in chunks)
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("fields", "param", "message"),
    [
        ({"max_tokens": 16_385}, "max_tokens", "max_tokens is too large: 16385"),
        ({"max_completion_tokens": 0}, "max_completion_tokens", "integer of at least 1"),
        ({"max_completion_tokens": True}, "max_completion_tokens", "integer of at least 1"),
        ({"max_tokens": "9"}, "max_tokens", "integer of at least 1"),
        ({"tools": [{"type": "function"}]}, "tools", "cannot call tools"),
        ({"functions": [{"name": "f"}]}, "functions", "cannot call functions"),
        ({"n": 2}, "n", "cannot give more than one choice"),
        ({"logprobs": True}, "logprobs", "cannot give probabilities"),
        ({"stop": ["."]}, "stop", "cannot stop at a text"),
        ({"response_format": {"type": "json_object"}}, "response_format", "other than text and"),
        ({"response_format": "json"}, "response_format", "other than text and"),
    ],
)
async def test_what_it_cannot_do(fields: dict[str, Any], param: str, message: str) -> None:
    """What only a language model can do is refused by name, not ignored."""
    status, error = await _rejected(_user("One sentence.", **fields))
    assert (status, error["param"]) == (400, param)
    assert message in error["message"]


async def test_a_text_format_is_no_format() -> None:
    """The default written out is accepted."""
    request = _user("One sentence.", response_format={"type": "text"}, n=1, temperature=0.2)
    assert await _content(request) == "One sentence."


def _format(
    *, schema: object = None, numbered: bool = False, **point: object
) -> dict[str, dict[str, Any]]:
    """Ask for points; `point` changes the schema of one, `schema` is another one in its place."""
    texts = {"type": "array", "items": {"type": "string"}}
    numbers = {"points": {"type": "array", "items": {"type": "integer"}}} if numbered else {}
    properties: dict[str, object] = {"text": {"type": "string"}, "quotes": texts, **numbers}
    item = {"type": "object", "properties": properties, "required": list(properties), **point}
    points = {"points": {"type": "array", "items": item}}
    form = schema or {"type": "object", "properties": points, "required": ["points"]}
    wire = {"name": "points", "strict": True, "schema": form}
    return {"response_format": {"type": "json_schema", "json_schema": wire}}


async def _points(text: str, **fields: object) -> list[dict[str, Any]]:
    request = _user(text, **(_format() | fields))
    return list(json.loads(await _content(request))["points"])


async def test_points_are_sentences_that_quote_themselves() -> None:
    """Each point is a sentence of the material, and its quote is that sentence."""
    ask = fence(STORY.replace("left for", "left\n  for")) + "\n\nIn about 80 words."
    points = await _points(ask)
    plain = await _content(_user(ask))
    assert [point["text"] for point in points] == re.findall(r"Sentence [^.]*\.", plain)
    assert all(point["text"] in SENTENCES for point in points)
    assert all(point == {"text": point["text"], "quotes": [point["text"]]} for point in points)


async def test_a_point_is_one_sentence() -> None:
    """Sentences that follow each other, a line in plain text, are points of their own."""
    points = await _points(fence(" ".join(SENTENCES[:3]) + "\n\n* * *\n") + "\n\nPoints, please.")
    assert [point["text"] for point in points] == SENTENCES[:3]


async def test_a_point_that_breaks_off() -> None:
    """The mark of a sentence that is cut belongs to the text of its point, not to the quote."""
    (point,) = await _points(fence(SENTENCES[0]) + "\n\nIn about 6 words.")
    assert point["text"] == "Sentence 0 tells that the […]"
    assert point["quotes"] == ["Sentence 0 tells that the"]
    pieces = await _points(fence("word " * 120) + "\n\nIn about 200 words.")
    assert [point["text"][-8:] for point in pieces] == ["word […]", "word […]", "ord word"]


NUMBERED = (
    fence(
        f"[#3] {SENTENCES[0]}\n    “Another sentence that {'is much longer ' * 9}stands here.”\n"
        f"   “And one more.”\n[#14] {SENTENCES[1]} {SENTENCES[2]}\n[#15] \n",
        "part",
        characters="0-10",
    )
    + "\n"
    + fence(f"{SENTENCES[3]} [#16] [#2]\n“A line of the material [#7] is this.”", "part")
    + "\n\nMerge these in about 200 words."
)


async def test_numbered_points() -> None:
    """Sentences of numbered lines name their numbers and have no quotes; quotations are left."""
    points = await _points(NUMBERED, **_format(numbered=True))
    quoted = "“A line of the material [#7] is this.”"
    assert points == [
        {"text": SENTENCES[0], "quotes": [], "points": [3]},
        {"text": SENTENCES[1], "quotes": [], "points": [14]},
        {"text": SENTENCES[2], "quotes": [], "points": [14]},
        {"text": SENTENCES[3], "quotes": [], "points": [2, 16]},
        {"text": quoted, "quotes": [quoted], "points": []},
    ]


async def test_numbers_that_the_schema_has_no_place_for() -> None:
    """Then they may be words of a document, and the sentences quote themselves without them."""
    points = await _points(NUMBERED)
    assert points[0] == {"text": SENTENCES[0], "quotes": [SENTENCES[0]]}


async def test_numbers_in_plain_text() -> None:
    """A line that is selected has its numbers at its end."""
    assert (await _content(_user(NUMBERED))).split("\n") == [
        f"{SENTENCES[0]} [#3]",
        f"{SENTENCES[1]} {SENTENCES[2]} [#14]",
        f"{SENTENCES[3]} [#2] [#16]",
        "“A line of the material [#7] is this.”",
    ]
    cut_off = await _content(_user(fence(f"[#5] {SENTENCES[0]}", "part") + "\n\nIn about 6 words."))
    assert cut_off == "Sentence 0 tells that the […] [#5]"


async def test_numbers_of_a_document_are_its_own() -> None:
    """What looks like a number or a quotation in a document is text of it, and stays in place."""
    line = f"[#5] {SENTENCES[0]}"
    assert await _content(_user(fence(f"{line}\n  “{SENTENCES[1]}”") + "\n\nIn 99 words.")) == (
        f"{line}\n“{SENTENCES[1]}”"
    )
    points = await _points(fence(line) + "\n\nIn about 99 words.", **_format(numbered=True))
    assert points == [{"text": line, "quotes": [line], "points": []}]


async def test_a_selection_of_what_was_selected() -> None:
    """Numbers are carried from call to call, with the sentences they belong to."""
    lines = [f"[#{number}] {sentence}" for number, sentence in enumerate(SENTENCES)]
    first = await _content(_user(fence("\n".join(lines), "part") + "\n\nIn about 300 words."))
    second = await _content(_user(fence(first, "part") + "\n\nIn about 100 words."))
    assert len(second.split("\n")) > 2
    for line in second.split("\n"):
        sentence, _, number = line.rpartition(" ")
        assert f"{number} {sentence}" in lines


@pytest.mark.parametrize("text", [" \n ", "* * *", "[#1]\n[#2] \n"])
async def test_points_of_what_says_nothing(text: str) -> None:
    """Blank material has no points."""
    request = _user(fence(text, "part") + "\n\nIn about 50 words.", **_format())
    assert await _content(request) == '{"points": []}'


async def test_points_are_left_out_where_they_do_not_fit() -> None:
    """The JSON is whole within the limit, and what is left still stands for all of the material."""
    prompt = fence(STORY) + "\n\nIn about 1000 words."
    whole = await _points(prompt)
    for limit in (2000, 700, 150):
        _, body = await _post(_user(prompt, max_tokens=limit, **_format()))
        points = json.loads(body["choices"][0]["message"]["content"])["points"]
        assert body["choices"][0]["finish_reason"] == "stop"
        assert limit * 0.5 < body["usage"]["completion_tokens"] <= limit
        assert 0 < len(points) < len(whole)
        assert whole.index(points[-1]) >= len(whole) * (1 - 2 / len(points))


async def test_one_point_that_does_not_fit() -> None:
    """It is cut, with the finish reason "length", where the shortest one has no room."""
    prompt = fence(f"{SENTENCES[0]}\n\nA short one.") + "\n\nIn about 100 words."
    for limit, finish_reason in ((40, "stop"), (12, "length")):
        request = _user(prompt, max_tokens=limit, **_format())
        _, body = await _post(request)
        assert body["choices"][0]["finish_reason"] == finish_reason
        assert body["usage"]["completion_tokens"] <= limit
        assert body["choices"][0]["message"]["content"].startswith('{"points": [{"text": "A short')


async def test_a_stream_of_points() -> None:
    """The pieces of a stream join to the JSON that is given whole."""
    request = _user(fence(STORY) + "\n\nIn about 100 words.", **_format())
    chunks = await _events(request | {"stream": True})
    deltas = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks]
    assert "".join(deltas) == await _content(request)


class _Point(BaseModel):
    text: str
    quotes: list[str]
    points: list[int]


class _Points(BaseModel):
    points: list[_Point]


async def test_the_schema_of_a_type() -> None:
    """A form that a type describes, with references, is filled, and the type reads the reply."""
    schema = Schema.of(_Points)
    request = _user(NUMBERED, response_format=schema.response_format())
    read = schema.parse(await _content(request))
    assert [point.points for point in read.points] == [[3], [14], [14], [2, 16], []]


CIRCLE = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
TEXTS = {"type": "array", "items": {"type": "string"}}
TEXT = {"type": "string"}


@pytest.mark.parametrize(
    "form",
    [
        _format(schema="{}"),
        _format(schema={"type": "object", "properties": 3}),
        _format(schema={"type": "object", "properties": {"value": TEXT}}),
        _format(schema={"type": "object", "properties": {"points": TEXTS}}),
        _format(schema=CIRCLE),
        _format(type="array"),
        _format(required=["text", "quotes", "weight"]),
        _format(properties={"text": TEXT}),
        _format(properties={"quotes": TEXTS}),
        _format(properties={"text": TEXT, "quotes": TEXT}),
        _format(properties={"text": TEXT, "quotes": TEXTS, "points": TEXTS}),
        {"response_format": {"type": "json_schema"}},
        {"response_format": {"type": "json_schema", "json_schema": []}},
    ],
)
async def test_other_schemas(form: dict[str, Any]) -> None:
    """What sentences cannot fill is refused, with the way out."""
    status, error = await _rejected(_user("One sentence.", **form))
    assert (status, error["param"]) == (400, "response_format")
    assert error["message"] == (
        "The offline model cannot answer in a form other than text and points with quotes: it only "
        "selects sentences from text. Leave out 'response_format', or choose another model."
    )


async def test_a_schema_that_requires_little() -> None:
    """What a schema allows and does not require may be left out."""
    assert await _points("One sentence.", **_format(required="all")) == [
        {"text": "One sentence.", "quotes": ["One sentence."]}
    ]


@given(texts())
@settings(max_examples=60, deadline=None)
def test_points_of_any_text(text: str) -> None:
    """Whatever the material, the quotes of its points stand in it, and no point is blank."""
    prompt = f"x{text}"
    reply = PointsForm(is_numbered=False).reply(prompt, max_tokens=2000, encoding="o200k_base")
    material = " ".join(prompt.split())
    points = json.loads(reply)["points"]
    assert len(points) == 1 or count_text(reply, "o200k_base") <= 2000
    for point in points:
        (quote,) = point["quotes"]
        assert quote.strip()
        assert point["text"].removesuffix(f" {NOTHING_TO_SELECT}") == quote
        assert quote in material or "[#" in material


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        (None, "Missing required parameter: 'messages'"),
        ([], "minimum length 1"),
        ("text", "minimum length 1"),
        (["text"], "Invalid 'messages': "),
        ([{"role": "nobody", "content": "x"}], "Invalid 'messages': "),
        ([{"role": "user", "content": " \n"}], "the last message is empty"),
        ([{"role": "user", "content": [IMAGE]}], "cannot see images"),
        ([{"role": "tool", "content": "x", "tool_call_id": "1"}], "cannot call tools"),
    ],
)
async def test_messages_that_cannot_be_answered(messages: object, message: str) -> None:
    """What is wrong with the messages is a 400 that says so."""
    status, error = await _rejected({"model": "offline", "messages": messages})
    assert status == 400
    assert message in error["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"[]", b"3"])
async def test_a_body_that_is_no_request(body: bytes) -> None:
    """Anything but a JSON object is a 400."""
    reply = await respond(CHAT, body)
    assert reply.status == 400
    assert "JSON body of your request" in json.loads(await _collect(reply))["error"]["message"]


async def test_models_that_it_is_not() -> None:
    """A request for another model is refused as a server without it would."""
    status, error = await _rejected(_user("x") | {"model": "gpt-4o-mini"})
    assert (status, error["code"]) == (404, "model_not_found")
    status, error = await _rejected({"messages": []})
    assert (status, error["message"]) == (400, "you must provide a model parameter")


async def test_the_other_paths() -> None:
    """Models are listed; every other path is a 404."""
    status, listed = await _post({}, "/v1/models")
    assert (status, [card["id"] for card in listed["data"]]) == (200, ["offline"])
    status, card = await _post({}, "/v1/models/offline")
    assert (status, card["object"]) == (200, "model")
    status, body = await _post({}, "/v1/embeddings")
    assert (status, body["error"]["message"]) == (404, "Invalid URL (POST /v1/embeddings)")


@given(st.text(st.characters()), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_cut_keeps_the_limit(text: str, max_tokens: int) -> None:
    """A cut text is a beginning of the text and has no more tokens than allowed."""
    beginning = cut(text, max_tokens, "o200k_base")
    assert text.startswith(beginning)
    assert count_text(beginning, "o200k_base") <= max_tokens


@given(st.text(st.characters(), min_size=1), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_select_answers_any_text(text: str, max_tokens: int) -> None:
    """Any text that is not blank gets an answer that is not blank."""
    assert select("x" + text, max_tokens=max_tokens).strip()


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        ("Summarize 'Forty, or 40 words' in about 20 words.", 20),
        ("A 30-word abstract.", 30),
        ("In at most 1,000 words.", 1000),
        ("In about 0 words.", 1),
    ],
)
def test_the_length_that_is_asked_for(ask: str, words: int) -> None:
    """What stands after "about" or "at most" is read before any other number of words."""
    selected = select(fence(STORY) + f"\n\n{ask}", max_tokens=16_000)
    assert words * 0.5 <= count_words(selected) <= max(2, words)  # a word, and a mark


@given(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=40), st.integers(1, 80))
@settings(max_examples=60, deadline=None)
def test_the_lines_of_a_reply_stand_in_the_material(sentences: list[str], words: int) -> None:
    """Each line is verbatim but for white space, and only a sentence that is cut has a mark."""
    text = textwrap.fill(" ".join(sentences), 72)
    material = " ".join(text.split())
    reply = select(fence(text) + f"\n\nIn about {words} words.", max_tokens=16_000)
    for line in reply.split("\n"):
        whole = line.removesuffix(f" {NOTHING_TO_SELECT}")
        assert whole in material
        assert whole != line or line.endswith(".")


def test_a_second_selection_sees_the_same_lines() -> None:
    """What was selected from the parts is selected from in whole lines, not cut anew."""
    reference = [topics[name] for name in ("typesmapping", "specialnames", "exprlists", "try")]
    replies = [
        select(fence(part) + "\n\nIn about 300 words.", max_tokens=900) for part in reference
    ]
    lines = [line for reply in replies for line in reply.split("\n")]
    parts = "\n".join(fence(reply, "part") for reply in replies)
    merged = select(parts + "\n\nIn about 150 words.", max_tokens=900).split("\n")
    assert len(merged) > 4
    assert all(any(line in first for first in lines) for line in merged)
    assert all(line.endswith((".", ".)", '."')) for line in merged)
