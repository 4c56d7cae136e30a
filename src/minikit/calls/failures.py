"""What a reply that is an error means: an error of ours, by its status and code.

Never by the text of a message, except where nothing else tells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from minikit.calls.limits import read_duration_s
from minikit.calls.unreached import PROXY
from minikit.errors import (
    AuthenticationError,
    CallError,
    QuotaExhaustedError,
    RateLimitError,
    RefusalError,
    RequestRejectedError,
    RequestTooLargeError,
    ServerError,
)

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["is_from_between", "request_id", "status_error"]

SHORTEST_KEY = 8
"""Shorter ones are no secrets, but words such as "none", which a message may well hold."""


def status_error(status: int, body: object, headers: Mapping[str, str], *, key: str) -> CallError:
    """Return the error that a reply of this status is.

    Args:
        status: The HTTP status.
        body: The decoded body or the `error` object in it, or text.
        headers: The headers of the reply.
        key: The API key, which no message may hold.
    """
    told = _Told.of(status, body)
    kind, advice = _classify(told)
    advice = _NO_API if told.is_page and status < 500 else advice
    return kind(
        f"HTTP {status} ({told.code or 'no code'}): {_message(told, key)}; {advice}",
        status=status,
        code=told.code or _USUAL_CODES.get(kind),
        request_id=request_id(headers),
        retry_after_s=_retry_after_s(headers, told),
    )


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the server's id of a request, or None where it gives none."""
    names = ("x-request-id", "request-id", _LITELLM)
    return next((headers[name] for name in names if name in headers), None)


def is_from_between(status: int, headers: Mapping[str, str]) -> bool:
    """Tell whether something between may have failed, and the model have answered.

    A model's server says in JSON that it failed. Of the LiteLLM proxy, which does so too, a 500 may
    stand for a reply that was cut off on its way.
    """
    if status < 500 or status in _GATEWAY_STATUSES:
        return status in _GATEWAY_STATUSES
    is_json = not headers or "json" in headers.get("content-type", "")
    return not is_json or _LITELLM in headers


_LITELLM = "x-litellm-call-id"
_GATEWAY_STATUSES = frozenset({408, 502, 504, 520, 522, 524})
"""Something between gave up waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What an error reply tells.

    Attributes:
        type: The server's kind of error, such as "insufficient_quota", or None.
        code: Its code where it is one: vLLM and the LiteLLM proxy send the status.
        message: The text that it says, or None.
        text: All of the body as text.
    """

    status: int
    type: str | None
    code: str | None
    message: str | None
    text: str

    @classmethod
    def of(cls, status: int, body: object) -> _Told:
        fields = _fields(body)
        kind: object = fields.get("type")
        code: object = fields.get("code")
        return cls(
            status=status,
            type=kind if isinstance(kind, str) else None,
            code=code if isinstance(code, str) and _is_code(code) else None,
            message=_told(body),
            text=str(body),
        )

    @property
    def is_page(self) -> bool:
        """Whether a web page came, as proxies and other servers send."""
        return self.message is None and self.text.lstrip()[:1] == "<"


def _is_code(code: str) -> bool:
    """Tell a code from a status in its place, and from the kind of all bad requests (DeepSeek)."""
    return not code.isdigit() and code != "invalid_request_error"


def _classify(told: _Told) -> tuple[type[CallError], str]:
    status = told.status
    if status == 402 or told.type in _QUOTA_TYPES or told.code in _BILLING_CODES:
        return QuotaExhaustedError, _NO_QUOTA
    if status == 429:
        return _classify_429(told)
    if status in (401, 403):
        return AuthenticationError, _KEY
    if status == 407:
        return RequestRejectedError, PROXY
    if status in (408, 409) or status >= 500:
        return ServerError, "the server failed; try again later"
    return _classify_400(told)


def _classify_400(told: _Told) -> tuple[type[CallError], str]:
    """Tell what is too long, and what is refused, from what is wrong."""
    code = told.code
    # Where a code is sent it tells; some servers and proxies send none but the status again.
    if code == _TOO_LONG or told.status == 413 or (code is None and _SAYS_TOO_LONG(told.text)):
        return RequestTooLargeError, "lower chunk_tokens, or describe the window with Model(...)"
    if code in _REFUSAL_CODES or (code is None and _SAYS_FILTERED(told.text)):
        return RefusalError, "change the prompt or leave the passage out"
    if told.status == 404 or code in (None, _NO_SUCH_MODEL):
        return RequestRejectedError, "check the model's name and the base URL"
    return RequestRejectedError, "change what the server names, or leave it out"


def _classify_429(told: _Told) -> tuple[type[CallError], str]:
    """Tell a rate limit, which passes, from a quota and from a request that never fits it."""
    code = told.code or ""
    if code in _QUOTA_CODES or code.endswith(_SPEND_LIMIT):
        return QuotaExhaustedError, _NO_QUOTA
    if told.code is None and _SAYS_NO_QUOTA(told.text):
        return QuotaExhaustedError, _NO_QUOTA
    if "Request too large" in told.text:  # shares its code with the limit that passes
        return RequestTooLargeError, "lower chunk_tokens, or raise the account's token limit"
    return RateLimitError, "send fewer requests at a time (max_concurrency=)"


_NO_QUOTA = (
    "the account has no credit or limit left: add credit, or raise the limit, where it is billed"
)
_KEY = "check the API key and what it is allowed to do (api_key= or OPENAI_API_KEY)"
_NO_API = "no API sends that: check the base URL, which mostly ends in /v1, and proxies in between"
_NO_SUCH_MODEL = "model_not_found"
_TOO_LONG = "context_length_exceeded"
_USUAL_CODES: dict[type[CallError], str] = {
    RequestTooLargeError: _TOO_LONG,
    RefusalError: "content_filter",
}
# vLLM and LiteLLM; llama.cpp; Anthropic; Google.
_SAYS_TOO_LONG = re.compile(
    r"context.?(?:length|window|size)|prompt is too long|input token count", re.IGNORECASE
).search
_SAYS_FILTERED = re.compile(
    r"content.?(?:management.)?policy|content.?filter", re.IGNORECASE
).search
_SAYS_NO_QUOTA = re.compile(r"exceeded your current quota", re.IGNORECASE).search  # LiteLLM
_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE).search
_BILLING_CODES = frozenset({"billing_not_active", "billing_hard_limit_reached"})
_QUOTA_TYPES = ("insufficient_quota", "budget_exceeded")
_REFUSAL_CODES = frozenset({"content_filter", "content_policy_violation", "invalid_prompt"})
_QUOTA_CODES = frozenset(
    {"insufficient_quota", "credit_balance_exhausted", "organization_usage_limit_exceeded"}
)
_SPEND_LIMIT = "_spend_limit_exceeded"


def _message(told: _Told, key: str) -> str:
    """Return the server's message, shortened, without the key or parts of one."""
    text = " ".join((told.message or _page(told) or "it says no more").split())
    if len(key) >= SHORTEST_KEY:
        text = text.replace(key, "<key>")
    return re.sub(r"\b(sk|pk|key)-[\w*.-]+", "<key>", text)[:300]


def _page(told: _Told) -> str | None:
    title = _TITLE(told.text)
    named = f', "{title[1].strip()}"' if title else ""
    return f"a web page came{named}" if told.is_page else None


def _fields(body: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", body) if isinstance(body, dict) else {}


def _told(body: object) -> str | None:
    """Return what a body says: a text, or the first of the fields in which servers put one."""
    if fields := _fields(body):
        told = (_told(fields.get(name)) for name in ("message", "error", "detail"))
        return next(filter(None, told), None)
    return body if isinstance(body, str) and "<" not in body[:1] else None


def _retry_after_s(headers: Mapping[str, str], told: _Told) -> float | None:
    """Read `retry-after-ms`, which is finer, else `retry-after` in seconds or as a date.

    Where there is neither, the message of a 429 may say "Please try again in 644ms".
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        seconds = _number(headers.get(name))
        if seconds is not None:
            return seconds * unit_s
    if told.status == 429 and "retry-after" not in headers:
        return read_duration_s(told.message or "")
    return _seconds_until(headers.get("retry-after"), headers.get("date"))


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else -1.0
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _seconds_until(date: str | None, now: str | None) -> float | None:
    """Return the seconds until a date, by the server's own clock where it tells."""
    from datetime import UTC, datetime

    moment = _moment(date)
    if moment is None:
        return None
    return max(0.0, (moment - (_moment(now) or datetime.now(UTC))).total_seconds())


def _moment(date: str | None) -> datetime | None:
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(date or "")
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
