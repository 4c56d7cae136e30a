"""Calls become spans and measurements by the conventions, and nothing is left behind."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from events import AT, USAGE, attempted, ended, retried, started
from minikit.calls.hooks import Event
from minikit.calls.telemetry import MOST_OPEN, OpenTelemetryHook
from minikit.models.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.metrics.export import HistogramDataPoint
    from opentelemetry.sdk.trace import ReadableSpan

AT_NS = 1_795_348_800_250_000_000
ASKED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "server.address": "api.openai.com",
    "server.port": 443,
}
ANSWERED = {"gen_ai.response.model": "gpt-4o-mini-2024-07-18"}


class Point(NamedTuple):
    """What a histogram holds for one set of attributes."""

    attributes: dict[str, Any]
    measured: int
    total: float
    bounds: tuple[float, ...]

    @classmethod
    def of(cls, point: HistogramDataPoint) -> Point:
        """Keep what the tests compare."""
        attributes = dict(point.attributes or {})
        return cls(attributes, point.count, point.sum, tuple(point.explicit_bounds))


class Backend:
    """A hook, and what OpenTelemetry was told through it."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        meters = MeterProvider([self._reader], shutdown_on_exit=False)
        self.hook = OpenTelemetryHook(tracer_provider=self.tracers, meter_provider=meters)

    def tell(self, *events: Event) -> None:
        """Let the hook hear `events`."""
        for event in events:
            self.hook(event)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """The spans that have ended, in that order."""
        return self._exporter.get_finished_spans()

    @property
    def metrics(self) -> Mapping[str, tuple[str, list[Point]]]:
        """Unit and points of each histogram."""
        data = self._reader.get_metrics_data()
        return {
            metric.name: (
                metric.unit or "",
                [Point.of(cast("HistogramDataPoint", p)) for p in metric.data.data_points],
            )
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def backend() -> Backend:
    """A hook of its own."""
    return Backend()


def test_a_call_is_a_span(backend: Backend) -> None:
    """The span says what was asked, who answered, what it took and what it cost."""
    usage = Usage(
        input_tokens=4000,
        cached_tokens=1024,
        cache_write_tokens=2048,
        output_tokens=300,
        reasoning_tokens=100,
    )
    backend.tell(started(), attempted(), ended(usage=usage))
    (span,) = backend.spans
    assert (span.name, span.kind) == ("chat gpt-4o-mini", SpanKind.CLIENT)
    assert (span.parent, span.status.status_code) == (None, StatusCode.UNSET)
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "minikit"
    assert dict(span.attributes or {}) == {
        **ASKED,
        **ANSWERED,
        "gen_ai.request.max_tokens": 400,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 4000,
        "gen_ai.usage.output_tokens": 300,
        "gen_ai.usage.cache_read.input_tokens": 1024,
        "gen_ai.usage.cache_creation.input_tokens": 2048,
        "gen_ai.usage.reasoning.output_tokens": 100,
        "minikit.operation": "map",
        "minikit.cost_usd": 0.0003369,
        "minikit.attempts": 1,
        "minikit.replayed": False,
        "minikit.request_id": "req_1",
        "minikit.usage_estimated": False,
    }


def test_a_span_lasts_as_long_as_its_call(backend: Backend) -> None:
    """It starts when the call did, to the microsecond, and ends when its end is told."""
    backend.tell(started())
    assert len(backend.spans) == 0
    backend.tell(ended())
    (span,) = backend.spans
    assert span.start_time == AT_NS
    assert span.end_time is not None


def test_a_call_that_fails(backend: Backend) -> None:
    """Span and duration carry the class of the error; what is not known is left out."""
    failed = ended(
        error="ServerError",
        answered_by=None,
        usage=None,
        cost_usd=None,
        finish_reason=None,
        request_id=None,
        attempts=6,
    )
    backend.tell(started(server=None, port=None, max_output_tokens=None), failed)
    (span,) = backend.spans
    asked = {name: ASKED[name] for name in ASKED if not name.startswith("server")}
    assert span.status.status_code is StatusCode.ERROR
    assert dict(span.attributes or {}) == {
        **asked,
        "error.type": "ServerError",
        "minikit.operation": "map",
        "minikit.attempts": 6,
        "minikit.replayed": False,
    }
    assert list(backend.metrics) == ["gen_ai.client.operation.duration"]
    _, (point,) = backend.metrics["gen_ai.client.operation.duration"]
    assert point.attributes == {**asked, "error.type": "ServerError"}


def test_a_retry_is_an_event_of_its_span(backend: Backend) -> None:
    """A retry is told with its cause; a call that then succeeds is no error."""
    backend.tell(started(), retried(), retried(attempt=2, status=None, code=None), ended())
    (span,) = backend.spans
    told = {
        "minikit.attempt": 1,
        "minikit.wait_s": 1.5,
        "error.type": "RateLimitError",
        "http.response.status_code": 429,
        "minikit.error_code": "rate_limit_exceeded",
    }
    first, second = span.events
    assert (first.name, dict(first.attributes or {})) == ("minikit.retry", told)
    assert dict(second.attributes or {}) == {
        "minikit.attempt": 2,
        "minikit.wait_s": 1.5,
        "error.type": "RateLimitError",
    }
    assert span.status.status_code is StatusCode.UNSET
    assert "error.type" not in (span.attributes or {})


def test_a_replayed_call_is_paid_for_once(backend: Backend) -> None:
    """A reply from the journal is a span, but adds no tokens, no cost and no duration."""
    backend.tell(started(), ended(replayed=True, attempts=0))
    (span,) = backend.spans
    attributes = span.attributes or {}
    assert attributes["minikit.replayed"] is True
    assert [name for name in attributes if "usage" in name or "cost" in name] == []
    assert backend.metrics == {}


def test_tokens_of_every_paid_attempt_are_measured(backend: Backend) -> None:
    """A reply that was thrown away was billed all the same; what an earlier run paid is not."""
    backend.tell(
        started(),
        attempted(outcome="empty"),
        attempted(attempt=2, outcome="timeout", usage=None, cost_usd=None),
        attempted(attempt=3, carried=True),
        attempted(attempt=4),
        ended(attempts=4),
    )
    unit, points = backend.metrics["gen_ai.client.token.usage"]
    shared = {**ASKED, **ANSWERED}
    most = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)
    bounds = (*most, 4194304, 16777216, 67108864)
    assert unit == "{token}"
    assert points == [
        Point({**shared, "gen_ai.token.type": "input"}, 2, 2 * USAGE.input_tokens, bounds),
        Point({**shared, "gen_ai.token.type": "output"}, 2, 2 * USAGE.output_tokens, bounds),
    ]


def test_the_duration_of_a_call_is_measured(backend: Backend) -> None:
    """The seconds of a call are counted in the buckets that the conventions advise."""
    backend.tell(started(), ended())
    unit, points = backend.metrics["gen_ai.client.operation.duration"]
    bounds = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48)
    assert unit == "s"
    assert points == [Point({**ASKED, **ANSWERED}, 1, 2.5, (*bounds, 40.96, 81.92))]


def test_a_provider_has_the_name_of_the_conventions(backend: Backend) -> None:
    """Gemini's provider is not called as in the table of models."""
    backend.tell(started(provider="google"), ended())
    assert (backend.spans[0].attributes or {})["gen_ai.provider.name"] == "gcp.gemini"


def test_the_parent_is_the_span_around_the_call(backend: Backend) -> None:
    """Where the call is made counts, not where its end is told."""
    with backend.tracers.get_tracer("job").start_as_current_span("job"):
        backend.tell(started())
    backend.tell(ended())
    job, call = backend.spans
    assert call.parent == job.context


@pytest.mark.anyio
async def test_calls_of_tasks_have_the_parents_of_their_tasks(backend: Backend) -> None:
    """Calls in flight together keep their parents and their figures apart."""
    tracer = backend.tracers.get_tracer("job")
    names = [f"c{number}" for number in range(5)]
    under_way: set[str] = set()
    all_under_way = anyio.Event()

    async def call(name: str) -> None:
        with tracer.start_as_current_span(name):
            backend.tell(started(call_id=name, model=name))
            under_way.add(name)
            if len(under_way) == len(names):
                all_under_way.set()
            await all_under_way.wait()
            backend.tell(ended(call_id=name))

    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(call, name)
    jobs = {span.context.span_id: span.name for span in backend.spans if span.parent is None}
    calls = {span.name: jobs[span.parent.span_id] for span in backend.spans if span.parent}
    assert calls == {f"chat {name}": name for name in names}


def test_calls_of_many_threads(backend: Backend) -> None:
    """One hook serves clients in several threads."""

    def calls(thread: int) -> None:
        for number in range(100):
            name = f"{thread}-{number}"
            backend.tell(started(call_id=name), attempted(name), ended(call_id=name))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(calls, range(8)))
    assert len(backend.spans) == 800
    _, points = backend.metrics["gen_ai.client.token.usage"]
    assert [point.measured for point in points] == [800, 800]


def test_calls_that_never_end_do_not_pile_up(backend: Backend) -> None:
    """Beyond a limit the oldest is ended and marked; a late end of it is passed over."""
    for number in range(MOST_OPEN + 2):
        backend.tell(started(call_id=str(number), at=AT + timedelta(seconds=number)))
    assert [span.start_time for span in backend.spans] == [AT_NS, AT_NS + 10**9]
    assert all((span.attributes or {})["minikit.end_lost"] for span in backend.spans)
    backend.tell(ended(call_id="0"), ended(call_id="2"))
    assert len(backend.spans) == 3
    assert "minikit.end_lost" not in (backend.spans[2].attributes or {})


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from(["start", "attempt", "retry", "end"]),
        )
    )
)
def test_events_may_come_in_any_order(told: list[tuple[str, str]]) -> None:
    """A hook that joins late, or loses events, fails nothing: a span for each end with a start."""
    backend = Backend()
    open_calls: set[str] = set()
    spans = 0
    for call_id, kind in told:
        if kind == "start":
            open_calls.add(call_id)
            backend.tell(started(call_id=call_id))
        elif kind == "attempt":
            backend.tell(attempted(call_id))
        elif kind == "retry":
            backend.tell(retried(call_id=call_id))
        else:
            spans += call_id in open_calls
            open_calls.discard(call_id)
            backend.tell(ended(call_id=call_id))
    assert len(backend.spans) == spans


def test_other_events_are_passed_over(backend: Backend) -> None:
    """Kinds of events that the hook does not know do nothing."""
    backend.tell(Event())
    assert (backend.spans, backend.metrics) == ((), {})


GLOBAL = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from events import ended, started
from minikit.calls.telemetry import OpenTelemetryHook

hook = OpenTelemetryHook()  # before the provider is set, as in a module
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
hook(started())
hook(ended())
print([span.name for span in exporter.get_finished_spans()])
"""


def test_the_global_providers_are_the_default(pytestconfig: pytest.Config) -> None:
    """Without arguments, spans go where the program sends its own."""
    tests = pytestconfig.rootpath / "tests"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", GLOBAL],
        capture_output=True,
        text=True,
        check=True,
        cwd=tests,
    )
    assert done.stdout == "['chat gpt-4o-mini']\n"


def test_without_opentelemetry_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing package is an ImportError that says what to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ImportError, match=r"pip install 'minikit\[otel\]'"):
        OpenTelemetryHook()
