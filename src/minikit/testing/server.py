"""A server that answers what a test has scripted, inside the process."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from minikit.checks import check_whole
from minikit.errors import ArgumentError
from minikit.testing.double import Double
from minikit.testing.replies import Reply, completion, structured
from minikit.testing.request import Request, UnexpectedRequestError
from minikit.testing.showing import shown

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from pydantic import BaseModel

    from minikit.calls.offline import Reply as Wire
    from minikit.calls.standin import Forward

    Json = str | float | Mapping[str, object] | Sequence[object] | None
    Value = Json | Reply | BaseModel | DataclassInstance
    Answer = Value | Callable[[Request], Value | Awaitable[Value]]
    When = str | Callable[[Request], bool] | None

__all__ = ["ScriptedServer"]

_SHOWN_AT_MOST = 20


@dataclass(slots=True, eq=False)
class _Line:
    """One line of the script, and how often it has been used."""

    answer: Answer
    when: When
    times: int | None
    used: int = 0

    def fits(self, request: Request) -> bool:
        if self.times is not None and self.used >= self.times:
            return False
        if isinstance(self.when, str):
            return self.when in request.prompt
        return self.when is None or self.when(request)

    @property
    def is_unused(self) -> bool:
        return self.times is not None and self.used < self.times

    def __str__(self) -> str:
        when = "" if self.when is None else f" when {_named(self.when)}"
        times = "any number of times" if self.times is None else f"{self.used} of {self.times} used"
        return f"    {_named(self.answer)}{when}: {times}"


class ScriptedServer(Double):
    """Answers the requests of every client in the process, as a test has scripted it.

    In its `with` block it stands in for every server, whatever client asks, wherever and whenever
    that was made, with whatever key or none; the offline model answers itself. The SDK and all of
    minikit run as ever, so that retries, budgets, journals and costs are real; only what is sent
    stays here, and retries do not wait. At the end of the block a request that nothing was
    scripted for raises, even where the application has caught the error, and so does a reply that
    nobody has asked for, unless the block ends in an error anyway.

    Safe to use from any number of threads and event loops. What a subprocess asks does not come
    here.

    Attributes:
        requests: What was asked, in order of arrival.
        unexpected: The errors of requests that nothing was scripted for.
    """

    def __init__(self) -> None:
        """Script nothing yet."""
        super().__init__()
        self._script: list[_Line] = []
        self._lock = Lock()

    def reply(self, *answers: Answer, when: When = None, times: int | None = 1) -> None:
        """Script replies; each request gets the first that fits it and is not used up.

        Args:
            *answers: Each a text; a value (a pydantic model, a dataclass, a list, a dict), which
                is put into the form that the request asks for; what `refusal`, `error` and the
                like return; or a function, async or not, of the `Request` that returns one.
                A function that raises a TimeoutError or a ConnectionError fails like `timeout`
                and `disconnected`.
            when: Only for requests whose prompt holds this text, or of which this function says
                True; default: for any. Calls that run side by side come in no certain order.
            times: How many requests each answers; None: any number, also none.

        Raises:
            ArgumentError: There is no answer, or one is bytes; `when` is neither a text nor a
                function; `times` is no whole number of 1 or more.
        """
        if not answers:
            raise ArgumentError("give at least one reply")
        if any(isinstance(answer, bytes | bytearray) for answer in answers):
            raise ArgumentError("bytes are no reply: give a str, or raw(b'...') for what is sent")
        if not (when is None or isinstance(when, str) or callable(when)):
            raise ArgumentError(f"when={when!r} is neither a text nor a function of the request")
        if times is not None:
            check_whole("times", times, 1)
        with self._lock:
            self._script.extend(_Line(answer, when, times) for answer in answers)

    def check(self) -> None:
        """Check that all was expected and all was used; the `with` block ends with it.

        Raises:
            AssertionError: Something was not.
        """
        self.assert_all_expected()
        self.assert_all_used()

    def assert_all_used(self) -> None:
        """Check that each reply was given as often as it was scripted.

        Raises:
            AssertionError: One was not; the message lists them.
        """
        unused = [str(line) for line in self._script if line.is_unused]
        if unused:
            raise AssertionError(
                f"{len(unused)} scripted repl{'y was' if len(unused) == 1 else 'ies were'} not "
                f"asked for, in {len(self.requests)} requests:\n" + _listed(unused)
            )

    async def _answer(self, request: Request, body: bytes, forward: Forward) -> Wire:
        from anyio import to_thread

        try:
            line = self._taken(request)
            reply = await _reply(line.answer, request)
            return await to_thread.run_sync(reply.make, request)
        except (UnexpectedRequestError, TimeoutError, ConnectionError):
            raise
        except Exception as error:  # of the test's own code: a client would take it for a fault
            raise UnexpectedRequestError(
                f"{type(error).__name__} in what answers: {error}\nfor the request\n"
                f"{shown(request)}",
                code="failed_reply",
            ) from error

    def _taken(self, request: Request) -> _Line:
        with self._lock:
            self.requests.append(request)
            for line in self._script:
                if line.fits(request):
                    line.used += 1
                    return line
        script = [str(line) for line in self._script] or ["    nothing"]
        raise UnexpectedRequestError(
            f"request {len(self.requests)} was not expected:\n{shown(request)}\n{_asked(request)}"
            f"scripted is, in this order:\n{_listed(script)}\n"
            f"script one more with server.reply(...)",
            code="unexpected_request",
        )


async def _reply(answer: Answer, request: Request) -> Reply:
    """Return what a line of the script says to a request."""
    value: object = answer(request) if callable(answer) else answer
    if inspect.isawaitable(value):
        value = await value
    if isinstance(value, Reply):
        return value
    return completion(value) if isinstance(value, str) else structured(value)


def _asked(request: Request) -> str:
    """Tell what value a request asks for, as a text or another value may have been scripted."""
    if request.schema is None:
        return ""
    names = ", ".join(map(repr, request.schema.get("properties", ())))
    return f"it asks for a value with {names}\n"


def _named(value: object) -> str:
    if isinstance(value, Reply):
        return value.label
    if callable(value):
        return str(getattr(value, "__name__", value))
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _listed(lines: Sequence[str]) -> str:
    left_out = len(lines) - _SHOWN_AT_MOST
    more = [f"    ... and {left_out} more"] if left_out > 0 else []
    return "\n".join([*lines[:_SHOWN_AT_MOST], *more])
