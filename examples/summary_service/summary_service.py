"""A web service that streams summaries of texts and files as server-sent events.

    MINIKIT_MODEL=offline uvicorn summary_service:app
    curl -N --data-binary @notes.txt 'http://localhost:8000/summaries?title=notes.txt&words=60'

The body of a request is a text, or a file such as a PDF (with `minikit[files]`). What is wrong with
it is told by the status of the reply, before anything is paid. Then come the events: `plan` (what
it will take), `progress` after each call, `text` as it is written (one that `is_first` begins the
text anew, as the call before it had to be made again), and at the end `summary`, or `error` with
the status that fits. A reader who leaves cancels the calls in flight; `/health` tells what all of
it has cost. Errors that are not the reader's stand in the log.
"""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Annotated, NamedTuple

from anyio import to_thread
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

import minikit
from minikit import AsyncClient, AsyncSummaryStream, Document, MinikitError, Plan, TextDelta

BUDGET_USD = Decimal(os.environ.get("SUMMARY_BUDGET_USD", "0.05"))  # of one request
LARGEST_BYTES = 20_000_000
LOG = logging.getLogger("uvicorn.error")  # which uvicorn shows without more ado

STATUSES: tuple[tuple[type[MinikitError], int], ...] = (  # the first that fits
    (minikit.ContextOverflowError, 413),
    (minikit.ArgumentError, 422),  # also a SourceError: the body is no text
    (minikit.BudgetExceededError, 402),
    (minikit.RateLimitError, 503),
    (minikit.CallTimeoutError, 504),
    (minikit.AuthenticationError, 500),  # of the service's own key
    (minikit.QuotaExhaustedError, 500),
    (minikit.CallError, 502),
    (minikit.JobError, 502),
    (MinikitError, 500),
)


class Work(NamedTuple):
    """A summary under way, and what it was expected to take."""

    plan: Plan
    stream: AsyncSummaryStream


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, AsyncClient]]:
    """Make one client for all requests: it shares connections, rate limits and the ledger."""
    async with AsyncClient() as client:
        yield {"client": client}


app = FastAPI(lifespan=lifespan)


@app.exception_handler(MinikitError)
async def failed(_: Request, error: MinikitError) -> JSONResponse:
    """Tell an error that came before the first event."""
    after = getattr(error, "retry_after_s", None)
    headers = {} if after is None else {"Retry-After": f"{after:.0f}"}
    return JSONResponse(told(error), status_of(error), headers)


def status_of(error: MinikitError) -> int:
    """Return the HTTP status that tells an error."""
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def told(error: MinikitError) -> dict[str, object]:
    """Return an error for readers; what went wrong at the model's server is told to the log."""
    theirs = isinstance(error, minikit.ArgumentError | minikit.BudgetExceededError)
    if not theirs:
        LOG.error("%s: %s", type(error).__name__, error)
    message = str(error) if theirs else "the summary could not be made; try again later"
    return {"status": status_of(error), "error": type(error).__name__, "message": message}


def usd(amount: Decimal | None) -> str | None:
    """Return an amount of money as a text, which keeps it exact; None where it is not known."""
    return None if amount is None else f"{amount:f}"


async def uploaded(request: Request, title: str = "text.txt") -> Document:
    """Read the body; the end of its title tells what kind of file it is."""
    body = bytearray()
    async with aclosing(request.stream()) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > LARGEST_BYTES:
                raise HTTPException(413, f"a text has {LARGEST_BYTES:,} bytes at most")
    return await to_thread.run_sync(partial(Document.from_bytes, bytes(body), title=title))


async def begun(
    request: Request,
    document: Annotated[Document, Depends(uploaded)],
    words: Annotated[int, Query(ge=10, le=2_000)] = 150,
    focus: str | None = None,
) -> AsyncIterator[Work]:
    """Begin a summary; it is given up when the reply has ended or its reader has left."""
    client: AsyncClient = request.state.client
    plan = await client.plan(document, length=words, focus=focus)
    if plan.cost_usd_at_least is not None and plan.cost_usd_at_least > BUDGET_USD:
        raise HTTPException(402, f"a summary may cost ${BUDGET_USD}, and this one would cost more")
    summary = client.stream_summary(document, length=words, focus=focus, budget_usd=BUDGET_USD)
    async with summary as stream:
        yield Work(plan, stream)


@app.post("/summaries", response_class=EventSourceResponse)
async def summaries(work: Annotated[Work, Depends(begun)]) -> AsyncIterator[ServerSentEvent]:
    """Summarize the body of the request, and tell how it goes."""
    most = {"calls": work.plan.calls_at_most, "cost_usd": usd(work.plan.cost_usd_at_most)}
    yield ServerSentEvent(event="plan", data=most)
    try:
        async for event in work.stream:
            if isinstance(event, TextDelta):
                text = {"text": event.text, "is_first": event.is_first}
                yield ServerSentEvent(event="text", data=text)
            else:
                done = {"calls": event.calls_done, "cost_usd": usd(event.cost_usd)}
                yield ServerSentEvent(event="progress", data=done)
    except MinikitError as error:
        yield ServerSentEvent(event="error", data=told(error))
        return
    summary = work.stream.summary
    cost_usd = usd(summary.cost_usd)
    whole = {"text": summary.text, "cost_usd": cost_usd, "calls": len(summary.calls)}
    yield ServerSentEvent(event="summary", data=whole)


@app.get("/health")
async def health(request: Request) -> dict[str, object]:
    """Tell what the service has spent since it began."""
    total = request.state.client.ledger.total
    cost_usd = usd(total.cost_usd)
    return {"requests": total.entries, "cost_usd": cost_usd, "unmeasured": total.unmeasured}
