"""Events out of bytes, however the bytes are cut and the lines end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.calls.sse import EventReader


def read(*received: bytes) -> list[str]:
    """Return the events in these pieces."""
    reader = EventReader()
    events = [event for piece in received for event in reader.feed(piece)]
    return [*events, *reader.end()]


def cut(data: st.DataObject, body: bytes) -> list[bytes]:
    """Cut `body` anywhere, also inside characters and line ends."""
    places = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    return [body[start:end] for start, end in zip([0, *places], [*places, None], strict=True)]


payloads = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=20).map(
    lambda text: f'"{text}"'
)


@given(
    data=st.data(),
    payloads=st.lists(payloads, max_size=4),
    line_end=st.sampled_from([b"\n", b"\r\n"]),
    between=st.sampled_from([b"", b": keep-alive", b"event: delta", b"id: 7", b"retry: 10"]),
    space=st.sampled_from([b"", b" "]),
    is_ended=st.booleans(),
)
def test_events_are_the_same_however_they_are_cut(
    *,
    data: st.DataObject,
    payloads: list[str],
    line_end: bytes,
    between: bytes,
    space: bytes,
    is_ended: bool,
) -> None:
    """Cuts, line ends, comments, names and a missing last line change nothing."""
    lines = [
        line for payload in payloads for line in (between, b"data:" + space + payload.encode(), b"")
    ]
    body = line_end.join(lines)
    body += line_end if is_ended else b""
    assert read(*cut(data, body)) == payloads


@given(data=st.data(), body=st.binary())
def test_any_bytes_are_read_alike_whole_and_cut(data: st.DataObject, body: bytes) -> None:
    """What is no stream at all neither fails nor depends on how it came."""
    assert read(*cut(data, body)) == read(body)


def test_line_ends_of_text_are_no_line_ends_of_streams() -> None:
    """U+2028, U+0085 and form feeds stand inside JSON."""
    text = '{"a": "one\u2028two\x85three\x0cfour\x1dfive"}'
    assert read(f"data: {text}\n\n".encode()) == [text]


def test_data_of_several_lines_are_joined() -> None:
    """JSON may be laid out over lines."""
    assert read(b'data: {"a":\ndata: 1}\n\n') == ['{"a":\n 1}']


def test_events_without_data_say_nothing() -> None:
    """Empty data, as a sign of life, are no event, and none is left over from them."""
    assert read(b"data:\n\ndata: \n\nevent: ping\n\n\n\ndata: x\n\ndata:") == ["x"]


@pytest.mark.parametrize("body", ['{"a":\n\n1}', "<html>\n\ndata: x\n\n</html>", "[1]", " \n{}"])
def test_what_is_no_stream_is_given_whole(body: str) -> None:
    """A body that begins as JSON or HTML is one event, in whatever pieces it comes."""
    reader = EventReader()
    begun = [event for byte in body.encode() for event in reader.feed(bytes([byte]))]
    assert not begun
    assert reader.is_whole
    assert [text.strip() for text in reader.end()] == [body.strip()]


def test_no_bytes_are_no_events() -> None:
    """An empty body has none."""
    assert read() == read(b"") == read(b"\n\n") == []


def test_broken_characters_are_replaced() -> None:
    """Bytes that are no UTF-8 do not fail; their JSON, if it is one, is read."""
    assert read(b"data: a\xffb\n\n") == ["a\ufffdb"]


def test_time_is_linear_in_the_length_of_a_line() -> None:
    """A line is joined once, not at each of its pieces: it may come byte by byte."""
    reader = EventReader()
    line = b"data: " + b"x" * 100_000 + b"\n\n"
    events = [event for byte in line for event in reader.feed(bytes([byte]))]
    assert [len(event) for event in events] == [100_000]
