"""The model `offline`: a chat-completions server inside the process, which selects sentences.

It speaks OpenAI's wire format, so that a client can be tried and tested whole without a network,
a key or a cost. Of a language model it has nothing: it reads the texts that stand in fences (see
`minikit.text.fence`) in the last user message, or that message itself, and answers with their most
telling sentences, verbatim: as text, or in the one JSON schema that sentences can fill, that of
points with quotes (see `minikit.calls.points`). It knows no HTTP library; a transport hands it
paths and bodies.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from minikit.errors import ArgumentError

if TYPE_CHECKING:
    from minikit.calls.points import PointsForm
    from minikit.models.model import Model
    from minikit.tokens.messages import Message

__all__ = ["Reply", "respond"]

MODEL_ID = "offline"

_DELTA = re.compile(r"\s*(?:\S{1,64}\s*){1,8}")
_CANNOT = {
    "tools": "call tools",
    "functions": "call functions",
    "logprobs": "give probabilities",
    "stop": "stop at a text",
    "audio": "speak",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP reply.

    Attributes:
        status: The HTTP status.
        headers: The headers; the content type among them.
        body: The whole body, or its events one after the other where a stream was asked for.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | AsyncIterator[bytes]


async def respond(path: str, body: bytes) -> Reply:
    """Answer one request: POST .../chat/completions, or GET .../models.

    Never raises for what the request holds: what is wrong with it is a 400 or 404 in OpenAI's
    form. The work is done in a thread; on cancellation it goes on there and is discarded.

    Args:
        path: Path of the URL, whatever stands before the last segments.
        body: Body of the request; b"" for a GET.
    """
    from anyio import to_thread

    parts = path.rstrip("/").split("/")
    if parts[-1] == "models":
        return _json_reply(200, {"object": "list", "data": [_MODEL_CARD]})
    if parts[-2:] == ["models", MODEL_ID]:
        return _json_reply(200, _MODEL_CARD)
    if parts[-2:] != ["chat", "completions"]:
        return _error_reply(_Rejection(f"Invalid URL (POST {path})", status=404))
    try:
        return await to_thread.run_sync(_complete, body, abandon_on_cancel=True)
    except _Rejection as rejection:
        return _error_reply(rejection)


_MODEL_CARD = {"id": MODEL_ID, "object": "model", "created": 0, "owned_by": "minikit"}


class _Rejection(Exception):  # noqa: N818 - an answer, which never leaves this module
    """The request cannot be answered; becomes an error body in OpenAI's form."""

    def __init__(
        self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """A request, checked."""

    messages: tuple[Message, ...]
    max_tokens: int | None
    form: PointsForm | None
    stream: bool
    include_usage: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    content: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int

    def usage(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }


def _complete(body: bytes) -> Reply:
    from minikit.models.model import Model
    from minikit.tokens.chat import count_tokens

    model = Model.resolve(MODEL_ID)
    ask = _read(body, model)
    prompt_tokens = count_tokens(ask.messages, model=model)
    _check_window(prompt_tokens, ask.max_tokens, model.context_window)
    room = min(model.max_output_tokens, model.context_window - prompt_tokens)
    answer = _answer(ask, prompt_tokens, min(ask.max_tokens or room, room), model.encoding)
    head = {
        "id": f"chatcmpl-{uuid4().hex}",
        "created": int(time.time()),
        "model": MODEL_ID,
        "service_tier": "default",
        "system_fingerprint": None,
    }
    if ask.stream:
        return _reply(200, _stream(head, answer, ask.include_usage), "text/event-stream")
    return _json_reply(200, {**head, "object": "chat.completion", **_whole(answer)})


def _read(body: bytes, model: Model) -> _Ask:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Rejection("We could not parse the JSON body of your request.") from error
    if not isinstance(request, dict):
        raise _Rejection("The JSON body of your request is not an object.")
    fields = cast("dict[str, Any]", request)
    _check_model(fields.get("model"))
    _check_abilities(fields)
    options = fields.get("stream_options")
    return _Ask(
        messages=_read_messages(fields.get("messages")),
        max_tokens=_read_max_tokens(fields, model.max_output_tokens),
        form=_read_form(fields.get("response_format")),
        stream=fields.get("stream") is True,
        include_usage=isinstance(options, dict) and bool(cast("Any", options).get("include_usage")),
    )


def _check_model(model: object) -> None:
    if model is None:
        raise _Rejection("you must provide a model parameter")
    if model != MODEL_ID:
        raise _Rejection(
            f"The model `{str(model)[:80]}` does not exist: this server is in the process and has "
            f"only `{MODEL_ID}`.",
            code="model_not_found",
            status=404,
        )


def _check_abilities(fields: Mapping[str, Any]) -> None:
    reasons = [(name, ability) for name, ability in _CANNOT.items() if fields.get(name)]
    if fields.get("n") not in (None, 1):
        reasons.append(("n", "give more than one choice"))
    for name, ability in reasons:
        raise _cannot(ability, name)


def _read_form(response_format: object) -> PointsForm | None:
    """Return the form of the reply; None for plain text."""
    from minikit.calls.points import PointsForm

    asked = cast("dict[str, Any]", response_format) if isinstance(response_format, dict) else {}
    if not response_format or asked.get("type") == "text":
        return None
    form = PointsForm.of(asked)
    if form is None:
        raise _cannot("answer in a form other than text and points with quotes", "response_format")
    return form


def _cannot(ability: str, param: str) -> _Rejection:
    return _Rejection(
        f"The offline model cannot {ability}: it only selects sentences from text. "
        f"Leave out '{param}', or choose another model.",
        param=param,
        code="unsupported_parameter",
    )


def _read_messages(messages: object) -> tuple[Message, ...]:
    from minikit.tokens.messages import Message, TextPart

    if messages is None:
        raise _Rejection(
            "Missing required parameter: 'messages'.",
            param="messages",
            code="missing_required_parameter",
        )
    if not isinstance(messages, list) or not messages:
        raise _Rejection(
            "Invalid 'messages': expected an array with minimum length 1.",
            param="messages",
            code="invalid_type",
        )
    try:
        read = tuple(Message.of(message) for message in cast("list[Mapping[str, Any]]", messages))
    except ArgumentError as error:
        raise _Rejection(f"Invalid 'messages': {error}", param="messages") from error
    for message in read:
        parts = () if isinstance(message.content, str) else message.content
        if not all(isinstance(part, TextPart) for part in parts):
            raise _cannot("see images", "image_url")
        if message.role == "tool" or message.tool_calls:
            raise _cannot("call tools", "tool_calls")
    return read


def _read_max_tokens(fields: Mapping[str, Any], most: int) -> int | None:
    name = next(
        (n for n in ("max_completion_tokens", "max_tokens") if fields.get(n) is not None), None
    )
    if name is None:
        return None
    value = fields[name]
    if type(value) is not int or value < 1:
        raise _Rejection(
            f"Invalid '{name}': integer of at least 1 expected, but got {str(value)[:80]} instead.",
            param=name,
            code="integer_below_min_value" if type(value) is int else "invalid_type",
        )
    if value > most:
        raise _Rejection(
            f"{name} is too large: {value}. This model supports at most {most} completion tokens, "
            f"whereas you provided {value}.",
            param=name,
            code="invalid_value",
        )
    return value


def _check_window(prompt_tokens: int, max_tokens: int | None, window: int) -> None:
    if prompt_tokens + (max_tokens or 1) <= window:
        return
    asked = (
        f"you requested {prompt_tokens + max_tokens} tokens ({prompt_tokens} in the messages, "
        f"{max_tokens} in the completion). Please reduce the length of the messages or completion."
        if max_tokens
        else f"your messages resulted in {prompt_tokens} tokens. "
        f"Please reduce the length of the messages."
    )
    raise _Rejection(
        f"This model's maximum context length is {window} tokens. However, {asked}",
        param="messages",
        code="context_length_exceeded",
    )


def _answer(ask: _Ask, prompt_tokens: int, max_tokens: int, encoding: str) -> _Answer:
    from minikit.calls.selection import cut, select
    from minikit.tokens.counting import count_text

    prompt = _prompt(ask.messages)
    if ask.form:
        content = ask.form.reply(prompt, max_tokens=max_tokens, encoding=encoding)
    else:
        content = select(prompt, max_tokens=max_tokens)
    completion_tokens, finish_reason = count_text(content, encoding), "stop"
    if completion_tokens > max_tokens:
        content, finish_reason = cut(content, max_tokens, encoding), "length"
        completion_tokens = count_text(content, encoding)
    return _Answer(
        content=content,
        finish_reason=finish_reason,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
    )


def _prompt(messages: tuple[Message, ...]) -> str:
    """Return the text of the last user message, or of the last message where no user speaks."""
    from minikit.tokens.messages import TextPart

    last = next((each for each in reversed(messages) if each.role == "user"), messages[-1])
    if isinstance(last.content, str):
        prompt = last.content
    else:
        prompt = "\n".join(part.text for part in last.content if isinstance(part, TextPart))
    if not prompt.strip():
        raise _Rejection("Invalid 'messages': the last message is empty.", param="messages")
    return prompt


def _whole(answer: _Answer) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": answer.content,
        "refusal": None,
        "annotations": [],
    }
    choice: dict[str, Any] = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": answer.finish_reason,
    }
    return {"choices": [choice], "usage": answer.usage()}


async def _stream(
    head: Mapping[str, Any], answer: _Answer, include_usage: bool
) -> AsyncIterator[bytes]:
    for chunk in _chunks(answer, include_usage):
        event = {**head, "object": "chat.completion.chunk", **chunk}
        yield b"data: " + json.dumps(event).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"


def _chunks(answer: _Answer, include_usage: bool) -> Iterator[dict[str, Any]]:
    usage: dict[str, Any] = {"usage": None} if include_usage else {}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += ({"content": piece} for piece in _DELTA.findall(answer.content))
    for delta in deltas:
        yield {"choices": [_delta(delta, None)], **usage}
    yield {"choices": [_delta({}, answer.finish_reason)], **usage}
    if include_usage:
        yield {"choices": [], "usage": answer.usage()}


def _delta(delta: Mapping[str, Any], finish_reason: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _error_reply(rejection: _Rejection) -> Reply:
    error = {
        "message": rejection.message,
        "type": "invalid_request_error",
        "param": rejection.param,
        "code": rejection.code,
    }
    return _json_reply(rejection.status, {"error": error})


def _json_reply(status: int, body: Mapping[str, Any]) -> Reply:
    return _reply(status, json.dumps(body).encode(), "application/json")


def _reply(status: int, body: bytes | AsyncIterator[bytes], content_type: str) -> Reply:
    headers = {"content-type": content_type, "x-request-id": f"req_{uuid4().hex}"}
    return Reply(status=status, headers=headers, body=body)
