"""Calls as OpenTelemetry spans and metrics; the one module that knows `opentelemetry`.

Names, units and bucket boundaries are those of the semantic conventions for generative AI (status
Development; github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-spans.md and
gen-ai-metrics.md, and docs/general/recording-errors.md of semantic-conventions, read 2026-11-22).
What they have no name for stands under `minikit.`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from minikit.calls.hooks import AttemptEnded, CallEnded, CallStarted, Event, RetryScheduled
from minikit.errors import MissingExtraError
from minikit.models.usage import Usage

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

__all__ = ["OpenTelemetryHook"]

Value = str | int | float | bool | tuple[str, ...]

MOST_OPEN = 10_000
"""Spans open at most, about 35 MB of them; beyond that the oldest counts as lost and is ended."""

_PROVIDERS = {"google": "gcp.gemini"}
"""The conventions' names of providers, where they are not ours."""

_TOKEN_BOUNDARIES = [4**power for power in range(14)]
_SECOND_BOUNDARIES = [0.01 * 2**power for power in range(14)]


@dataclass(frozen=True, slots=True)
class _Call:
    """A call under way: its span, and what all its measurements have in common."""

    span: Span
    shared: Mapping[str, Value]


class OpenTelemetryHook:
    """Makes a span of each call, and two histograms of all calls. Thread-safe.

    A span is the child of the one that is current where the call is made. It holds what was asked,
    who answered, tokens, cost, attempts and an event for each retry, and no text. The spans of an
    HTTP instrumentation stand beside it, not below: a hook cannot make its span the current one.

    `gen_ai.client.token.usage` counts the tokens of every attempt that was billed, so that its sums
    are those of the ledger; `gen_ai.client.operation.duration` has the seconds of every call. A
    reply from the journal gives a span without tokens or cost, and no measurement, since sums over
    spans and over calls must not pay for it again.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        """Make the tracer and the instruments.

        Args:
            tracer_provider: Where spans go; default: the global provider.
            meter_provider: Where measurements go; default: the global provider.

        Raises:
            MissingExtraError: opentelemetry-api is not installed.
        """
        try:
            from opentelemetry import metrics, trace
        except ImportError as error:
            raise MissingExtraError(
                "OpenTelemetryHook needs opentelemetry-api: pip install 'minikit[otel]'",
                name="opentelemetry",
            ) from error
        from importlib.metadata import version

        self._tracer = trace.get_tracer("minikit", version("minikit"), tracer_provider)
        meter = metrics.get_meter("minikit", version("minikit"), meter_provider)
        self._token_usage = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKEN_BOUNDARIES,
        )
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECOND_BOUNDARIES,
        )
        self._calls: OrderedDict[str, _Call] = OrderedDict()

    def __call__(self, event: Event, /) -> None:
        """Take note of `event`; events of calls whose start was not seen are passed over."""
        if isinstance(event, CallStarted):
            self._start(event)
        elif isinstance(event, AttemptEnded):
            self._count(event)
        elif isinstance(event, RetryScheduled):
            self._note(event)
        elif isinstance(event, CallEnded):
            self._end(event)

    def _start(self, event: CallStarted) -> None:
        from opentelemetry.trace import SpanKind

        shared = _present(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": _PROVIDERS.get(event.provider, event.provider),
                "gen_ai.request.model": event.model,
                "server.address": event.server,
                "server.port": event.port,
            }
        )
        own: dict[str, Value | None] = {
            "gen_ai.request.max_tokens": event.max_output_tokens,
            "minikit.operation": event.operation,
        }
        span = self._tracer.start_span(
            f"chat {event.model}",
            kind=SpanKind.CLIENT,
            attributes={**shared, **_present(own)},
            start_time=_nanoseconds(event.at),
        )
        self._calls[event.call_id] = _Call(span, shared)
        if len(self._calls) > MOST_OPEN:
            _, lost = self._calls.popitem(last=False)
            lost.span.set_attribute("minikit.end_lost", True)
            lost.span.end()

    def _count(self, event: AttemptEnded) -> None:
        call, entry = self._calls.get(event.call_id), event.entry
        if call is None or entry.usage is None or entry.carried:
            return
        measured = {**call.shared, **_present({"gen_ai.response.model": entry.answered_by})}
        for kind, tokens in (
            ("input", entry.usage.input_tokens),
            ("output", entry.usage.output_tokens),
        ):
            self._token_usage.record(tokens, {**measured, "gen_ai.token.type": kind})

    def _note(self, event: RetryScheduled) -> None:
        call = self._calls.get(event.call_id)
        if call is None:
            return
        attributes: dict[str, Value | None] = {
            "minikit.attempt": event.attempt,
            "minikit.wait_s": event.wait_s,
            "error.type": event.error,
            "http.response.status_code": event.status,
            "minikit.error_code": event.code,
        }
        call.span.add_event("minikit.retry", _present(attributes))

    def _end(self, event: CallEnded) -> None:
        from opentelemetry.trace import StatusCode

        call = self._calls.pop(event.call_id, None)
        if call is None:
            return
        outcome = _present({"gen_ai.response.model": event.answered_by, "error.type": event.error})
        call.span.set_attributes({**outcome, **_figures(event)})
        if event.error is not None:
            call.span.set_status(StatusCode.ERROR)
        call.span.end()
        if not event.replayed:
            self._duration.record(event.latency_s, {**call.shared, **outcome})


def _figures(event: CallEnded) -> dict[str, Value]:
    """Return what a span says of the end of its call.

    The cost is a float, since backends add up numbers and not texts; the exact amount stands in
    the ledger. The server's id of the request is not that of the completion, `gen_ai.response.id`.
    """
    told: dict[str, Value | None] = {
        "gen_ai.response.finish_reasons": _one(event.finish_reason),
        "minikit.request_id": event.request_id,
        "minikit.attempts": event.attempts,
        "minikit.replayed": event.replayed,
    }
    if not event.replayed:
        told |= _usage(event.usage)
        told["minikit.cost_usd"] = None if event.cost_usd is None else float(event.cost_usd)
    return _present(told)


def _usage(usage: Usage | None) -> dict[str, Value | None]:
    if usage is None:
        return {}
    return {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
        "minikit.usage_estimated": usage.estimated,
    }


def _one(value: str | None) -> tuple[str, ...] | None:
    return None if value is None else (value,)


def _present(attributes: Mapping[str, Value | None]) -> dict[str, Value]:
    """Leave out what is None, which OpenTelemetry warns about."""
    return {name: value for name, value in attributes.items() if value is not None}


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6) * 1000
