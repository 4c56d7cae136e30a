"""The Files and Batch API of a test double: a batch is done as soon as it is made."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qs
from uuid import uuid4

from minikit.calls.offline import Reply as Wire
from minikit.testing.replies import failure
from minikit.testing.request import Request, UnexpectedRequestError

__all__ = ["Batches"]

Json = dict[str, Any]
Answer = Callable[[Request, bytes], Awaitable[Wire]]

_PATH = re.compile(r"(?:(DELETE) )?[^ ]*/(files|batches)(?:/([^/]+))?(?:/(content|cancel))?")
_FILE = re.compile(
    rb'--([^\r\n]+)\r\n.*? name="file"; filename="([^"]*)".*?\r\n\r\n(.*?)\r\n--\1', re.DOTALL
)
_PAGE = 20
_DAY_S = 86_400

_LATE = {
    "code": "batch_expired",
    "message": "This request could not be executed before the completion window expired.",
}


class _File(NamedTuple):
    """A file: what is shown of it, and what it holds."""

    shown: Json
    content: bytes


class Batches:
    """The files and batches of one double, which answers the requests in them one by one.

    A batch shows as being validated when it is made, and is over at the first look. Its files hold
    the results in another order than that of the requests. What fails by a time limit expires with
    its batch, and what fails by its connection is missing in the files.
    """

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._files: dict[str, _File] = {}
        self._made: dict[str, Json] = {}

    async def respond(self, target: str, body: bytes, answer: Answer) -> Wire | None:
        """Answer what has to do with files and batches; None for anything else.

        Args:
            target: Path and query of the URL; see `Double.respond`.
            body: Body of the request; b"" for a GET.
            answer: Answers one request of a batch.
        """
        path, _, query = target.partition("?")
        parts = match.groups() if (match := _PATH.fullmatch(path)) else [None] * 4
        method, kind, name, action = parts
        reply = None
        match kind, method or action, bool(name), bool(body):
            case "files", None, False, True:
                reply = self._upload(body)
            case "files", None | "content" | "DELETE" as wanted, True, False:
                reply = self._file(str(name), wanted)
            case "batches", None, False, True:
                reply = await self._create(body, answer)
            case "batches", None, False, False:
                reply = self._list(query)
            case "batches", None, True, False:
                reply = self._show(str(name))
            case "batches", "cancel", True, _:
                reply = self._cancel(str(name))
            case _:
                pass
        return reply

    def _upload(self, body: bytes) -> Wire:
        parts = _FILE.match(body)
        if parts is None:
            return _refused(400, "'file' is a required property")
        return _json(self._stored(parts[3], parts[2].decode("utf-8", "replace"), "batch"))

    def _file(self, name: str, wanted: str | None) -> Wire:
        """Show a file, or its content, or delete it."""
        if name not in self._files:
            return _refused(404, f"No such File object: {name}")
        if wanted == "DELETE":
            del self._files[name]
            return _json({"id": name, "object": "file", "deleted": True})
        file = self._files[name]
        if wanted is None:
            return _json(file.shown)
        told = {"content-type": "application/octet-stream"}
        return Wire(status=200, headers=told, body=file.content)

    async def _create(self, body: bytes, answer: Answer) -> Wire:
        try:
            asked = json.loads(body)
            content = self._files[asked["input_file_id"]].content
            rows = [json.loads(line) for line in content.split(b"\n") if line.strip()]
            calls = [(str(row["custom_id"]), json.dumps(row["body"]).encode()) for row in rows]
            requests = [Request.read(sent, is_batched=True) for _, sent in calls]
            model = requests[0].model
        except (LookupError, TypeError, ValueError) as error:
            return _refused(400, f"The batch cannot be read: {type(error).__name__}: {error}")
        results = [
            await _result(name, partial(answer, request, sent))
            for (name, sent), request in zip(calls, requests, strict=True)
        ]
        now = int(time.time())
        made: Json = {
            "id": f"batch_{uuid4().hex}",
            "object": "batch",
            **asked,
            "status": "completed",
            "model": model,
            "created_at": now,
            "expires_at": now + _DAY_S,
        }
        self._write(made, results)
        self._made[made["id"]] = made
        return _json({**made, "status": "validating"})

    def _write(self, made: Json, results: list[Json | None]) -> None:
        """Write the files of a batch, and say in it how it ended."""
        there = [result for result in reversed(results) if result is not None]
        good = [result for result in there if _is_good(result)]
        late = [result for result in there if result["error"]]
        failed = len(there) - len(good) - len(late)
        if late:
            made["status"] = "expired"
        counts = {"total": len(results), "completed": len(results) - len(late) - failed}
        made["request_counts"] = {**counts, "failed": failed}
        for file, lines in (("output", good), ("error", [x for x in there if not _is_good(x)])):
            content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
            filename = f"{made['id']}_{file}.jsonl"
            written = self._stored(content, filename, "batch_output") if lines else {"id": None}
            made[f"{file}_file_id"] = written["id"]

    def _list(self, query: str) -> Wire:
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        newest = list(reversed(self._made))
        start = newest.index(asked["after"]) + 1 if asked.get("after") in self._made else 0
        end = start + int(asked.get("limit", _PAGE))
        page = [self._made[name] for name in newest[start:end]]
        return _json({"object": "list", "data": page, "has_more": end < len(newest)})

    def _show(self, name: str) -> Wire:
        known = self._made.get(name)
        return _refused(404, f"No batch found with id '{name}'.") if known is None else _json(known)

    def _cancel(self, name: str) -> Wire:
        if name not in self._made:
            return self._show(name)
        status = self._made[name]["status"]
        return _refused(409, f"Cannot cancel a batch with status '{status}'.")

    def _stored(self, content: bytes, filename: str, purpose: str) -> Json:
        """Store a file, and return what is shown of it."""
        shown: Json = {
            "id": f"file-{uuid4().hex}",
            "object": "file",
            "filename": filename,
            "purpose": purpose,
            "bytes": len(content),
            "created_at": int(time.time()),
            "status": "processed",
        }
        self._files[shown["id"]] = _File(shown, content)
        return shown


async def _result(name: str, answer: Callable[[], Awaitable[Wire]]) -> Json | None:
    """Answer one request of a batch; None where nothing is told of it."""
    head = {"id": f"batch_req_{uuid4().hex}", "custom_id": name}
    try:
        reply = await answer()
    except TimeoutError:
        return {**head, "response": None, "error": _LATE}
    except ConnectionError:
        return None
    except UnexpectedRequestError as wrong:  # the test will fail; the other requests have replies
        reply = failure(400, str(wrong), code=wrong.code)
    if isinstance(reply.body, AsyncIterator):
        reply = failure(400, "Streaming is not supported in a batch.")
    response = {
        "status_code": reply.status,
        "request_id": reply.headers.get("x-request-id"),
        "body": _parsed(cast("bytes", reply.body)),
    }
    return {**head, "response": response, "error": None}


def _is_good(result: Json) -> bool:
    return result["response"] is not None and result["response"]["status_code"] == 200


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _refused(status: int, message: str) -> Wire:
    return failure(status, message)


def _json(body: Mapping[str, Any]) -> Wire:
    return Wire(
        status=200,
        headers={"content-type": "application/json"},
        body=json.dumps(body).encode(),
    )
