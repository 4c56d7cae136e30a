"""Replies recorded from a real server once, and replayed from a file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from minikit.calls.offline import Reply as Wire
from minikit.calls.sse import EventReader
from minikit.errors import ArgumentError
from minikit.testing.double import Double
from minikit.testing.request import Request, UnexpectedRequestError
from minikit.testing.showing import difference, likeness, shown

if TYPE_CHECKING:
    from minikit.calls.standin import Forward

__all__ = ["Cassette", "Record"]

Record = Literal["none", "new", "all"]
RECORDS: tuple[str, ...] = get_args(Record)

_PASSING = frozenset({401, 403, 408, 409, 429})
"""What says nothing of the request but of the key or of the moment; 5xx are like it."""

_KEPT = ("content-type", "x-request-id")
_LONGEST_DATA = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """A request and what a server said to it: one line of a cassette."""

    request: Request
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @classmethod
    def of(cls, request: Request, reply: Wire) -> _Call:
        """Keep of a reply what a client reads, and nothing that is secret."""
        headers = {name: reply.headers[name] for name in _KEPT if name in reply.headers}
        body = cast("bytes", reply.body)  # what is forwarded comes whole
        return cls(request=request, status=reply.status, headers=headers, body=body)

    @classmethod
    def from_json(cls, line: bytes) -> _Call:
        """Read a line.

        Raises:
            ValueError: It is none.
        """
        try:
            fields = json.loads(line.decode())
            request = Request(body=fields["request"])
            shown(request)  # as a message would, should it be the nearest
            return cls(
                request=request,
                status=int(fields["status"]),
                headers=dict(fields["headers"]),
                body=_body(fields["reply"]),
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error

    def to_json(self) -> str:
        """Write the line, for people to read and for `from_json`."""
        fields = {
            "request": self.request.body,
            "status": self.status,
            "headers": self.headers,
            "reply": _plain(self.body, is_stream="event-stream" in self.headers.get(_KEPT[0], "")),
        }
        return json.dumps(fields, ensure_ascii=False)

    @property
    def wire(self) -> Wire:
        return Wire(status=self.status, headers=self.headers, body=self.body)


def _plain(body: bytes, *, is_stream: bool) -> Any:  # noqa: ANN401 - any JSON
    """Return a reply as JSON, a stream as the list of its events, and anything else as text."""
    text = body.decode("utf-8", "replace")
    try:
        if is_stream:
            reader = EventReader()
            events = [*reader.feed(body), *reader.end()]
            return [event if event == "[DONE]" else json.loads(event) for event in events]
        plain: object = json.loads(text)
    except ValueError:
        return text
    return cast("dict[str, object]", plain) if isinstance(plain, dict) else text


def _body(plain: object) -> bytes:
    if isinstance(plain, str):
        return plain.encode()
    if isinstance(plain, list):
        events = cast("list[object]", plain)
        datas = (each if each == "[DONE]" else json.dumps(each) for each in events)
        return "".join(f"data: {data}\n\n" for data in datas).encode()
    return json.dumps(plain).encode()


class Cassette(Double):
    """Replies of a real server in a file of JSON Lines, one call a line, to be replayed in tests.

    In its `with` block it stands in for every server. A request that is recorded word for word
    gets the reply that was recorded for it, the first time the first, the second time the second.
    Another one fails and shows the nearest that is recorded. Replaying needs no key and no network,
    and does not wait.

    A line holds the request (prompts and options, images as their hash) and the reply. It holds no
    header of the request and so no key, and of the reply's headers the content type and the id.
    Refusals of the moment (401, 403, 408, 409, 429, 5xx) are passed on and not recorded. While
    recording, a stream is handed on when it is whole.

    Attributes:
        path: The file.
        record: "none", "new" or "all".
        requests: What was asked, in order of arrival.
        unexpected: The errors of requests that are not recorded.
    """

    def __init__(self, path: str | Path, *, record: Record = "none") -> None:
        """Name the file; it is read at the start of the `with` block.

        Args:
            path: The file; its folder is made where there is none.
            record: "none" replays alone; "new" asks the real server for what is not recorded yet,
                and adds that; "all" asks it for everything and writes the file anew.

        Raises:
            ArgumentError: `record` is none of these.
        """
        super().__init__()
        if record not in RECORDS:
            raise ArgumentError(f"record is one of {', '.join(RECORDS)}, not {record!r}")
        self.path = Path(path)
        self.record: Record = record
        self.is_real = record != "none"
        self._calls: list[_Call] = []
        self._used = Counter[str]()
        self._lock = Lock()

    def assert_all_used(self) -> None:
        """Check that each recorded call was made again.

        Raises:
            AssertionError: One was not; the message shows the first of them.
        """
        recorded = Counter(_key(call.request) for call in self._calls)
        unused = recorded - self._used
        if unused:
            call = next(call for call in self._calls if _key(call.request) in unused)
            raise AssertionError(
                f"{unused.total()} of {len(self._calls)} calls in {self.path} were not made, such "
                f"as\n{shown(call.request)}\nrecord it anew with record='all'"
            )

    def _begin(self) -> None:
        """Read the file, if there is one.

        Raises:
            ArgumentError: A line of it is no call.
        """
        self._calls = [] if self.record == "all" else list(self._read())
        self._used.clear()

    async def _answer(self, request: Request, body: bytes, forward: Forward) -> Wire:
        asked = replace(request, body=_without_images(request.body))
        with self._lock:
            self.requests.append(asked)
            call = self._recorded(asked)
        if call is not None:
            return call.wire
        if not self.is_real:
            raise self._not_recorded(asked)
        from anyio import to_thread

        reply = await forward(body)
        if reply.status not in _PASSING and reply.status < 500:
            await to_thread.run_sync(self._keep, _Call.of(asked, reply))
        return reply

    def _recorded(self, request: Request) -> _Call | None:
        """Return the next call with this request; in "all", nothing was recorded before."""
        key = _key(request)
        calls = [call for call in self._calls if _key(call.request) == key]
        if self._used[key] >= len(calls):
            return None
        self._used[key] += 1
        return calls[self._used[key] - 1]

    def _keep(self, call: _Call) -> None:
        """Write a call down at once: what is paid for is not lost with the test that follows."""
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            mode = "wb" if self.record == "all" and not self._calls else "ab"
            with self.path.open(mode) as file:
                # A lone surrogate becomes "\udc80", which is how JSON writes it.
                file.write(call.to_json().encode("utf-8", "backslashreplace") + b"\n")
            self._calls.append(call)
            self._used[_key(call.request)] += 1

    def _read(self) -> Iterator[_Call]:
        if not self.path.exists():
            return
        for number, line in enumerate(self.path.read_bytes().split(b"\n"), 1):
            try:
                if line.strip():
                    yield _Call.from_json(line)
            except ValueError as error:
                raise ArgumentError(
                    f"line {number} of {self.path} is no recorded call ({error}): mend it, or "
                    f"record the file anew with record='all'"
                ) from error

    def _not_recorded(self, request: Request) -> UnexpectedRequestError:
        key = _key(request)
        same = sum(_key(call.request) == key for call in self._calls)
        if same:
            told = f"It is recorded {same} time{'s' * (same != 1)}, and was asked once more."
        elif self._calls:
            nearest = max(self._calls, key=lambda call: likeness(call.request, request)).request
            told = f"Of {len(self._calls)} calls the nearest differs, - as recorded, + as asked:\n"
            told += difference(nearest, request)
        else:
            told = "There is no recording yet."
        return UnexpectedRequestError(
            f"request {len(self.requests)} is not in {self.path}:\n{shown(request)}\n{told}\n"
            f"Record it with a key and record='new' (pytest --minikit-record=new)",
            code="unexpected_request",
        )


def _key(request: Request) -> str:
    return json.dumps(request.body, sort_keys=True)


def _without_images(value: object) -> Any:  # noqa: ANN401 - any JSON
    """Put in the place of embedded files their hashes: a cassette is for people to read."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return {key: _without_images(each) for key, each in fields.items()}
    if isinstance(value, list):
        return [_without_images(each) for each in cast("list[object]", value)]
    if isinstance(value, str) and value.startswith("data:") and len(value) > _LONGEST_DATA:
        import hashlib

        head, _, data = value.partition(",")
        return f"{head},sha256:{hashlib.sha256(data.encode()).hexdigest()}"
    return value
