"""What a scripted server can answer."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from minikit.calls.offline import Reply as Wire
from minikit.errors import ArgumentError
from minikit.models.usage import Usage
from minikit.testing.fitting import fitted
from minikit.testing.request import Request

__all__ = [
    "Reply",
    "completion",
    "disconnected",
    "error",
    "failure",
    "raw",
    "refusal",
    "structured",
    "timeout",
    "truncated",
]

_PIECE = re.compile(r"\s*(?:\S{1,64}\s*){1,4}")
_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a scripted server does with a request; made by the functions of this module.

    Attributes:
        label: How a message about it calls it.
    """

    label: str
    make: Callable[[Request], Wire] = field(repr=False)


def completion(
    text: str | None,
    *,
    finish_reason: str | None = "stop",
    usage: Usage | None = None,
    model: str | None = None,
    message: Mapping[str, Any] | None = None,
) -> Reply:
    """Answer with a completion, or with its stream where the request asks for one.

    Args:
        text: The content.
        finish_reason: As on the wire; None leaves the reply unfinished.
        usage: The tokens to tell; default: the real ones, counted as minikit counts.
        model: The model to tell; default: the one asked.
        message: Further fields of the message, such as `tool_calls`.
    """

    def make(request: Request) -> Wire:
        said = {"role": "assistant", "content": text, "refusal": None, **(message or {})}
        counts = _wire_usage(usage or _counted(request, said))
        head = {"id": f"chatcmpl-{uuid4().hex}", "created": 0, "model": model or request.model}
        head["service_tier"] = _tier(request)
        if request.is_streamed:
            return _events(_stream(head, said, finish_reason, counts))
        choice = {"index": 0, "message": said, "logprobs": None, "finish_reason": finish_reason}
        whole = {**head, "object": "chat.completion", "choices": [choice], "usage": counts}
        return _wire(200, json.dumps(whole))

    return Reply(label=_shown(text), make=make)


def structured(value: object) -> Reply:
    """Answer with JSON in the form that the request asks for: as text, or as a call of its tool."""

    def make(request: Request) -> Wire:
        written = json.dumps(fitted(value, request.schema))
        if request.tool is None:
            return completion(written).make(request)
        function = {"name": request.tool, "arguments": written}
        call = {"id": f"call_{uuid4().hex}", "type": "function", "function": function}
        calls = completion(None, message={"tool_calls": [call]}, finish_reason="tool_calls")
        return calls.make(request)

    return Reply(label=_shown(value), make=make)


def refusal(text: str = "I can't help with that.") -> Reply:
    """Answer that the model will not do it; the client raises a `RefusalError`."""
    made = completion(None, message={"refusal": text})
    return Reply(label=f"refusal({_shown(text)})", make=made.make)


def truncated(text: str) -> Reply:
    """Answer with a text that the output limit has cut off."""
    made = completion(text, finish_reason="length")
    return Reply(label=f"truncated({_shown(text)})", make=made.make)


def error(
    status: int,
    *,
    code: str | None = None,
    message: str = "Scripted by the test.",
    retry_after_s: float | None = None,
) -> Reply:
    """Answer with an error in OpenAI's form.

    Args:
        status: Such as 429 or 500; the client tries these again.
        code: Such as "insufficient_quota"; default: the usual one of the status, or none.
        message: What the server says.
        retry_after_s: Seconds to tell the client to wait, which it does; default: a 429 may be
            tried again at once.

    Raises:
        ArgumentError: `status` is none of an error.
    """
    if status not in range(400, 600):
        raise ArgumentError(f"status={status!r} is no HTTP error: give one of 400 to 599")
    if retry_after_s is None and status == 429:
        retry_after_s = 0.001
    reply = failure(status, message, code=code, retry_after_s=retry_after_s)
    return Reply(label=f"error({status})", make=lambda _: reply)


def failure(
    status: int, message: str, *, code: str | None = None, retry_after_s: float | None = None
) -> Wire:
    """Return an error in OpenAI's form."""
    code = code or _CODES.get(status)
    told = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    headers = {} if retry_after_s is None else {"retry-after-ms": str(retry_after_s * 1000)}
    return _wire(status, json.dumps({"error": told}), headers=headers)


def raw(body: str | bytes, *, status: int = 200, content_type: str = "application/json") -> Reply:
    """Answer with these bytes, whatever they are: HTML of a proxy, half a JSON text, events."""
    reply = _wire(status, body, content_type)
    return Reply(label=f"raw({_shown(body)})", make=lambda _: reply)


def timeout() -> Reply:
    """Let the client's time limit pass, without the wait; in a batch, let the request expire."""

    def make(_: Request) -> Wire:
        raise TimeoutError("scripted by the test")

    return Reply(label="timeout()", make=make)


def disconnected(after: str = "") -> Reply:
    """Break the connection: before any reply, or, in a stream, when this text has come.

    A request of a batch that is answered so is missing in the files of the batch.
    """

    def make(request: Request) -> Wire:
        if not (after and request.is_streamed):
            raise ConnectionResetError("scripted by the test")
        head = {"id": f"chatcmpl-{uuid4().hex}", "created": 0, "model": request.model}
        said = {"role": "assistant", "content": after}
        return _events(_stream(head, said, None, {}), is_broken=True)

    return Reply(label=f"disconnected({_shown(after) if after else ''})", make=make)


def _counted(request: Request, said: Mapping[str, Any]) -> Usage:
    from minikit.tokens.chat import count_tokens

    functions = [call["function"] for call in said.get("tool_calls", ())]
    called = [text for each in functions for text in (each["name"], each["arguments"])]
    texts = filter(None, [said["content"], said["refusal"], *called])
    model = request.priced_model
    output_tokens = sum(count_tokens(text, model=model) for text in texts)
    return Usage(input_tokens=request.input_tokens, output_tokens=output_tokens)


def _wire_usage(usage: Usage) -> dict[str, Any]:
    read = {"cached_tokens": usage.cached_tokens, "cache_write_tokens": usage.cache_write_tokens}
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": read,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _tier(request: Request) -> str:
    asked = request.body.get("service_tier", "auto")
    return "default" if asked == "auto" else str(asked)


def _stream(
    head: Mapping[str, Any],
    said: Mapping[str, Any],
    finish_reason: str | None,
    usage: Mapping[str, Any],
) -> Iterator[str]:
    """Yield the events of a stream; without a finish reason it stops in the middle."""
    first = {**said, "content": ""}
    if "tool_calls" in said:
        first["tool_calls"] = [{"index": i, **call} for i, call in enumerate(said["tool_calls"])]
    deltas = [first, *({"content": piece} for piece in _PIECE.findall(said["content"] or ""))]
    choices: list[Mapping[str, Any]] = [
        {"index": 0, "delta": delta, "finish_reason": None} for delta in deltas
    ]
    ends = finish_reason is not None
    if ends:
        choices.append({"index": 0, "delta": {}, "finish_reason": finish_reason})
    head = {**head, "object": "chat.completion.chunk"}
    for choice in choices:
        yield json.dumps({**head, "choices": [choice], "usage": None})
    if ends:
        yield json.dumps({**head, "choices": [], "usage": usage})
        yield "[DONE]"


def _events(payloads: Iterator[str], *, is_broken: bool = False) -> Wire:
    async def framed() -> AsyncIterator[bytes]:
        for payload in payloads:
            yield f"data: {payload}\n\n".encode()
        if is_broken:
            raise ConnectionResetError("scripted by the test")

    return _wire(200, framed(), "text/event-stream")


def _wire(
    status: int,
    body: str | bytes | AsyncIterator[bytes],
    content_type: str = "application/json",
    *,
    headers: Mapping[str, str] | None = None,
) -> Wire:
    told = {"content-type": content_type, "x-request-id": f"req_{uuid4().hex}", **(headers or {})}
    return Wire(status=status, headers=told, body=body.encode() if isinstance(body, str) else body)


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}..."
