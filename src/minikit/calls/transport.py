"""How a request travels: the one module that knows the `openai` package.

The SDK (1.92 to 3.x) is imported at the first call. Its own retries are off; its exceptions become
ours, by status and code, never by the text of a message except where nothing else tells.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast

from minikit.calls.completion import Completion, read_completion, well_formed
from minikit.errors import (
    AuthenticationError,
    CallError,
    CallTimeoutError,
    QuotaExhaustedError,
    RateLimitError,
    RefusalError,
    RequestRejectedError,
    RequestTooLargeError,
    ServerError,
    TransportError,
)

if TYPE_CHECKING:
    import openai
    from openai._legacy_response import LegacyAPIResponse

    from minikit.calls.endpoint import Endpoint
    from minikit.calls.request import Request

__all__ = ["OpenAITransport", "Transport", "timeout_s"]


SHORTEST_KEY = 8
"""Shorter ones are no secrets, but words such as "none", which a message may well hold."""


class Transport(Protocol):
    """Sends one request once."""

    async def send(self, request: Request, *, timeout_s: float) -> Completion:
        """Send `request` and return the reply.

        Raises:
            CallError: There was none that can be used.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class OpenAITransport:
    """Sends requests through the OpenAI SDK. Belongs to the event loop of its first call."""

    def __init__(self, sdk: openai.AsyncOpenAI, *, owned: bool = True) -> None:
        self._sdk = sdk.with_options(max_retries=0)
        create = self._sdk.chat.completions.with_raw_response.create
        self._create = cast("Callable[..., Awaitable[LegacyAPIResponse[Any]]]", create)
        self._owned = owned

    @classmethod
    def connect(cls, endpoint: Endpoint) -> OpenAITransport:
        """Make a transport with a connection pool of its own."""
        import openai

        return cls(openai.AsyncOpenAI(api_key=endpoint.api_key, base_url=endpoint.base_url))

    @classmethod
    def offline(cls) -> OpenAITransport:
        """Make a transport to the offline model: an HTTP server inside this process."""
        import openai

        http_client = openai.DefaultAsyncHttpxClient(transport=_in_process_transport())
        return cls(
            openai.AsyncOpenAI(
                api_key="offline", base_url="http://offline.invalid/v1", http_client=http_client
            )
        )

    async def send(self, request: Request, *, timeout_s: float) -> Completion:
        """Send `request` once; see `Transport.send`.

        The raw body is read rather than the SDK's object, which takes HTML, `{}` and missing
        fields for an answer.
        """
        import anyio
        import openai

        try:
            # The SDK's timeout is for each read; a reply that trickles in needs one for the whole.
            with anyio.fail_after(timeout_s):
                reply = await self._create(**_well_formed(request.to_wire()), timeout=timeout_s)
        except openai.APIError as error:
            self._raise_ours(error, timeout_s)
        except TimeoutError as error:
            raise _timed_out(timeout_s) from error
        return read_completion(reply.text, request, request_id=reply.headers.get("x-request-id"))

    def _raise_ours(self, error: openai.APIError, timeout_s: float) -> NoReturn:
        import openai

        if isinstance(error, openai.APITimeoutError):
            raise _timed_out(timeout_s) from error
        if isinstance(error, openai.APIStatusError):
            raise _status_error(error, self._sdk.api_key) from error
        reason = type(error.__cause__ or error).__name__
        raise TransportError(
            f"no reply from the server ({reason}); check the network and the base URL"
        ) from error

    async def aclose(self) -> None:
        """Close the connections, if this transport made them."""
        if self._owned:
            await self._sdk.close()


def timeout_s(input_tokens: int, max_output_tokens: int) -> float:
    """Return how long a reply of this size may take, in seconds, before it counts as lost.

    30 s, and 1 s per 1,000 tokens read, and 1 s per 10 tokens written: several times what the
    4o class takes, so that a slow answer is not paid for twice and a hang does not cost the
    SDK's 600 s.
    """
    return 30 + input_tokens / 1000 + max_output_tokens / 10


def _timed_out(timeout_s: float) -> CallTimeoutError:
    return CallTimeoutError(
        f"no whole reply within {timeout_s:.0f} s; the server may have billed the call"
    )


def _status_error(error: openai.APIStatusError, key: str) -> CallError:
    kind, advice = _classify(error)
    code = _code(error)
    return kind(
        f"HTTP {error.status_code} ({code or 'no code'}): {_message(error, key)}; {advice}",
        status=error.status_code,
        code=code or _USUAL_CODES.get(kind),
        request_id=error.response.headers.get("x-request-id"),
        retry_after_s=_retry_after_s(error.response.headers),
    )


def _classify(error: openai.APIStatusError) -> tuple[type[CallError], str]:
    status = error.status_code
    if status == 402 or error.type in _QUOTA_TYPES:
        return QuotaExhaustedError, "the account has no credit or limit left"
    if status == 429:
        return _classify_429(error)
    if status in (401, 403):
        return AuthenticationError, "check the API key and what it is allowed to do"
    if status in (408, 409) or status >= 500:
        return ServerError, "the server failed; try again later"
    return _classify_400(error)


def _classify_400(error: openai.APIStatusError) -> tuple[type[CallError], str]:
    """Tell what is too long, and what is refused, from what is wrong."""
    status, code = error.status_code, _code(error)
    # Where a code is sent it tells; some servers and proxies send none but the status again.
    if code == _TOO_LONG or status == 413 or (code is None and _SAYS_TOO_LONG(str(error.body))):
        return RequestTooLargeError, "lower chunk_tokens, or describe the window with Model(...)"
    if code in _REFUSAL_CODES or (code is None and _SAYS_FILTERED(str(error.body))):
        return RefusalError, "change the prompt or leave the passage out"
    return RequestRejectedError, "check the model's name and the base URL"


def _classify_429(error: openai.APIStatusError) -> tuple[type[CallError], str]:
    """Tell a rate limit, which passes, from a quota and from a request that never fits it."""
    code = _code(error) or ""
    if code in _QUOTA_CODES or code.endswith(_SPEND_LIMIT):
        return QuotaExhaustedError, "the account has no credit or limit left"
    if "Request too large" in error.message:  # shares its code with the limit that passes
        return RequestTooLargeError, "lower chunk_tokens, or raise the account's token limit"
    return RateLimitError, "send fewer requests at a time (max_concurrency=)"


def _code(error: openai.APIStatusError) -> str | None:
    """Return the server's code where it is one: vLLM and the LiteLLM proxy send the status."""
    code: object = error.code
    return code if isinstance(code, str) and not code.isdigit() else None


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
_QUOTA_TYPES = ("insufficient_quota", "budget_exceeded")
_REFUSAL_CODES = frozenset({"content_filter", "content_policy_violation", "invalid_prompt"})
_QUOTA_CODES = frozenset(
    {"insufficient_quota", "credit_balance_exhausted", "organization_usage_limit_exceeded"}
)
_SPEND_LIMIT = "_spend_limit_exceeded"


def _message(error: openai.APIStatusError, key: str) -> str:
    """Return the server's message, shortened, without the key or parts of one."""
    text = _told(error.body) or f"HTTP {error.status_code}"
    text = " ".join(text.split())
    if len(key) >= SHORTEST_KEY:
        text = text.replace(key, "<key>")
    return re.sub(r"\b(sk|pk|key)-[\w*.-]+", "<key>", text)[:300]


def _told(body: object) -> str | None:
    """Return what a body says: a text, or the first of the fields in which servers put one."""
    if isinstance(body, dict):
        fields = cast("Mapping[str, Any]", body)
        told = (_told(fields.get(name)) for name in ("message", "error", "detail"))
        return next(filter(None, told), None)
    return body if isinstance(body, str) and "<" not in body[:1] else None


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read `retry-after-ms`, which is finer, else `retry-after` in seconds or as a date."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        seconds = _number(headers.get(name))
        if seconds is not None:
            return seconds * unit_s
    return _seconds_until(headers.get("retry-after"))


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else -1.0
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _seconds_until(date: str | None) -> float | None:
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(date or "")
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return None


def _well_formed(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, Mapping):
        return {key: _well_formed(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_well_formed(item) for item in cast("list[Any]", value)]
    return value


def _in_process_transport() -> Any:  # noqa: ANN401 - httpx's or httpx2's, as the SDK uses
    """Return an HTTP transport of the library that the installed SDK uses, answered by `respond`.

    That library is httpx up to SDK 2 and httpx2 from SDK 3; the SDK's own client class tells.
    """
    import importlib

    import openai

    from minikit.calls.offline import respond

    base = next(
        kind for kind in openai.DefaultAsyncHttpxClient.__mro__ if kind.__name__ == "AsyncClient"
    )
    http = importlib.import_module(base.__module__.partition(".")[0])

    async def answer(request: Any) -> Any:  # noqa: ANN401
        reply = await respond(request.url.path, request.content)
        return http.Response(reply.status, headers=reply.headers, content=reply.body)

    return cast("Callable[[Any], Any]", http.MockTransport)(answer)
