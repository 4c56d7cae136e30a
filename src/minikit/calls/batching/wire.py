"""What a batch is on the wire: the lines of its files, and what the server tells of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from minikit.calls.completion import well_formed
from minikit.errors import BadReplyError

if TYPE_CHECKING:
    from minikit.calls.request import Request

__all__ = ["WAVE", "Line", "Lines", "ServerBatch", "line_of", "read_batch"]

WAVE = "minikit_wave"
"""The key of our id in the metadata of a batch."""

TIER = "batch"
"""The tier by which a reply is priced, whatever it says."""

_BREAKS = {char: f"\\u{ord(char):04x}" for char in "\x85\u2028\u2029"}
"""What some take for the end of a line; JSON may escape it."""


def line_of(name: str, request: Request, endpoint: str) -> bytes:
    """Return the line of a request in a file; UTF-8, with its end.

    Args:
        name: Its name in the file.
        request: What is asked.
        endpoint: The path that the batch is for.
    """
    import json

    line = {"custom_id": name, "method": "POST", "url": endpoint, "body": request.to_wire()}
    text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
    if not text.isascii():
        text = well_formed(text)
        for char, escaped in _BREAKS.items():
            text = text.replace(char, escaped)
    return text.encode() + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of an output or error file.

    Attributes:
        name: Of the request.
        status: The HTTP status of its reply, or None where there was none.
        body: The reply, as text with the tier of batches where its status is 200, else as it is.
        request_id: The server's id of the request, or None.
        code: Of the error where there was no reply, or None.
        message: Of the same.
    """

    name: str
    status: int | None
    body: Any
    request_id: str | None
    code: str | None
    message: str

    @property
    def is_reply(self) -> bool:
        """Whether it brings a reply of status 200, whatever is in it."""
        return self.status == 200


@dataclass(slots=True)
class Lines:
    """Cuts the bytes of a file into lines, at line feeds alone."""

    _rest: list[bytes] = field(default_factory=list[bytes])

    def feed(self, piece: bytes) -> list[Line]:
        """Return the lines that end in `piece`, the next bytes of the file."""
        *whole, rest = piece.split(b"\n")
        if not whole:
            self._rest.append(rest)
            return []
        whole[0] = b"".join([*self._rest, whole[0]])
        self._rest = [rest]
        return list(_read_all(whole))

    def end(self) -> list[Line]:
        """Return the line that the end of the file ends."""
        return list(_read_all([b"".join(self._rest)]))


def _read_all(raw: list[bytes]) -> Iterator[Line]:
    return filter(None, map(_read_line, raw))


def _read_line(raw: bytes) -> Line | None:
    """Read a line; None for what is none, whose request is then missing."""
    import json

    try:
        line = _mapping(json.loads(raw))
    except (ValueError, RecursionError):
        return None
    name, response, error = line.get("custom_id"), line.get("response"), _mapping(line.get("error"))
    if not isinstance(name, str):
        return None
    reply = _mapping(response)
    status = _status(reply.get("status_code"))
    body: object = reply.get("body")
    is_reply = status == 200
    if is_reply:
        body = json.dumps({**body, "service_tier": TIER} if isinstance(body, dict) else body)
    return Line(
        name=name,
        status=status,
        body=body,
        request_id=_text(reply.get("request_id")),
        code=_text(error.get("code")),
        message=_text(error.get("message")) or "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerBatch:
    """A batch as the server tells of it.

    Attributes:
        id: The server's id.
        status: How far it is.
        wave: Our id, or None where minikit has not made it.
        model: The model, or None where the server does not tell.
        files: Ids of the files of replies and of errors, as far as there are any.
        requests: How many requests it holds.
        completed: Those of them that have a reply.
        failed: Those of them that have an error.
        errors: What was wrong with it as a whole, as the server tells it.
        created_at: When it was made, in UTC, or None.
        expires_at: When it is given up, or None.
    """

    id: str
    status: str
    wave: str | None
    model: str | None
    files: tuple[str, ...]
    requests: int
    completed: int
    failed: int
    errors: tuple[Mapping[str, Any], ...]
    created_at: datetime | None
    expires_at: datetime | None

    @property
    def figures(self) -> tuple[object, ...]:
        """What changes as it comes further."""
        return self.status, self.requests, self.completed, self.failed


def read_batch(raw: object) -> ServerBatch:
    """Read a batch object.

    Raises:
        BadReplyError: It is none.
    """
    batch = _mapping(raw)
    name, status = batch.get("id"), batch.get("status")
    if not (isinstance(name, str) and isinstance(status, str)):
        raise BadReplyError(f"the server told of a batch without an id or a status: {name!r:.80}")
    counts, told = _mapping(batch.get("request_counts")), _mapping(batch.get("errors"))
    errors: object = told.get("data")
    return ServerBatch(
        id=name,
        status=status,
        wave=_text(_mapping(batch.get("metadata")).get(WAVE)),
        model=_text(batch.get("model")),
        files=tuple(
            file
            for key in ("output_file_id", "error_file_id")
            if isinstance(file := batch.get(key), str) and file
        ),
        requests=_count(counts.get("total")),
        completed=_count(counts.get("completed")),
        failed=_count(counts.get("failed")),
        errors=tuple(map(_mapping, cast("list[object]", errors))) if _is_list(errors) else (),
        created_at=_time(batch.get("created_at")),
        expires_at=_time(batch.get("expires_at")),
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _status(value: object) -> int | None:
    return value if type(value) is int and 100 <= value <= 599 else None


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else None
    except (OverflowError, OSError, ValueError):
        return None
