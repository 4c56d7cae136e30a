"""What a model answered: one completion, read from the wire and checked before it is believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from minikit.errors import BadReplyError, RefusalError
from minikit.models.prices import cost_usd
from minikit.models.usage import Usage
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from minikit.calls.request import Request

__all__ = ["EMPTY", "EXTRACTIVE_NOTE", "Completion", "read_completion"]

EMPTY = "empty"
"""Code of the error that a reply without text is."""

ABSURD_WINDOWS = 4
"""Counts of more than so many context windows are no counts."""

_FINISH_REASONS = {"max_tokens": "length", "model_length": "length"}
"""What compatible servers say in place of the reasons that OpenAI gives."""

EXTRACTIVE_NOTE = (
    "The offline model selected these sentences from the source and wrote none; "
    "set OPENAI_API_KEY for a written summary."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A reply and what it took.

    Attributes:
        text: What the model wrote; "" when it only called tools.
        usage: Tokens as the server billed them, or counted here (`usage.estimated`).
        cost_usd: Price of this reply in US dollars, or None when it is unknown.
        finish_reason: Why the reply ended: "stop", "length" (cut off) or "tool_calls".
        model: The model that answered, as the server names it.
        tier: The service tier of the reply, which sets the price.
        tool_calls: Calls of tools that the model asks for, as they came on the wire.
        attempts: Requests made for this reply, the failed ones included; 0 for one that was
            replayed at once.
        latency_s: Seconds from the first request to this reply, waits between attempts included.
        request_id: The server's id of the request, or None.
        replayed: Whether the reply comes from the journal; `cost_usd` is what was paid for it then.
        notes: What to know before relying on the text.
    """

    text: str
    usage: Usage
    cost_usd: Decimal | None
    finish_reason: str
    model: str
    tier: str = "default"
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    attempts: int = 1
    latency_s: float = 0.0
    request_id: str | None = None
    replayed: bool = False
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text


def read_completion(body: str, request: Request, *, request_id: str | None = None) -> Completion:
    """Read the body of a 200 reply.

    Raises:
        BadReplyError: The body is not a whole chat completion, or it is one without text, which
            its code `EMPTY` tells.
        RefusalError: The model or a content filter refused; carries the completion.
    """
    reader = _Reader(request, request_id)
    try:
        reader.body = _parsed(body)
        return reader.read()
    except BadReplyError as error:
        error.status, error.request_id = 200, request_id
        error.completion = error.completion or reader.billed()
        raise


def _parsed(body: str) -> Mapping[str, Any]:
    import json

    try:
        return _mapping(json.loads(body), "body")
    except (ValueError, RecursionError) as error:
        is_page = body.lstrip()[:1] == "<"
        kind = "HTML, as a proxy or a sign-in page sends" if is_page else "no whole JSON"
        raise BadReplyError(
            f"the server answered 200 with {len(body)} characters that are {kind}; "
            f"check the base URL if this happens again"
        ) from error


class _Reader:
    """Reads one reply; every value is checked, since compatible servers differ."""

    def __init__(self, request: Request, request_id: str | None) -> None:
        self.request = request
        self.request_id = request_id
        self.body: Mapping[str, Any] = {}

    def billed(self) -> Completion | None:
        """Return what a reply that cannot be used was billed for, if it says so."""
        if self._told_usage() is None:
            return None
        return self._completion({}, finish_reason="unusable")

    def read(self) -> Completion:
        choices = self.body.get("choices")
        if not isinstance(choices, list) or not choices:
            raise BadReplyError("the reply has no choices")
        choice = _mapping(cast("list[object]", choices)[0], "choice")
        message = _mapping(choice.get("message"), "message")
        finish_reason = choice.get("finish_reason")
        if not isinstance(finish_reason, str):
            raise BadReplyError(f"the reply has no finish reason, but {finish_reason!r}")
        finish_reason = _FINISH_REASONS.get(finish_reason.lower(), finish_reason)
        if finish_reason == "error":  # OpenRouter, for a provider that broke off
            raise BadReplyError("the server broke off its reply", code="error")
        completion = self._completion(message, finish_reason)
        self._check_refusal(completion, message)
        if not (completion.text.strip() or completion.tool_calls or finish_reason == "length"):
            error = BadReplyError(
                "the reply is empty; change the prompt or leave the passage out", code=EMPTY
            )
            error.completion = completion
            raise error
        return completion

    def _completion(self, message: Mapping[str, Any], finish_reason: str) -> Completion:
        text = well_formed(_text(message.get("content")))
        tool_calls = _tool_calls(message.get("tool_calls"))
        usage = self._usage(text, tool_calls)
        tier = self.body.get("service_tier")
        asked = self.request.tier
        untold = "default" if asked in (None, "auto") else asked
        tier = tier if isinstance(tier, str) else untold
        model = self.request.model
        return Completion(
            text=text,
            usage=usage,
            cost_usd=cost_usd(model, usage, tier=tier),
            finish_reason=finish_reason,
            model=str(self.body.get("model") or model.id),
            tier=tier,
            tool_calls=tool_calls,
            request_id=self.request_id,
            notes=(EXTRACTIVE_NOTE,) if model.provider == "offline" else (),
        )

    def _usage(self, text: str, tool_calls: Sequence[Mapping[str, Any]]) -> Usage:
        """Return the usage that the reply tells, or count where it tells none that can be right."""
        told = self._told_usage()
        if told is not None and self._can_be(told, text):
            return told
        return Usage(
            input_tokens=self.request.count_input_tokens(),
            output_tokens=self._count_output(text, tool_calls),
            estimated=True,
        )

    def _can_be(self, told: Usage, text: str) -> bool:
        """Tell whether a server can mean it: nobody reads nothing, or many times the window."""
        most = ABSURD_WINDOWS * self.request.model.context_window
        return (
            0 < told.input_tokens <= most
            and 0 <= told.output_tokens <= most
            and bool(told.output_tokens or not text)
        )

    def _count_output(self, text: str, tool_calls: Sequence[Mapping[str, Any]]) -> int:
        functions = [_details(call, "function") for call in tool_calls]
        called = [str(each.get(name, "")) for each in functions for name in ("name", "arguments")]
        encoding = self.request.model.encoding
        return sum(count_text(written, encoding) for written in (text, *called))

    def _told_usage(self) -> Usage | None:
        raw = _details(self.body, "usage")
        details = _details(raw, "prompt_tokens_details")
        written = _details(raw, "completion_tokens_details")
        input_tokens = _tokens(raw.get("prompt_tokens"))
        output_tokens = _tokens(raw.get("completion_tokens"))
        reasoning_tokens = _tokens(written.get("reasoning_tokens")) or 0
        if input_tokens is None or output_tokens is None:
            return None
        total_tokens = _tokens(raw.get("total_tokens"))
        if reasoning_tokens and (
            reasoning_tokens > output_tokens
            or total_tokens == input_tokens + output_tokens + reasoning_tokens
        ):  # xAI and Gemini count it beside the output (https://github.com/vercel/ai/pull/12425)
            output_tokens += reasoning_tokens
        return Usage(
            input_tokens=input_tokens,
            cached_tokens=min(_tokens(details.get("cached_tokens")) or 0, input_tokens),
            cache_write_tokens=_tokens(details.get("cache_write_tokens")) or 0,
            output_tokens=output_tokens,
            reasoning_tokens=reasoning_tokens,
        )

    def _check_refusal(self, completion: Completion, message: Mapping[str, Any]) -> None:
        filtered = completion.finish_reason == "content_filter"
        # The LiteLLM proxy moves what it takes for a field of one provider's.
        elsewhere = _details(message, "provider_specific_fields")
        if not (filtered or message.get("refusal") or elsewhere.get("refusal")):
            return
        who = "a content filter" if filtered else "the model"
        error = RefusalError(
            f"{who} refused to answer; change the prompt or leave the passage out",
            status=200,
            code="content_filter" if filtered else "refusal",
            request_id=self.request_id,
        )
        error.completion = completion
        raise error


def well_formed(text: str) -> str:
    """Return `text` with lone surrogates as U+FFFD: JSON on the wire is UTF-8, which has none."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadReplyError(f"the {name} of the reply is {type(value).__name__}, not an object")
    return cast("Mapping[str, Any]", value)


def _text(content: object) -> str:
    """Return the text of a content, which is a text, or parts as Mistral's thinking models send."""
    if not isinstance(content, list):
        if not isinstance(content, str | None):
            raise BadReplyError(f"the content of the reply is {type(content).__name__}, not text")
        return content or ""
    parts = [_mapping(part, "content part") for part in cast("list[object]", content)]
    texts = (part.get("text") for part in parts if part.get("type") == "text")
    return "".join(text for text in texts if isinstance(text, str))


def _tool_calls(calls: object) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(calls, list):
        return ()
    return tuple(_mapping(call, "tool call") for call in cast("list[object]", calls))


def _details(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    details = raw.get(name)
    return cast("Mapping[str, Any]", details) if isinstance(details, dict) else {}


def _tokens(value: object) -> int | None:
    """Return a count of tokens, or None where it is none: foreign numbers are not trusted."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value
