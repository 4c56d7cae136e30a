"""Whatever comes from outside is read, or refused by an error that the reader documents.

Each reader gets what nearly has its form: pieces of the form in any order, valid wholes with a cut
or a doubling in them, and anything at all. `.ci/fuzz` looks longer; then an example that takes more
than some seconds fails, too.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minikit import (
    ArgumentError,
    BadReplyError,
    CallError,
    ImageRule,
    JournalError,
    LedgerEntry,
    Message,
    Model,
    Price,
    RefusalError,
    SourceError,
    UnknownModelError,
)
from minikit.calls.assembly import Assembly
from minikit.calls.completion import read_completion
from minikit.calls.failures import request_id, status_error
from minikit.calls.http_stream import _event
from minikit.calls.journal import Journal
from minikit.calls.limits import read_duration_s, read_limits
from minikit.calls.request import Request
from minikit.calls.schema import Misfit, Schema
from minikit.calls.sse import EventReader
from minikit.cli.schemas import read_schema
from minikit.jobs.chatting.conversation import Conversation
from minikit.jobs.completing.rows import FileRows
from minikit.jobs.plan import Plan, Plans, VerbPlan
from minikit.jobs.points import is_broken, read_marks, read_points
from minikit.jobs.serialize import Serializable
from minikit.jobs.training.examples import findings
from minikit.jobs.training.lines import UnusableLineError, parsed
from minikit.text import icu
from minikit.text.dates import dates
from minikit.text.decoding import decoded
from minikit.text.fields import FieldText
from minikit.text.formats.markdown import links, read_markdown
from minikit.text.formats.messages import read_json
from minikit.text.formats.paragraphs import read_text
from minikit.text.formats.po import read_po
from minikit.text.formats.segments import Segmented
from minikit.text.formats.subtitles import read_srt, read_vtt
from minikit.text.headings import find_headings
from minikit.text.kinds import file_text
from minikit.text.languages import read_language
from minikit.text.names import names
from minikit.text.numerals import han_numbers, han_readings, numbers, spelled_numbers
from minikit.text.placeholders import Syntax, placeholders
from minikit.text.units import units
from minikit.text.webpage import page_text
from minikit.tokens.image_files import read_images
from minikit.tokens.images import image_size
from nearly import bytes_near, json_like, json_near, near
from pictures import gif, jpeg, png, webp
from strategies import pieces

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
LONGEST_S = 20  # on a machine that does much else
BUDGET = settings(
    max_examples=EXAMPLES or 25,
    deadline=LONGEST_S * 1000 if EXAMPLES else None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

GERMAN = read_language("de")
REQUEST = Request.of("Hello?", model=Model.resolve("gpt-4o-mini"))
LANGUAGES = tuple(map(read_language, ["de", "ar", "ja", "pl", "fr-CA"]))


@dataclass
class Thing:
    """What a reply shall be."""

    a: int
    b: list[str] = field(default_factory=list)


def as_text(value: object) -> str:
    """JSON as a text, with what Python writes beyond JSON."""
    return json.dumps(value)


# The readers


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A reader of foreign data, what it is given, and how it may refuse it."""

    given: st.SearchStrategy[Any]
    read: Callable[[Any], object]
    refuses: tuple[type[Exception], ...] = ()


def reply_of(body: str) -> None:
    """Read a whole reply."""
    completion = read_completion(body, REQUEST)
    completion.text.encode()  # it is well-formed


def stream_of(data: bytes) -> None:
    """Read a stream as the transport and the pipeline do, cut in the middle."""
    reader, assembly, texts = EventReader(), Assembly(), list[str]()
    half = len(data) // 2
    events = [*reader.feed(data[:half]), *reader.feed(data[half:]), *reader.end()]
    for event in events:
        if event.startswith("[DONE]"):
            break
        texts.append(assembly.add(_event(event)))
    "".join(texts).encode()
    if assembly.finished:
        read_completion(assembly.body(), REQUEST)


def headers_of(headers: dict[str, str]) -> None:
    """Read what headers say of limits, of waiting and of the request."""
    for reading in read_limits(headers).values():
        assert reading.limit >= 0
    error = status_error(429, None, headers, key="k")
    assert error.retry_after_s is None or 0 <= error.retry_after_s < math.inf
    request_id(headers)


def duration_of(text: str) -> None:
    """Read a duration, which is a finite one."""
    seconds = read_duration_s(text)
    assert seconds is None or 0 <= seconds < math.inf


def failure_of(body: Any) -> None:  # noqa: ANN401 - JSON
    """Read the body of an error."""
    for status in (400, 401, 404, 408, 413, 429, 500, 503, 529):
        assert isinstance(status_error(status, body, {}, key="sk-secret"), CallError)


def lossless(segmented: Segmented) -> None:
    """Check that what does not change is as it was."""
    assert segmented.join([None] * len(segmented.segments)) == segmented.text
    same = [segment.text for segment in segmented.segments]
    assert segmented.count(same) == len(same)
    segmented.join(same)


def catalogue_of(text: str) -> None:
    """Read a catalogue for several languages."""
    for number, language in enumerate(LANGUAGES):
        with suppress(SourceError, ArgumentError):
            lossless(read_po(text, language, again=number % 2 == 0))


def icu_of(text: str) -> None:
    """Read an ICU message, which is like itself."""
    message = icu.parse(text)
    if icu.is_icu(text) and message is not None:
        list(icu.compare(message, message, ()))


def placeholders_of(text: str) -> None:
    """Find placeholders; they stand in the text in this order."""
    for syntax in get_args(Syntax):
        at = 0
        for each in placeholders(text, syntax):
            at = text.index(each, at) + len(each)


def facts_of(text: str) -> None:
    """Find numbers, dates, names and headings."""
    list(numbers(text)), list(spelled_numbers(text)), list(han_numbers(text))
    dates(text), names(text), han_readings(text[:200])
    for heading in find_headings(text):
        assert 0 <= heading.start <= len(text)
    for unit in units(text):
        assert 0 <= unit.start <= unit.end <= len(text)


def markdown_of(text: str) -> None:
    """Read a page."""
    lossless(read_markdown(text))
    links(text)


def points_of(text: str) -> None:
    """Read what models write of points."""
    points = read_points(text)
    assert points is None or all(point.text for point in points)
    is_broken(text), read_marks(text, 5)


def rows_of(kind: str, data: bytes) -> None:
    """Read a table or lines of JSON."""
    rows = FileRows(name="rows", kind=kind, stream=BytesIO(data), names=("a",))  # type: ignore[arg-type] # of two
    for index, record in enumerate(rows):
        assert record.index == index
        if record.error is None and kind == "csv":
            assert "a" in record.row


def journal_of(data: bytes) -> None:
    """Open a damaged journal, read all of it, and write to it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.sqlite"
        path.write_bytes(data)
        journal = Journal(path)
        try:
            journal.recall("fingerprint")
            list(journal.spent())
            journal.stats()
        finally:
            with suppress(JournalError):
                journal.close()


def schema_of(value: object) -> None:
    """Read a JSON schema from a file of the user's."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "schema.json"
        path.write_text(json.dumps(value), "utf-8")
        Schema.of(read_schema(str(path)))


def training_of(line: bytes) -> None:
    """Read a line of a training file."""
    for _, told in findings(parsed(line)):
        assert told


def fields_of(template: str) -> None:
    """Read a template and fill it."""
    text = FieldText(template)
    assert text.filled(dict.fromkeys(text.names, "x")).count("x") >= len(text.names)


def model_of(fields: dict[str, Any]) -> None:
    """Describe a model."""
    Model(**{"id": "a", "context_window": 9, "max_output_tokens": 3, **fields})


def saved_of(kind: type[Serializable], text: str) -> None:
    """Read what was saved; it can be saved again."""
    kind.from_json(text).to_json()


def entry_of(text: str) -> None:
    """Read an entry of a ledger; it is written as it was read."""
    entry = LedgerEntry.from_json(text)
    assert LedgerEntry.from_json(entry.to_json()) == entry


CHUNK = {
    "id": "c",
    "model": "gpt-4o-mini",
    "object": "chat.completion.chunk",
    "choices": [
        {
            "index": 0,
            "delta": {
                "role": "assistant",
                "content": "Hi",
                "tool_calls": [
                    {"index": 0, "id": "t", "function": {"name": "f", "arguments": "{}"}}
                ],
            },
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 5,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 1},
    },
}
BODY = {
    "id": "c",
    "model": "gpt-4o-mini",
    "service_tier": "default",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hi",
                "refusal": None,
                "tool_calls": [
                    {"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ],
            },
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 5,
        "completion_tokens": 2,
        "total_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 1},
    },
}
WIRE = (
    "id",
    "model",
    "choices",
    "message",
    "delta",
    "content",
    "refusal",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "finish_reason",
    "usage",
    "prompt_tokens",
    "completion_tokens",
    "index",
    "prompt_tokens_details",
    "cached_tokens",
    "error",
    "code",
    "type",
    "reasoning_content",
    "text",
)
ENTRY = {
    "operation": "complete",
    "model": "gpt-4o-mini",
    "outcome": "ok",
    "latency_s": 0.5,
    "started_at": "2026-11-23T00:00:00+00:00",
    "cost_usd": "0.1",
    "input_tokens": 3,
}
CONVERSATION = {
    "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}],
    "system": "You sell.",
}
EVENTS = st.builds(
    lambda values, ends, done: (
        b"".join(
            b"data: " + json.dumps(value).encode() + end
            for value, end in zip(values, ends, strict=False)
        )
        + done
    ),
    st.lists(json_like(CHUNK, *WIRE), max_size=5),
    st.lists(st.sampled_from([b"\n\n", b"\r\n\r\n", b"\n", b"\r\r"]), min_size=5, max_size=5),
    st.sampled_from([b"", b"data: [DONE]\n\n", b": ping\n\n", b"event: error\ndata: {}\n\n"]),
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            f"x-ratelimit-{what}-{of}"
            for what in ("limit", "remaining", "reset")
            for of in ("requests", "tokens", "input-tokens")
        ]
        + ["retry-after", "retry-after-ms", "x-request-id", "x-should-retry"]
    ),
    near("1", "0", "-1", "s", "ms", "m", "h", "6m0s", "1e9", ".", "inf", "nan", "Mon, 23 Nov 2026")
    | st.sampled_from(["Mon, 23 Nov 2026 10:00:00 GMT", "9" * 400, "1e308", "-0", "٣"]),
)
PO = 'msgid ""\nmsgstr ""\n"Language: de\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
PO += '#. note\n#, c-format\nmsgctxt "menu"\nmsgid "%d file"\nmsgid_plural "%d files"\n'
PO += 'msgstr[0] ""\nmsgstr[1] ""\n\n#~ msgid "old"\n#~ msgstr "alt"\n'
SRT = "1\n00:00:01,000 --> 00:00:04,000\n<i>Hello</i>\n- there\n\n"
SRT += "2\n00:00:05,000 --> 00:00:06,000\nBye\n"
VTT = "WEBVTT\n\nNOTE x\n\nSTYLE\n::cue{}\n\n"
VTT += "id\n00:01.000 --> 00:04.000 align:start\n<v Ada>Hello</v>\n"
PAGE = "# One\n\nA [link](https://a.b 'c') and `code` ![i](j.png)\n\n- item\n  - sub\n\n> q\n\n"
PAGE += "| a | b |\n|---|---|\n| c | d |\n\n```py\nx\n```\n\n<div>*h*</div>\n\n[r]: https://r\n"
HTML = "<html><head><title>T</title></head><body><h1>A</h1><p>b <b>c</b><ul><li>d</ul><table><tr>"
HTML += (
    "<td>e<td>f</table><pre>g\n h</pre><a href='https://i'>j</a><script>k</script></body></html>"
)
ICU = "{n, plural, offset:1 =0 {none} one {# file of {who}} other {# files}} "
ICU += "{g, select, a {x} other {y}}"
SCHEMA = {
    "type": "object",
    "title": "A",
    "properties": {
        "a": {"type": "string", "enum": ["b"]},
        "c": {"type": "array", "items": {"$ref": "#/$defs/d"}, "maxItems": 3},
    },
    "required": ["a"],
    "$defs": {"d": {"type": ["integer", "null"], "minimum": 1}},
}
SCHEMA_KEYS = (
    *SCHEMA,
    "items",
    "enum",
    "const",
    "anyOf",
    "oneOf",
    "$ref",
    "pattern",
    "format",
    "a",
)
TRAINING = {
    "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yes", "weight": 1, "tool_calls": []},
    ],
    "tools": [],
    "parallel_tool_calls": True,
}
MESSAGE = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a"}}]}
FIELDS = {
    "id": "a",
    "context_window": 9,
    "max_output_tokens": 3,
    "max_input_tokens": None,
    "provider": "x",
    "encoding": "o200k_base",
    "exact_counts": True,
    "supports": frozenset(),
    "output_limit_field": "max_tokens",
    "base_url": None,
    "price": None,
    "image_rule": None,
    "shutdown_date": None,
    "successor": None,
    "knowledge_cutoff": None,
    "price_id": None,
}
POINTS = '{"points": [{"text": "It rose.", "quotes": ["rose", "in March"], "from": [1, 2]}]}'
JOURNAL = (Path(__file__).parents[1] / "data" / "journal-1.sqlite").read_bytes()
TEXTS = near(
    "1",
    "1,000",
    "12.5",
    "%",
    "$",
    "三百",
    "twenty-",
    "one",
    "million",
    "½",
    "Ⅳ",
    "٣",
    "2026-11-23",
    "23.11.2026",
    "March 3",
    "Dr. Ada",
    "Berg",
    "# ",
    "## A\n",
    "====\n",
    "- ",
    "3. ",
    "\n\n",
    "| ",
)


READERS: dict[str, Reader] = {
    "a reply": Reader(
        given=json_like(BODY, *WIRE).map(as_text) | near("{", '"choices"', ":", "[", "]", "}", "<"),
        read=reply_of,
        refuses=(BadReplyError, RefusalError),
    ),
    "a stream": Reader(given=EVENTS | st.binary(), read=stream_of, refuses=(CallError,)),
    "headers": Reader(given=HEADERS, read=headers_of),
    "a duration": Reader(given=near("1", "m", "s", "h", "ms", ".", "-", "e9"), read=duration_of),
    "an error": Reader(given=json_near(*WIRE, "message", "param"), read=failure_of),
    "a value": Reader(
        given=near("{", "}", '"a"', ":", "1", "[", "]", "```json\n", "```", "1e999", "\\", '"')
        | json_like({"a": 1, "b": ["c"]}, "a", "b").map(as_text),
        read=Schema.of(Thing).parse,
        refuses=(Misfit,),
    ),
    "the size of an image": Reader(
        given=bytes_near(png(), jpeg(), webp(), webp(flags=2), gif()),
        read=image_size,
        refuses=(ArgumentError,),
    ),
    "an image": Reader(
        given=bytes_near(png(), jpeg(), webp(), webp(flags=0), gif(), gif(frames=2)),
        read=read_images,
        refuses=(SourceError,),
    ),
    "an image by its URL": Reader(
        given=near(
            "data:", "image/png", ";base64", ",", "iVBORw0KGgo=", "%20", "https://a", "http:"
        ),
        read=read_images,
        refuses=(SourceError, ArgumentError),
    ),
    "a PO catalogue": Reader(
        given=near(
            'msgid "', '"\n', "msgstr ", "msgstr[0] ", "#, fuzzy\n", "\\n", "\\x", wholes=(PO,)
        ),
        read=catalogue_of,
        refuses=(SourceError, ArgumentError),
    ),
    "a JSON catalogue": Reader(
        given=json_near("a", "one", "other", "@@locale", "{n}").map(as_text)
        | near(
            "{", "}", '"', ":", ",", "[", "\\u", "d800", "\n", wholes=('{"a": {"b": "Hi {n}"}}',)
        ),
        read=lambda text: lossless(read_json(text, GERMAN)),
        refuses=(SourceError, ArgumentError),
    ),
    "Markdown": Reader(
        given=near(
            "[",
            "](",
            ")",
            "`",
            "``",
            "*",
            "_",
            "<b>",
            "|",
            "\n|",
            "\n> ",
            "\n\n",
            "![",
            "    ",
            "\n- ",
            "\n1. ",
            "~~~\n",
            "\\",
            "&amp;",
            "<!--",
            wholes=(PAGE,),
        ),
        read=markdown_of,
    ),
    "a text": Reader(
        given=near("\n", "\n\n", "\r\n", " ", "a"), read=lambda t: lossless(read_text(t))
    ),
    "SRT": Reader(
        given=near(
            "1\n", "00:00:01,000 --> 00:00:02,000", "\n", "<i>", "{\\an8}", "->", wholes=(SRT,)
        ),
        read=lambda text: lossless(read_srt(text)),
        refuses=(SourceError,),
    ),
    "WebVTT": Reader(
        given=near(
            "WEBVTT", "\n", "NOTE", "STYLE", "00:01.000 --> 00:04.000", "<v A>", wholes=(VTT,)
        ),
        read=lambda text: lossless(read_vtt(text)),
        refuses=(SourceError,),
    ),
    "an ICU message": Reader(
        given=near(
            "{", "}", "n", ",", " plural", "select", "other", "=1", "#", "'", "<b>", wholes=(ICU,)
        ),
        read=icu_of,
    ),
    "placeholders": Reader(
        given=near(
            "{", "}", "%", "s", "(a)", "$", "{{", "}}", "<b>", "</b>", "`", "https://", "&", "@"
        ),
        read=placeholders_of,
    ),
    "bytes of a text": Reader(
        given=bytes_near(
            "Grüße, 東京 и мир".encode(),
            "Grüße".encode("utf-16"),
            b'<meta charset="x">',
            "東京".encode("iso2022_jp"),
            b"# coding: latin-1\n\xfc",
        )
        | st.binary(),
        read=lambda data: decoded(data, "a")[0].encode("utf-8", "surrogatepass"),
        refuses=(SourceError,),
    ),
    "a file": Reader(
        given=st.tuples(
            bytes_near(
                HTML.encode(),
                b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF",
                b"PK\x03\x04",
                b"{\\rtf1 a}",
                b"<?xml version='1.0'?><a/>",
            ),
            st.sampled_from(["", ".txt", ".html", ".pdf", ".docx", ".epub", ".md", ".json?a=1"]),
        ),
        read=lambda given: file_text(given[0], "a", given[1]),
        refuses=(SourceError,),
    ),
    "a page": Reader(
        given=near(
            "<p>",
            "</p>",
            "<table>",
            "<td>",
            "<pre>",
            "<a href=",
            "<!--",
            "-->",
            "&#",
            "<svg>",
            "<li>",
            "<ul>",
            "<b",
            ">",
            "hidden",
            "<template>",
            wholes=(HTML,),
        ),
        read=page_text,
    ),
    "facts": Reader(given=TEXTS, read=facts_of),
    "a CSV file": Reader(
        given=near("a", ",", ";", "\t", '"', "\n", "\r\n", "b", '""', wholes=("a,b\n1,2\n",)).map(
            lambda text: ("csv", text.encode("utf-8", "surrogatepass"))
        )
        | st.binary().map(lambda data: ("csv", data)),
        read=lambda given: rows_of(*given),
        refuses=(SourceError, ArgumentError),
    ),
    "a JSON Lines file": Reader(
        given=st.lists(json_near("a", "b").map(as_text) | pieces(), max_size=6).map(
            lambda lines: ("jsonl", "\n".join(lines).encode("utf-8", "surrogatepass"))
        ),
        read=lambda given: rows_of(*given),
        refuses=(SourceError, ArgumentError),
    ),
    "a journal": Reader(given=bytes_near(JOURNAL), read=journal_of, refuses=(JournalError,)),
    "an entry of a ledger": Reader(
        given=json_like(ENTRY, *ENTRY, "tier", "output_tokens").map(as_text)
        | near("{", "}", '"a"'),
        read=entry_of,
        refuses=(ArgumentError,),
    ),
    "points": Reader(
        given=near(
            "{",
            "}",
            '"points"',
            ":",
            "[",
            "]",
            '"text"',
            '"',
            "[#1]",
            "[1, 2]",
            "```json\n",
            "<think>",
            "</think>",
            wholes=(POINTS,),
        ),
        read=points_of,
    ),
    "a JSON schema": Reader(
        given=json_like(SCHEMA, *SCHEMA_KEYS), read=schema_of, refuses=(ArgumentError,)
    ),
    "a line of training": Reader(
        given=json_like(TRAINING, *TRAINING, "role", "content", "weight")
        .map(as_text)
        .map(str.encode)
        | bytes_near(json.dumps(TRAINING).encode()),
        read=training_of,
        refuses=(UnusableLineError,),
    ),
    "a template": Reader(
        given=near("{", "}", "{{", "}}", "a", "{a}", "\n", "!r", ":>9"),
        read=fields_of,
        refuses=(ArgumentError,),
    ),
    "a language": Reader(
        given=near("de", "-", "_", "BR", "Hant", "german", "(", "Brazilian ", "zh") | json_near(),
        read=read_language,
        refuses=(ArgumentError,),
    ),
    "the id of a model": Reader(
        given=near("gpt-4o-mini", "openai/", "ft:", ":", "-2024-07-18", "offline", "claude"),
        read=Model.resolve,
        refuses=(UnknownModelError, ArgumentError),
    ),
    "a model": Reader(
        given=st.dictionaries(st.sampled_from(list(FIELDS)), json_near("input_usd_per_mtok")),
        read=model_of,
        refuses=(ArgumentError,),
    ),
    "a price": Reader(
        given=st.dictionaries(
            st.sampled_from(["input_usd_per_mtok", "output_usd_per_mtok", "cached_usd_per_mtok"]),
            json_near(),
            min_size=2,
        ),
        read=lambda fields: Price(**{"input_usd_per_mtok": 1, "output_usd_per_mtok": 1, **fields}),
        refuses=(ArgumentError,),
    ),
    "a rule of images": Reader(
        given=st.dictionaries(st.sampled_from(["base_tokens", "tile_tokens"]), json_near()),
        read=lambda fields: ImageRule(**{"kind": "tile", **fields}),
        refuses=(ArgumentError,),
    ),
    "a message": Reader(
        given=json_like(
            MESSAGE, "role", "content", "name", "tool_calls", "tool_call_id", "type", "text"
        ),
        read=Message.of,
        refuses=(ArgumentError,),
    ),
    **{
        f"a saved {kind.__name__}": Reader(
            given=json_like(CONVERSATION, *CONVERSATION, "levels", "model", "verb").map(as_text),
            read=partial(saved_of, kind),
            refuses=(ArgumentError,),
        )
        for kind in (Conversation, Plan, Plans, VerbPlan)
    },
}


def property_of(name: str, reader: Reader) -> Callable[[], None]:
    """Return the property of a reader: it takes what it is given, or refuses it as it says."""

    def check(value: Any) -> None:  # noqa: ANN401 - foreign
        with suppress(*reader.refuses):
            reader.read(value)

    check.__name__ = name.replace(" ", "_")  # by which hypothesis keeps examples that failed
    return BUDGET(given(reader.given)(check))


PROPERTIES = {name: property_of(name, reader) for name, reader in READERS.items()}


@pytest.mark.parametrize("name", PROPERTIES)
def test_is_read_or_refused(name: str) -> None:
    """A reader takes what it is given, or raises an error that it documents, in time."""
    PROPERTIES[name]()
