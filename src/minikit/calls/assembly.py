"""A streamed reply, assembled from its events into the body of a whole one.

A whole body is what `read_completion` reads and a journal keeps, so that a reply is checked, priced
and remembered in one way however it came. Servers differ in how they stream; what is known of that
stands beside the lines that allow for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, cast

from minikit.calls.completion import read_completion, well_formed
from minikit.calls.failures import status_error
from minikit.errors import BadReplyError, CallError
from minikit.models.prices import cost_usd
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from minikit.calls.completion import Completion
    from minikit.calls.request import Request

__all__ = ["Assembly"]

_HEAD = ("id", "created", "model", "service_tier")

_REASONING = ("reasoning_content", "reasoning")
"""Where servers show what a model thinks: DeepSeek and SGLang; OpenRouter and vLLM."""

_WRITTEN = ("content", "refusal", "tool_calls", *_REASONING)
"""What a delta holds that the model wrote, and that is billed."""


class Assembly:
    """A streamed reply as far as it has come.

    Takes the events of a chat completion in their order, each as the object that its JSON is, and
    believes none of them. Only the first choice counts. Not for use by two threads at once.
    """

    def __init__(self) -> None:
        self._head: dict[str, str | int] = {}
        self._texts: list[str] = []
        self._half = ""
        self._refusals: list[str] = []
        self._reasoning: list[str] = []
        self._calls = _ToolCalls()
        self._finish_reason: str | None = None
        self._usage: Mapping[str, Any] | None = None
        self._has_begun = False
        self._uncounted = False

    def add(self, chunk: Mapping[str, Any]) -> str:
        """Take one event; return the text that it adds, "" where it adds none.

        All that is returned, joined, is the text of the reply: well-formed Unicode, since half a
        character, as servers that count in UTF-16 may send it, waits for its other half.

        Raises:
            BadReplyError: This is no event of a chat completion.
            CallError: The server broke off. Its `status` is what the server says instead, or 200
                where some of the reply had come, which may be billed.
        """
        event = _mapping(chunk, "event")
        choice = _first_choice(event)
        error = _error(event, choice)
        if error is not None:
            raise _broken_off(error, has_begun=self._has_begun)
        self._take_head(event)
        # "" is none (https://github.com/ollama/ollama/issues/4357,
        # https://github.com/sgl-project/sglang/issues/3912); of several the last one counts.
        reason = _str(choice.get("finish_reason"), "finish reason")
        self._finish_reason = reason or self._finish_reason
        delta = _mapping(choice.get("delta") or {}, "delta")
        self._take_beside(delta)
        # Moonshot has it in the choice (https://github.com/northes/go-moonshot/issues/17).
        self._take_usage(event.get("usage") or choice.get("usage"), delta)
        return self._take_text(delta)

    @property
    def text(self) -> str:
        """The text so far; joined anew at each use."""
        return "".join(self._texts)

    @property
    def finished(self) -> bool:
        """Whether a finish reason has come; the usage may come after it."""
        return self._finish_reason is not None

    def body(self) -> str:
        """Return the JSON of the whole chat completion.

        Without a finish reason it is one that `read_completion` refuses.
        """
        message: dict[str, Any] = {
            "role": "assistant",
            "content": self.text or None,
            "refusal": "".join(self._refusals) or None,
        }
        calls = self._calls.joined()
        message |= {"tool_calls": calls} if calls else {}
        return self._body(message, self._finish_reason, self._usage)

    def estimate(
        self,
        request: Request,
        finish_reason: Literal["broken", "abandoned"],
        *,
        request_id: str | None = None,
    ) -> Completion:
        """Return what has come of a reply that will not end.

        The server's usage is taken where it covers all that came. Else `usage.estimated` is set,
        and the tokens are counted here: the input as `request` counts it, and as output what the
        model was seen to write, which is text, refusal, calls of tools, and reasoning where it is
        shown. That is a lower bound: more may have been written than arrived. CPU-bound.

        Args:
            request: What was asked.
            finish_reason: Why the reply will not end.
            request_id: The server's id of the request.
        """
        # A reply cut by its length is one that may have no text.
        message = {"role": "assistant", "content": self.text}
        try:
            body = self._body(message, "length", self._usage)
        except BadReplyError:  # the usage cannot be written, so it cannot be read
            body = self._body(message, "length", None)
        read = read_completion(body, request, request_id=request_id)
        usage = read.usage
        if usage.estimated or self._uncounted:
            written = max(self._count_output(request.model.encoding), usage.output_tokens)
            usage = replace(usage, output_tokens=written, estimated=True)
        return replace(
            read,
            usage=usage,
            cost_usd=cost_usd(request.model, usage, tier=read.tier),
            finish_reason=finish_reason,
            tool_calls=tuple(self._calls.joined()),
        )

    def _take_head(self, event: Mapping[str, Any]) -> None:
        for name in _HEAD:
            value = event.get(name)
            if value and isinstance(value, str | int):  # Azure's first event has "" and 0
                self._head[name] = value

    def _take_beside(self, delta: Mapping[str, Any]) -> None:
        """Take what a delta holds beside the text."""
        # The LiteLLM proxy moves what it takes for a field of one provider's.
        elsewhere = _mapping(delta.get("provider_specific_fields") or {}, "rest of the delta")
        if refusal := _str(delta.get("refusal") or elsewhere.get("refusal"), "refusal"):
            self._refusals.append(refusal)
        thoughts = (delta.get(name) for name in _REASONING)
        if thought := next((each for each in thoughts if each and isinstance(each, str)), ""):
            self._reasoning.append(thought)
        for call in _list(delta.get("tool_calls"), "tool calls"):
            self._calls.add(_mapping(call, "tool call"))

    def _take_usage(self, usage: object, delta: Mapping[str, Any]) -> None:
        if any(map(delta.get, _WRITTEN)):
            self._has_begun = self._uncounted = True
        if isinstance(usage, Mapping) and usage:
            self._usage, self._uncounted = cast("Mapping[str, Any]", usage), False

    def _take_text(self, delta: Mapping[str, Any]) -> str:
        text = self._half + _text(delta.get("content"))
        self._half = ""
        if "\ud800" <= text[-1:] <= "\udbff" and not self.finished:
            text, self._half = text[:-1], text[-1]
        text = well_formed(text)
        if text:
            self._texts.append(text)
        return text

    def _body(
        self,
        message: Mapping[str, Any],
        finish_reason: str | None,
        usage: Mapping[str, Any] | None,
    ) -> str:
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}
        body = {**self._head, "object": "chat.completion", "choices": [choice]}
        return _json(body if usage is None else {**body, "usage": usage})

    def _count_output(self, encoding: str) -> int:
        texts = [self.text, "".join(self._refusals), "".join(self._reasoning)]
        texts += (text for call in self._calls for text in (call.name, call.arguments))
        return sum(count_text(text, encoding) for text in texts)


class _ToolCall:
    """One call of a tool, as far as it has come."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.name = ""
        self._fields: dict[str, Any] = {"type": "function"}
        self._arguments: list[str] = []

    @property
    def arguments(self) -> str:
        return "".join(self._arguments)

    def add(self, delta: Mapping[str, Any], function: Mapping[str, Any]) -> None:
        # Some servers send id, type and name again in each delta, so these replace, and a name
        # grows only by what it does not have yet
        # (https://github.com/ggml-org/llama.cpp/pull/13800,
        # https://github.com/continuedev/continue/pull/5849, read 2026-11-22).
        self.id = self.id or _str(delta.get("id"), "id of a tool call")
        name = _str(function.get("name"), "name of a tool")
        self.name += name if name != self.name else ""
        self._arguments.append(_arguments(function.get("arguments")))
        known = ("index", "id", "function")
        self._fields.update((key, delta[key]) for key in delta if delta[key] and key not in known)

    def joined(self) -> dict[str, Any]:
        function = {"name": self.name, "arguments": self.arguments}
        return {"id": self.id, **self._fields, "function": function}


class _ToolCalls:
    """The calls of tools in a reply, whose deltas belong together by index, id or order."""

    def __init__(self) -> None:
        self._calls: list[_ToolCall] = []
        self._by_index: dict[int, _ToolCall] = {}
        self._by_id: dict[str, _ToolCall] = {}

    def __iter__(self) -> Iterator[_ToolCall]:
        return iter(self._calls)

    def joined(self) -> list[dict[str, Any]]:
        """Return the calls by index; those of one index in the order in which they came."""
        return [call.joined() for call in sorted(self._calls, key=lambda call: call.index)]

    def add(self, delta: Mapping[str, Any]) -> None:
        function = _mapping(delta.get("function") or {}, "function of a tool call")
        index = delta.get("index")
        index = index if type(index) is int else None
        call_id = _str(delta.get("id"), "id of a tool call")
        call = self._find(index, call_id, bool(function.get("name")))
        if call is None:
            call = _ToolCall(len(self._calls) if index is None else index)
            self._calls.append(call)
            self._by_index[call.index] = call
        if call_id:
            self._by_id.setdefault(call_id, call)
        call.add(delta, function)

    def _find(self, index: int | None, call_id: str, named: bool) -> _ToolCall | None:
        """Return the call that a delta goes on with, or None if it begins one."""
        if index is not None:
            call = self._by_index.get(index)
            # Ollama gives every call the index 0 (https://github.com/ollama/ollama/issues/15457),
            # and so did vLLM and SGLang (https://github.com/InternLM/lmdeploy/issues/3412).
            if call is None or not (named and call_id and call.id and call.id != call_id):
                return call
        # Gemini sends no index or null, and mostly whole calls
        # (https://github.com/openai/openai-python/issues/2806, read 2026-11-22).
        if call_id:
            return self._by_id.get(call_id)
        return self._calls[-1] if self._calls and not named else None


def _first_choice(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the choice of index 0; {} where there is none, as with the usage or from Azure."""
    choices = [_mapping(choice, "choice") for choice in _list(event.get("choices"), "choices")]
    nothing: Mapping[str, Any] = {}
    return next((choice for choice in choices if choice.get("index") in (0, None)), nothing)


def _error(event: Mapping[str, Any], choice: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the error that the server sends in place of the rest, or None.

    It is {"error": ...} (OpenAI, vLLM, SGLang, llama.cpp), the event itself (older vLLM), or stands
    in the choice beside a finish reason "error" (OpenRouter)
    (https://openrouter.ai/docs/api_reference/streaming, https://github.com/block/goose/pull/8031,
    read 2026-11-22).
    """
    error = event if event.get("object") == "error" else event.get("error") or choice.get("error")
    if not error and choice.get("finish_reason") != "error":
        return None
    return cast("Mapping[str, Any]", error) if isinstance(error, Mapping) else {"message": error}


def _broken_off(error: Mapping[str, Any], *, has_begun: bool) -> CallError:
    fields = ((name, error.get(name)) for name in ("code", "type", "message"))
    told = {name: value for name, value in fields if isinstance(value, str | int)}
    status = _status(told)
    known = status_error(status, told, {}, key="")
    # What the server says besides is left out: here it cannot be cleared of a key.
    return type(known)(
        f"the server broke off the stream with an error ({known.code or status})",
        status=200 if has_begun else status,
        code=known.code,
    )


_STATUS = re.compile("[45][0-9][0-9]")
_SAID = {
    429: re.compile(r"rate_?limit|slow_down|too_many_requests", re.IGNORECASE),
    400: re.compile(r"bad_?request|invalid_|context_length|content_filter", re.IGNORECASE),
}
"""What codes and types say, where there is no status among them."""


def _status(error: Mapping[str, Any]) -> int:
    """Return the HTTP status that the error would have had before the stream began."""
    code, kind = str(error.get("code")), str(error.get("type"))
    if _STATUS.fullmatch(code):  # OpenRouter, vLLM, SGLang, llama.cpp
        return int(code)
    said = (status for status, says in _SAID.items() if says.search(f"{code} {kind}"))
    return next(said, 500)


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _bad(name, value, "an object")
    return cast("Mapping[str, Any]", value)


def _list(value: object, name: str) -> list[object]:
    if not isinstance(value, list | None):
        raise _bad(name, value, "a list")
    return cast("list[object]", value or [])


def _str(value: object, name: str) -> str:
    if not isinstance(value, str | None):
        raise _bad(name, value, "text")
    return value or ""


def _text(content: object) -> str:
    """Return the text of a content, which is a text, or parts as Mistral's thinking models send."""
    if not isinstance(content, list):
        return _str(content, "content")
    parts = [_mapping(part, "content part") for part in cast("list[object]", content)]
    texts = (part.get("text") for part in parts if part.get("type") == "text")
    return "".join(text for text in texts if isinstance(text, str))


def _arguments(value: object) -> str:
    """Return arguments as text; MiniMax sends the object that they are.

    (https://github.com/can1357/oh-my-pi/pull/1779, read 2026-11-22)
    """
    if isinstance(value, Mapping):
        return _json(cast("Mapping[str, Any]", value)) if value else ""
    return _str(value, "arguments of a tool call")


def _json(value: object) -> str:
    try:
        return json.dumps(value)
    except RecursionError as error:
        raise BadReplyError("the stream's objects are nested too deep", status=200) from error


def _bad(name: str, value: object, wanted: str) -> BadReplyError:
    return BadReplyError(
        f"the {name} of the stream is {type(value).__name__}, not {wanted}", status=200
    )
