"""A scripted chat-completions server over real HTTP on loopback; faults happen on the wire.

    with ChatServer() as server:
        server.script([error(429, code="rate_limit_exceeded"), ok("fine")])
        ...  # a client at `server.base_url` is refused once and then answered
        assert [request.path for request in server.requests] == ["/v1/chat/completions"] * 2

Scripted replies are given in the order in which requests arrive; when they are used up, `handler`
answers, by default with an extract of about 8 % of the prompt. Usage is counted exactly. A request
over the context window gets OpenAI's 400 and uses up no scripted reply.

Threads, not an event loop, serve the connections: the server works whatever loop a test runs on.
"""

from __future__ import annotations

import json
import re
import select
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from minikit.tokens.chat import count_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

Body = dict[str, Any]  # JSON as a client sent it

_WAIT_S = 60.0  # no test waits longer for something that must happen
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s*|\n+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server does with one request; made by the functions below.

    `make` returns the HTTP response for a request's body; `before` waits for what must come
    first, and `between`, told how many pieces of a stream are sent, for what must come before the
    next; `abort_after` resets the connection after so many bytes of the response.
    """

    make: Callable[[ChatServer, Body], Response]
    before: Callable[[ChatServer, Recorded, socket.socket], None] | None = None
    between: Callable[[ChatServer, Recorded, socket.socket, int], None] | None = None
    abort_after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An HTTP response; `pieces` are sent chunked, each by itself, `body` with its length."""

    status: int = 200
    content_type: str = "application/json"
    body: bytes = b""
    pieces: tuple[bytes, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Recorded:
    """A request as it arrived; `at` is in seconds on the monotonic clock.

    `client` is the other end of the connection; `abandoned` is set when that leaves before its
    reply is whole.
    """

    path: str
    headers: dict[str, str]
    body: Body
    at: float
    client: tuple[str, int]
    abandoned: threading.Event = field(default_factory=threading.Event)

    @property
    def prompt(self) -> str:
        """The texts of all messages, joined by new lines."""
        return prompt_of(self.body)


def ok(
    text: str | None = "Fine.",
    *,
    finish_reason: str | None = "stop",
    usage: Mapping[str, object] | Literal["exact"] | None = "exact",
    service_tier: str | None = "default",
    model: str | None = None,
    message: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Answer with a chat completion, or with its stream where the request asks for one.

    Args:
        text: The content, or None.
        finish_reason: As on the wire; None leaves a reply unfinished, a stream without its end.
        usage: Counts as on the wire; "exact" counts them, None leaves them out.
        service_tier: The tier in the reply, or None to leave it out.
        model: The model in the reply; by default the one asked for.
        message: Further fields of the message, such as `refusal` or `tool_calls`.
        headers: Further headers.
    """

    def make(server: ChatServer, body: Body) -> Response:
        counts = exact_usage(body, text or "") if usage == "exact" else usage
        frame: Body = {"id": f"chatcmpl-{len(server.requests):08d}", "created": int(time.time())}
        frame["model"] = model or body.get("model")
        if service_tier is not None:
            frame["service_tier"] = service_tier
        content = {"role": "assistant", "content": text, "refusal": None, **(message or {})}
        if body.get("stream"):
            events = stream_events(frame, content, finish_reason, counts, body)
            return sse(events, done=finish_reason is not None, headers=headers)
        choice = {"index": 0, "message": content, "logprobs": None, "finish_reason": finish_reason}
        whole: Body = {**frame, "object": "chat.completion", "choices": [choice]}
        if counts is not None:
            whole["usage"] = counts
        return Response(body=json.dumps(whole).encode(), headers=headers or {})

    return Reply(make=make)


def error(
    status: int,
    *,
    code: str | None = None,
    message: str = "Something went wrong.",
    type: str = "invalid_request_error",  # noqa: A002 - the field's name on the wire
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Refuse with `status` and an error body in OpenAI's shape."""
    what = {"error": {"message": message, "type": type, "param": param, "code": code}}
    return raw(status, "application/json", json.dumps(what).encode(), headers=headers)


def raw(
    status: int,
    content_type: str,
    body: bytes,
    *,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Answer with these bytes, whatever they are: HTML, half a JSON text, `{}`."""
    response = Response(status=status, content_type=content_type, body=body, headers=headers or {})
    return Reply(make=lambda _server, _body: response)


def reset(after: int = 0, *, within: Reply | None = None) -> Reply:
    """Reset the connection after `after` bytes of `within`'s body; 0: before any reply."""
    reply = within or ok("A reply that nobody will ever read to its end.")
    return replace(reply, abort_after=after)


def hang() -> Reply:
    """Never answer; the wait ends when the client leaves or the server closes."""
    return held(threading.Event())


def held(event: threading.Event, reply: Reply | None = None, *, after: int | None = None) -> Reply:
    """Answer with `reply` once `event` is set; so a test decides what is in flight together.

    With `after`, so many pieces of a stream come first.
    """

    def wait(server: ChatServer, recorded: Recorded, connection: socket.socket) -> None:
        while not event.wait(0.005):
            server.stop_if_over(recorded, connection)

    def between(server: ChatServer, recorded: Recorded, peer: socket.socket, sent: int) -> None:
        if sent == after:
            wait(server, recorded, peer)

    if after is None:
        return replace(reply or ok(), before=wait)
    return replace(reply or ok(), between=between)


def slow(seconds: float, reply: Reply | None = None, *, each: bool = False) -> Reply:
    """Answer with `reply` after `seconds`; with `each`, wait before every piece of a stream."""

    def wait(server: ChatServer, recorded: Recorded, connection: socket.socket, _: int = 0) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            server.closing.wait(min(left, 0.005))
            server.stop_if_over(recorded, connection)

    return replace(reply or ok(), between=wait) if each else replace(reply or ok(), before=wait)


def stream(events: Iterable[Mapping[str, object] | bytes], *, done: bool = True) -> Reply:
    """Stream these events as they are; bytes stand for the payload of a broken event."""
    kept = tuple(events)
    return Reply(make=lambda _server, _body: sse(kept, done=done))


def pieces(
    sent: Iterable[bytes],
    *,
    content_type: str = "text/event-stream",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Answer with these bytes, piece by piece, wherever they cut events or characters."""
    kept = tuple(sent)
    response = Response(content_type=content_type, pieces=kept, headers=headers or {})
    return Reply(make=lambda _server, _body: response)


def extract(body: Body, share: float = 0.08) -> Reply:
    """Answer with evenly spaced sentences of the prompt, about `share` of its length."""
    longest = max((text_of(message.get("content")) for message in body["messages"]), key=len)
    sentences = [part.strip() for part in _SENTENCE_END.split(longest) if len(part.strip()) > 1]
    wanted = max(20, int(len(longest) * share))
    step = max(1, len(longest) // wanted)
    text = " ".join(sentences[::step])[:wanted] or "Nothing."
    limit = output_limit(body)
    short, cut = cut_to(text, limit) if limit is not None else (text, False)
    return ok(short, finish_reason="length" if cut else "stop")


class ChatServer:
    """A chat-completions server on a free loopback port, from `__enter__` to `__exit__`.

    Attributes:
        requests: What arrived, in order.
        handler: Answers what no script answers; takes the body, returns a reply.
        max_in_flight: The most requests that were being answered at once.
        context_window: Prompt and requested output may not exceed it, in tokens.
        max_output_tokens: The most output that may be requested.
        closing: Set when the server closes.
    """

    def __init__(
        self,
        *,
        handler: Callable[[Body], Reply] = extract,
        context_window: int = 128_000,
        max_output_tokens: int = 16_384,
    ) -> None:
        self.handler = handler
        self.context_window = context_window
        self.max_output_tokens = max_output_tokens
        self.requests: list[Recorded] = []
        self.max_in_flight = 0
        self.closing = threading.Event()
        self._scripted: deque[Reply] = deque()
        self._in_flight = 0
        self._changed = threading.Condition()
        self._failures: list[BaseException] = []

    def __enter__(self) -> Self:
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._serve, name="ChatServer")
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.closing.set()
        with socket.create_connection(("127.0.0.1", self._http.server_port)):  # wakes the thread
            self._thread.join()
        self._http.close_connections()
        self._http.server_close()
        if self._failures:
            raise self._failures[0]

    @property
    def base_url(self) -> str:
        """The address to give to a client, "http://127.0.0.1:PORT/v1"."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @property
    def in_flight(self) -> int:
        """How many requests are being answered now."""
        return self._in_flight

    @property
    def bodies(self) -> list[Body]:
        """The bodies of all requests, in the order of arrival."""
        return [request.body for request in self.requests]

    def script(self, replies: Sequence[Reply]) -> None:
        """Give these replies to the next requests, in order."""
        with self._changed:
            self._scripted.extend(replies)

    def elsewhere(self, method: str, path: str, content_type: str, content: bytes) -> Reply | None:
        """Answer what is no chat completion; None is returned for one, to be answered as ever.

        Args:
            method: Of the request.
            path: What is asked for, with its query.
            content_type: Of the request's content, or "".
            content: What was sent.
        """
        del content_type, content
        if method == "POST" and path.partition("?")[0].endswith("/chat/completions"):
            return None
        return error(404, message=f"Invalid URL ({method} {path})")

    def wait_for(self, *, in_flight: int | None = None, requests: int | None = None) -> None:
        """Wait until so many requests are in flight, or have arrived in all."""

        def enough() -> bool:
            here = in_flight is None or self._in_flight >= in_flight
            return here and (requests is None or len(self.requests) >= requests)

        with self._changed:
            if not self._changed.wait_for(enough, timeout=_WAIT_S):
                raise TimeoutError(f"{self._in_flight} in flight, {len(self.requests)} in all")

    def stop_if_over(self, recorded: Recorded, connection: socket.socket) -> None:
        """End a wait when the server closes or the client has left."""
        if self.closing.is_set():
            raise _Over
        if select.select([connection], [], [], 0)[0] and not _peek(connection):
            recorded.abandoned.set()
            raise _Over

    def _serve(self) -> None:
        """Take connections until the server closes; `serve_forever` would notice that late."""
        while not self.closing.is_set():
            self._http.handle_request()

    def _arrive(self, recorded: Recorded) -> Reply:
        refusal = self._refusal(recorded.body)
        with self._changed:
            self.requests.append(recorded)
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)
            self._changed.notify_all()
            scripted = None if refusal or not self._scripted else self._scripted.popleft()
        return refusal or scripted or self.handler(recorded.body)

    def _leave(self) -> None:
        with self._changed:
            self._in_flight -= 1
            self._changed.notify_all()

    def _refusal(self, body: Body) -> Reply | None:
        limit = output_limit(body)
        if limit is not None and limit > self.max_output_tokens:
            return error(
                400,
                code="invalid_value",
                param="max_tokens",
                message=f"max_tokens is too large: {limit}. This model supports at most "
                f"{self.max_output_tokens} completion tokens, whereas you provided {limit}.",
            )
        prompt = prompt_tokens(body)
        if prompt + (limit or 1) <= self.context_window:
            return None
        asked = f"your messages resulted in {prompt} tokens."
        if limit is not None:
            asked = f"you requested {prompt + limit} tokens "
            asked += f"({prompt} in the messages, {limit} in the completion)."
        return error(
            400,
            code="context_length_exceeded",
            param="messages",
            message=f"This model's maximum context length is {self.context_window} tokens. "
            f"However, {asked} Please reduce the length of the messages.",
        )


def text_of(content: object) -> str:
    """Return the text of a message's content: a string, or its parts joined."""
    if isinstance(content, list):
        return "\n".join(cast("str", part.get("text", "")) for part in content)
    return cast("str", content) or ""


def prompt_of(body: Body) -> str:
    """Return the texts of all messages of a request, joined by new lines."""
    return "\n".join(text_of(message.get("content")) for message in body["messages"])


def prompt_tokens(body: Body) -> int:
    """Count a request's input tokens, whatever its model, in o200k_base."""
    return count_tokens(body["messages"], model="gpt-4o-mini", tools=body.get("tools", ()))


def output_limit(body: Body) -> int | None:
    """Return the most output a request asks for, or None."""
    return cast("int | None", body.get("max_completion_tokens") or body.get("max_tokens"))


def exact_usage(body: Body, text: str) -> Body:
    """Count what a reply with `text` uses, in the shape of the wire."""
    prompt, completion = prompt_tokens(body), count_tokens(text)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def cut_to(text: str, max_tokens: int) -> tuple[str, bool]:
    """Return a beginning of `text` within `max_tokens`, and whether anything was cut."""
    kept = text
    while kept and (tokens := count_tokens(kept)) > max_tokens:
        kept = kept[: min(len(kept) - 1, len(kept) * max_tokens // tokens)]
    return kept, kept != text


def stream_events(
    frame: Body,
    message: Body,
    finish_reason: str | None,
    usage: Mapping[str, object] | None,
    request: Body,
) -> Iterator[Body]:
    """Yield the events that stream `message`, the usage last where the request asks for it.

    Without a finish reason it has no usage either: the stream was interrupted.
    """
    head = {**frame, "object": "chat.completion.chunk"}
    counted = usage is not None and (request.get("stream_options") or {}).get("include_usage")
    if counted:
        head["usage"] = None

    def event(delta: Mapping[str, object], reason: str | None = None) -> Body:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    text = message.pop("content") or ""
    yield event({"role": "assistant", "content": ""})
    extra = {key: value for key, value in message.items() if key != "role" and value is not None}
    if "tool_calls" in extra:
        extra["tool_calls"] = [
            {"index": index, **call} for index, call in enumerate(extra["tool_calls"])
        ]
    if extra:
        yield event(extra)
    for start in range(0, len(text), 40):
        yield event({"content": text[start : start + 40]})
    if finish_reason is None:
        return
    yield event({}, finish_reason)
    if counted:
        yield {**head, "choices": [], "usage": usage}


def sse(
    events: Iterable[Mapping[str, object] | bytes],
    *,
    done: bool,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Frame `events` as server-sent events."""
    payloads = [
        event if isinstance(event, bytes) else json.dumps(event).encode() for event in events
    ]
    framed = [
        b"data: " + payload + b"\n\n" for payload in [*payloads, *([b"[DONE]"] if done else [])]
    ]
    return Response(content_type="text/event-stream", pieces=tuple(framed), headers=headers or {})


class _Over(Exception):  # noqa: N818 - a signal, not an error
    """The client has left or the server closes: no reply is due."""


class _Http(ThreadingHTTPServer):
    """Serves each connection in its own thread and joins all of them on closing."""

    daemon_threads = False
    request_queue_size = 1024

    def __init__(self, chat: ChatServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.chat = chat
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as typed above it
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as typed above it
        with self._lock:
            self._open.discard(request)
            request.close()  # no shutdown before it: that would turn a reset into a clean end

    def close_connections(self) -> None:
        with self._lock:
            for connection in self._open:
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep what is not the client's leaving, for `ChatServer.__exit__` to raise."""


class _Handler(BaseHTTPRequestHandler):
    """One connection, kept alive over its requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a piece of a stream does not wait for the next
    server: _Http
    connection: socket.socket

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (_Over, ConnectionError):
            self.close_connection = True
        except BaseException as failure:  # noqa: BLE001 - raised where the test can see it
            self.close_connection = True
            self.server.chat._failures.append(failure)

    def do_GET(self) -> None:
        self.do_POST()

    def do_DELETE(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        chat = self.server.chat
        length = int(self.headers.get("content-length", 0))
        sent = self.rfile.read(length)
        if len(sent) < length:  # the client left while it was sending
            raise _Over
        kind = self.headers.get("content-type", "")
        elsewhere = chat.elsewhere(self.command, self.path, kind, sent)
        body = json.loads(sent) if elsewhere is None else {}
        headers = {name.lower(): value for name, value in self.headers.items()}
        recorded = Recorded(
            path=self.path,
            headers=headers,
            body=body,
            at=time.monotonic(),
            client=self.client_address,
        )
        if elsewhere is not None:
            self._answer(elsewhere, recorded)
            return
        reply = chat._arrive(recorded)
        try:
            self._answer(reply, recorded)
        except ConnectionError:
            recorded.abandoned.set()
            raise
        finally:
            chat._leave()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
        """Say nothing."""

    def _answer(self, reply: Reply, recorded: Recorded) -> None:
        if reply.before is not None:
            reply.before(self.server.chat, recorded, self.connection)
        response, left = reply.make(self.server.chat, recorded.body), reply.abort_after
        if left == 0:
            self._abort()
        self._send_headers(response)
        for number, piece in enumerate(_framed(response)):
            if reply.between is not None:
                reply.between(self.server.chat, recorded, self.connection, number)
            self.wfile.write(piece[:left])
            if left is not None:
                left -= len(piece)
                if left <= 0:
                    self._abort()
        if left is not None:
            self._abort()

    def _send_headers(self, response: Response) -> None:
        self.send_response(response.status)
        headers = {"content-type": response.content_type, "x-request-id": self._request_id()}
        if response.pieces:
            headers["transfer-encoding"] = "chunked"
        else:
            headers["content-length"] = str(len(response.body))
        for name, value in {**headers, **response.headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _abort(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise _Over

    def _request_id(self) -> str:
        return f"req_{len(self.server.chat.requests):08d}"


def _framed(response: Response) -> Iterator[bytes]:
    """Yield the body as it is sent, the pieces of a stream each as a chunk."""
    if not response.pieces:
        yield response.body
        return
    for piece in response.pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _peek(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1, socket.MSG_PEEK)
    except ConnectionError:
        return b""
