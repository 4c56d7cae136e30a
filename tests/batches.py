"""The Batch API over real HTTP on loopback, beside the chat completions of `server.ChatServer`.

    with BatchServer() as server:
        server.fates.append(Fate(ends="expired", after=3))
        ...  # a client uploads, makes a batch, looks at it: each look brings it a step further
        assert server.billed_usd == Decimal("0.0123")

Each request of a batch is answered by the script and the handler of `ChatServer`, in the order of
the file, once the batch is in progress. No clock drives a batch: each `GET /batches/{id}` takes it
a step, or, with `manual`, only the test does. The server keeps its own bill, of prices of its own.

What it is made after, all read on 2026-11-23:
- OpenAI's OpenAPI document (openai/openai-openapi, openapi.yaml of 2026-08-21): the objects, the
  states, pages of 20 (1 to 100) after a cursor, metadata of 16 pairs, 50,000 requests, 200 MB, one
  completion window; a cancelled batch has partial results in its output file.
- OpenAI's guide of the Batch API: output in any order, what failed in another file, lines of
  "batch_expired", done work of an expired batch is billed, the queue limit counts input tokens.
- openai/openai-openapi issue 302: a failed request has `error: null`, and its error in
  `response.body`. openai/openai-python issue 2084: "token_limit_exceeded" and its message.
- community.openai.com/t/723696: the message of a duplicate custom_id. stdapi-ai/stdapi.ai issue
  240: faults of the file are told by a failed batch, and the codes of them. The integration tests
  of ogx-ai/ogx: the message of "invalid_json_line". BerriAI/litellm, tests of batches: 409 for
  cancelling what is over. warmbly/warmbly pull 333: expired requests count neither as completed
  nor as failed.
Guessed, since nobody tells: the messages of "url_mismatch", "model_mismatch", "empty_file" and
"too_many_tasks", and 413 for a file that is too large.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from decimal import Decimal
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast
from urllib.parse import parse_qs, urlsplit

from server import (
    Body,
    ChatServer,
    Reply,
    Response,
    error,
    exact_usage,
    extract,
    prompt_tokens,
    raw,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from email.message import Message

    from server import Recorded

Route = Literal["upload", "file", "content", "delete", "create", "list", "retrieve", "cancel"]
End = Literal["completed", "expired", "cancelled"]

ENDPOINTS = ("/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/v1/completions")
MOST_REQUESTS = 50_000
MOST_BYTES = 200 * 1024 * 1024
DAY_S = 86_400
OVER = ("completed", "failed", "expired", "cancelled")

PRICES = {"gpt-4o-mini": ("0.15", "0.075", "0.60"), "gpt-4o": ("2.5", "1.25", "10")}
"""US dollars for a million tokens: input, cached input, output."""

_ROUTES: tuple[tuple[str, str, Route], ...] = (
    ("POST", r"/files", "upload"),
    ("GET", r"/files/([^/]+)", "file"),
    ("DELETE", r"/files/([^/]+)", "delete"),
    ("GET", r"/files/([^/]+)/content", "content"),
    ("POST", r"/batches", "create"),
    ("GET", r"/batches", "list"),
    ("GET", r"/batches/([^/]+)", "retrieve"),
    ("POST", r"/batches/([^/]+)/cancel", "cancel"),
)


@dataclass(frozen=True, kw_only=True)
class Fate:
    """How a batch goes, once its file is found right.

    Attributes:
        ends: Its last state.
        after: How many requests are done before it ends so; None: all.
        missing: How many of the requests that were done stand in no file, though they are billed.
        errors: What its validation finds wrong, whatever the file; it ends as failed then.
        each: How many requests are done at each step; None: all.
    """

    ends: End = "completed"
    after: int | None = None
    missing: int = 0
    errors: tuple[Mapping[str, object], ...] = ()
    each: int | None = None


@dataclass(kw_only=True)
class File:
    """A file that was uploaded, or that a batch wrote."""

    shown: Body
    content: bytes


@dataclass(kw_only=True)
class Made:
    """A batch: what the server shows of it, and how it is to go on."""

    shown: Body
    fate: Fate
    lines: list[Body] = field(default_factory=list)
    done: list[Body] = field(default_factory=list)
    tokens: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it changes no more."""
        return self.shown["status"] in OVER


class Charge(NamedTuple):
    """What one reply was charged; `batch` is the id of its batch, None outside of one."""

    model: str
    usage: Body
    usd: Decimal
    batch: str | None


class _Refused(Exception):  # noqa: N818 - a reply, not an error of ours
    """Carries the reply that ends a request."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str = ""
    ) -> None:
        super().__init__(message)
        self.reply = error(status, message=message, code=code, param=param or None)


class BatchServer(ChatServer):
    """A server of chat completions, files and batches.

    Attributes:
        batches: All batches by id, oldest first.
        files: All files by id; what is deleted is gone.
        fates: How the next batches go, in order; when they are used up, all is completed.
        manual: Whether only `step` and `finish` take batches further, and no look at them.
        at_once: Whether the first look takes a batch to its end.
        enqueued_limit: Input tokens in unfinished batches of a model at most; None for no limit.
        max_requests: Requests in a file at most.
        max_bytes: Bytes of a file at most.
        models: Ids of the models that batches know; None for any.
        prices: US dollars a million tokens by model: input, cached input, output.
        charges: What was charged, in order, with what came outside of batches.
        asked: Each request beside chat completions: its route, and its path.
        clock_skew_s: How many seconds the server's clock is ahead.
    """

    def __init__(
        self,
        *,
        handler: Callable[[Body], Reply] = extract,
        context_window: int = 128_000,
        max_output_tokens: int = 16_384,
        prices: Mapping[str, tuple[str, str, str]] | None = None,
    ) -> None:
        super().__init__(
            handler=handler, context_window=context_window, max_output_tokens=max_output_tokens
        )
        self.batches: dict[str, Made] = {}
        self.files: dict[str, File] = {}
        self.fates: deque[Fate] = deque()
        self.manual = False
        self.at_once = False
        self.enqueued_limit: int | None = None
        self.max_requests = MOST_REQUESTS
        self.max_bytes = MOST_BYTES
        self.models: frozenset[str] | None = None
        self.prices = dict(PRICES if prices is None else prices)
        self.charges: list[Charge] = []
        self.asked: list[tuple[Route, str]] = []
        self.clock_skew_s = 0
        self._faults: dict[Route, deque[tuple[Reply, bool]]] = {}
        self._numbers = 0
        self._turn = threading.RLock()

    # What a test asks and sets

    def fault(self, route: Route, *replies: Reply, happens: bool = False) -> None:
        """Give these replies to the next requests of a route, in order.

        With `happens`, what is asked is done first: a reply that resets the connection then cuts
        the true one, and any other stands in its place.
        """
        self._faults.setdefault(route, deque()).extend((reply, happens) for reply in replies)

    def step(self, batch_id: str | None = None) -> None:
        """Take a batch a step further, or all of them."""
        with self._turn:
            for made in [self.batches[batch_id]] if batch_id else list(self.batches.values()):
                self._step(made)

    def finish(self, batch_id: str | None = None) -> None:
        """Take a batch to its end, or all of them."""
        with self._turn:
            for made in [self.batches[batch_id]] if batch_id else list(self.batches.values()):
                while not made.is_over:
                    self._step(made)

    def forget(self, batch_id: str) -> None:
        """Know nothing more of a batch."""
        with self._turn:
            del self.batches[batch_id]

    @property
    def billed_usd(self) -> Decimal:
        """What all replies were charged."""
        return sum((charge.usd for charge in self.charges), Decimal(0))

    @property
    def items(self) -> list[Body]:
        """The lines of all batches that passed validation, in the order of the files."""
        return [line for made in self.batches.values() for line in made.lines]

    def count(self, route: Route) -> int:
        """Return how often a route was asked for."""
        return sum(asked == route for asked, _ in self.asked)

    # What a client sees

    def elsewhere(self, method: str, path: str, content_type: str, content: bytes) -> Reply | None:
        """Answer what has to do with files and batches."""
        where = urlsplit(path)
        for known, pattern, route in _ROUTES:
            match = re.fullmatch(f"/v1{pattern}", where.path)
            if match and method == known:
                with self._turn:
                    self.asked.append((route, path))
                    return self._answer(
                        route, [*match.groups()], where.query, content_type, content
                    )
        return super().elsewhere(method, path, content_type, content)

    def _answer(
        self, route: Route, ids: list[str], query: str, content_type: str, content: bytes
    ) -> Reply:
        scripted = self._faults.get(route)
        fault, happens = scripted.popleft() if scripted else (None, True)
        if fault is not None and not happens:
            return fault
        try:
            match route:
                case "upload":
                    reply = self._upload(content_type, content)
                case "create":
                    reply = self._create(json.loads(content))
                case "list":
                    reply = self._list(query)
                case _:
                    reply = getattr(self, f"_{route}")(*ids)
        except _Refused as refused:
            return refused.reply
        if fault is None:
            return reply
        return fault if fault.abort_after is None else replace(reply, abort_after=fault.abort_after)

    def _upload(self, content_type: str, content: bytes) -> Reply:
        head = f"content-type: {content_type}\r\n\r\n".encode()
        whole = BytesParser().parsebytes(head + content)
        parts = cast("list[Message]", whole.get_payload() if whole.is_multipart() else [])
        fields: dict[str, Any] = {}
        name = ""
        for part in parts:
            key = str(part.get_param("name", header="content-disposition"))
            fields[key] = part.get_payload(decode=True)
            name = part.get_filename() or name
        if "file" not in fields:
            raise _Refused(400, "'file' is a required property", param="file")
        purpose = fields.get("purpose", b"").decode()
        if purpose != "batch":
            raise _Refused(400, f"Invalid value for purpose: '{purpose}'.", param="purpose")
        if not name.endswith(".jsonl"):
            message = f"Invalid file format for Batch API. Must be .jsonl, not '{name}'."
            raise _Refused(400, message, param="file")
        if len(fields["file"]) > self.max_bytes:
            message = f"File is too large: at most {self.max_bytes} bytes can be sent."
            raise _Refused(413, message, param="file")
        return _json(self._store(fields["file"], name, purpose))

    def _store(self, content: bytes, name: str, purpose: str) -> Body:
        shown: Body = {
            "id": self._id("file-"),
            "object": "file",
            "bytes": len(content),
            "created_at": self._now(),
            "expires_at": None,
            "filename": name,
            "purpose": purpose,
            "status": "processed",
            "status_details": None,
        }
        self.files[shown["id"]] = File(shown=shown, content=content)
        return shown

    def _known_file(self, file_id: str) -> File:
        if file_id not in self.files:
            raise _Refused(404, f"No such File object: {file_id}", param="id")
        return self.files[file_id]

    def _file(self, file_id: str) -> Reply:
        return _json(self._known_file(file_id).shown)

    def _content(self, file_id: str) -> Reply:
        return raw(200, "application/octet-stream", self._known_file(file_id).content)

    def _delete(self, file_id: str) -> Reply:
        self._known_file(file_id)
        del self.files[file_id]
        return _json({"id": file_id, "object": "file", "deleted": True})

    def _create(self, body: Body) -> Reply:
        file = self._known_file(body.get("input_file_id", ""))
        if body.get("endpoint") not in ENDPOINTS:
            message = f"Invalid value: '{body.get('endpoint')}'."
            raise _Refused(400, message, code="invalid_value", param="endpoint")
        if body.get("completion_window") != "24h":
            message = "Invalid 'completion_window': the only supported value is '24h'."
            raise _Refused(400, message, code="invalid_value", param="completion_window")
        metadata = body.get("metadata") or {}
        if not _is_metadata(metadata):
            message = (
                "Invalid 'metadata': at most 16 pairs, keys of 64 and values of 512 characters."
            )
            raise _Refused(400, message, code="invalid_value", param="metadata")
        now = self._now()
        shown: Body = {
            "id": self._id("batch_"),
            "object": "batch",
            "endpoint": body["endpoint"],
            "errors": None,
            "input_file_id": file.shown["id"],
            "completion_window": "24h",
            "status": "validating",
            "output_file_id": None,
            "error_file_id": None,
            "created_at": now,
            "expires_at": now + DAY_S,
            **dict.fromkeys(f"{state}_at" for state in ("in_progress", "finalizing", *OVER)),
            "cancelling_at": None,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": metadata or None,
        }
        fate = self.fates.popleft() if self.fates else Fate()
        self.batches[shown["id"]] = Made(shown=shown, fate=fate)
        return _json(shown)

    def _list(self, query: str) -> Reply:
        asked = parse_qs(query)
        limit = int(asked.get("limit", ["20"])[0])
        if not 1 <= limit <= 100:
            raise _Refused(400, f"Invalid 'limit': {limit} is not from 1 to 100.", param="limit")
        newest = list(reversed(self.batches))
        after = asked.get("after", [""])[0]
        if after and after not in self.batches:
            raise _Refused(404, f"No batch found with id '{after}'.", param="after")
        start = newest.index(after) + 1 if after else 0
        page = newest[start : start + limit]
        return _json(
            {
                "object": "list",
                "data": [self.batches[name].shown for name in page],
                "first_id": page[0] if page else None,
                "last_id": page[-1] if page else None,
                "has_more": start + limit < len(newest),
            }
        )

    def _known(self, batch_id: str) -> Made:
        if batch_id not in self.batches:
            raise _Refused(404, f"No batch found with id '{batch_id}'.", param="batch_id")
        return self.batches[batch_id]

    def _retrieve(self, batch_id: str) -> Reply:
        made = self._known(batch_id)
        if self.at_once:
            self.finish(batch_id)
        elif not self.manual:
            self._step(made)
        return _json(made.shown)

    def _cancel(self, batch_id: str) -> Reply:
        made = self._known(batch_id)
        if made.is_over:
            status = made.shown["status"]
            raise _Refused(409, f"Cannot cancel a batch with status '{status}'.")
        if made.shown["status"] != "cancelling":
            self._become(made, "cancelling")
        return _json(made.shown)

    # How a batch goes

    def _step(self, made: Made) -> None:
        match made.shown["status"]:
            case "validating":
                self._validate(made)
            case "in_progress":
                self._work(made)
            case "finalizing":
                self._write(made, "completed")
            case "cancelling":
                self._write(made, "cancelled")

    def _become(self, made: Made, status: str) -> None:
        made.shown["status"] = status
        made.shown[f"{status}_at"] = self._now()

    def _validate(self, made: Made) -> None:
        content = self.files[made.shown["input_file_id"]].content
        lines, errors = self._checked(content, made.shown["endpoint"])
        if not errors and not made.fate.errors:
            errors += self._over_the_queue(lines, made)
        if errors or made.fate.errors:
            told = [_fault(**fault) for fault in (made.fate.errors or errors)]
            made.shown["errors"] = {"object": "list", "data": told}
            self._become(made, "failed")
            return
        made.lines = lines
        made.shown["model"] = lines[0]["body"]["model"]
        made.shown["request_counts"]["total"] = len(lines)
        self._become(made, "in_progress")

    def _checked(self, content: bytes, endpoint: str) -> tuple[list[Body], list[Body]]:
        """Return the requests of a file, and what is wrong with it."""
        lines: list[Body] = []
        errors: list[Body] = []
        seen: set[object] = set()
        rows = [row for row in content.split(b"\n") if row.strip()]
        if not rows:
            return [], [{"code": "empty_file", "message": "The batch input file has no requests."}]
        if len(rows) > self.max_requests:
            message = f"The batch input file has {len(rows)} requests, over {self.max_requests}."
            return [], [{"code": "too_many_tasks", "message": message}]
        for number, row in enumerate(rows, 1):
            try:
                line = json.loads(row)
            except ValueError:
                message = "This line is not parseable as valid JSON."
                errors.append({"code": "invalid_json_line", "line": number, "message": message})
                continue
            first = lines[0] if lines else line
            fault = self._fault_of(line, first, endpoint, seen)
            if fault is not None:
                errors.append({**fault, "line": number})
                continue
            seen.add(line["custom_id"])
            lines.append(line)
        return lines, errors

    def _fault_of(
        self, line: Body, first: Body, endpoint: str, seen: set[object]
    ) -> dict[str, str] | None:
        missing = [name for name in ("custom_id", "method", "url", "body") if name not in line]
        if missing:
            message = f"Missing required parameter: '{missing[0]}'."
            return {"code": "missing_required_parameter", "param": missing[0], "message": message}
        model = line["body"].get("model")
        custom_id = "The custom_id for this request is a duplicate of another request. The "
        custom_id += "custom_id parameter must be unique for each request in a batch."
        faults = {
            ("duplicate_custom_id", "custom_id", custom_id): line["custom_id"] in seen,
            ("invalid_method", "method", "The method is POST."): line["method"] != "POST",
            ("url_mismatch", "url", f"The URL is not {endpoint}."): line["url"] != endpoint,
            (
                "model_not_found",
                "body.model",
                f"The provided model '{model}' is not supported by the Batch API.",
            ): self.models is not None and model not in self.models,
            (
                "model_mismatch",
                "body.model",
                "All requests of a batch must be for the same model.",
            ): model != first["body"].get("model"),
        }
        for (code, param, message), is_so in faults.items():
            if is_so:
                return {"code": code, "param": param, "message": message}
        return None

    def _over_the_queue(self, lines: list[Body], made: Made) -> list[Body]:
        if self.enqueued_limit is None:
            return []
        model = lines[0]["body"]["model"]
        made.tokens = sum(prompt_tokens(line["body"]) for line in lines)
        others = (other for other in self.batches.values() if not other.is_over)
        queued = sum(other.tokens for other in others if other.shown.get("model") == model)
        if made.tokens + queued <= self.enqueued_limit:
            return []
        message = f"Enqueued token limit reached for {model} in organization org-test. Limit: "
        message += f"{self.enqueued_limit:,} enqueued tokens. Please try again once some "
        message += "in_progress batches have been completed."
        return [{"code": "token_limit_exceeded", "message": message}]

    def _work(self, made: Made) -> None:
        fate, done = made.fate, len(made.done)
        until = len(made.lines) if fate.after is None else min(fate.after, len(made.lines))
        upto = until if fate.each is None else min(until, done + fate.each)
        for line in made.lines[done:upto]:
            made.done.append(self._ask(line, made))
        counts = made.shown["request_counts"]
        counts["completed"] = sum(_is_reply(result) for result in made.done)
        counts["failed"] = len(made.done) - counts["completed"]
        if len(made.done) < until:
            return
        if fate.ends == "completed":
            self._become(made, "finalizing")
        else:
            self._write(made, fate.ends)

    def _ask(self, line: Body, made: Made) -> Body:
        """Answer one request of a batch, as a line of one of its files."""
        body = line["body"]
        with self._changed:
            refusal = self._refusal(body)
            scripted = None if refusal or not self._scripted else self._scripted.popleft()
        if body.get("stream"):
            refusal = error(400, message="Streaming is not supported in a batch.", param="stream")
        reply = refusal or scripted or self.handler(body)
        response = reply.make(self, body)
        answered = {
            "status_code": response.status,
            "request_id": self._id("req_"),
            "body": json.loads(response.body),
        }
        if response.status == 200:
            self._charge(body, answered["body"], made)
        return self._line(line, response=answered)

    def _line(self, line: Body, *, response: Body | None, fault: Body | None = None) -> Body:
        return {
            "id": self._id("batch_req_"),
            "custom_id": line["custom_id"],
            "response": response,
            "error": fault,
        }

    def _write(self, made: Made, status: End) -> None:
        """End a batch: write its files, in any order, and say how it ended."""
        results = made.done[: len(made.done) - made.fate.missing]
        if status == "expired":
            message = "This request could not be executed before the completion window expired."
            late = {"code": "batch_expired", "message": message}
            left = made.lines[len(made.done) :]
            results = results + [self._line(line, response=None, fault=late) for line in left]
        random.Random(made.shown["id"]).shuffle(results)  # noqa: S311 - the same at each run
        for name, wanted in (("output", True), ("error", False)):
            lines = [result for result in results if _is_reply(result) is wanted]
            if lines:
                content = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
                written = self._store(content, f"{made.shown['id']}_{name}.jsonl", "batch_output")
                made.shown[f"{name}_file_id"] = written["id"]
        self._become(made, status)

    # Money

    def _charge(self, body: Body, reply: Body, made: Made | None) -> None:
        choices = reply.get("choices") or [{}]
        text = (choices[0].get("message") or {}).get("content") or ""
        usage: Body = reply.get("usage") or exact_usage(body, text)
        rates = [Decimal(rate) for rate in self.prices.get(body["model"], ("0", "0", "0"))]
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
        tokens = (usage["prompt_tokens"] - cached, cached, usage["completion_tokens"])
        usd = sum((number * rate for number, rate in zip(tokens, rates, strict=True)), Decimal(0))
        usd /= 1_000_000 if made is None else 2_000_000
        batch = None if made is None else made.shown["id"]
        self.charges.append(Charge(body["model"], usage, usd, batch))

    def _arrive(self, recorded: Recorded) -> Reply:
        """Charge what comes outside of batches too, where it comes whole."""
        reply = super()._arrive(recorded)

        def make(server: ChatServer, body: Body) -> Response:
            response = reply.make(server, body)
            is_json = response.content_type == "application/json"
            if response.status == 200 and is_json and not response.pieces:
                self._charge(body, json.loads(response.body), None)
            return response

        return replace(reply, make=make)

    def _now(self) -> int:
        return int(time.time()) + self.clock_skew_s

    def _id(self, kind: str) -> str:
        self._numbers += 1
        return f"{kind}{self._numbers:08x}"


def _json(body: Body) -> Reply:
    return raw(200, "application/json", json.dumps(body).encode())


def _is_reply(result: Body) -> bool:
    return result["response"] is not None and result["response"]["status_code"] == 200


def _is_metadata(metadata: object) -> bool:
    return (
        isinstance(metadata, dict)
        and len(metadata) <= 16
        and all(len(key) <= 64 for key in metadata)
        and all(isinstance(value, str) and len(value) <= 512 for value in metadata.values())
    )


def _fault(
    *, code: str, message: str = "", line: int | None = None, param: str | None = None
) -> Body:
    return {"code": code, "line": line, "message": message, "param": param}
