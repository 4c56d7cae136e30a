"""Asking for a value of a type: in a form that the server knows, and again where it misfits."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from minikit.calls.batching.settings import NO_BATCHES
from minikit.calls.completion import Completion
from minikit.calls.schema import Misfit
from minikit.errors import (
    ArgumentError,
    CallError,
    ContextOverflowError,
    OutputTruncatedError,
    RequestRejectedError,
    RequestTooLargeError,
    SchemaError,
)
from minikit.models.money import total_usd
from minikit.models.usage import Usage
from minikit.tokens.messages import Message, TextPart, as_mapping

if TYPE_CHECKING:
    from minikit.calls.request import Request
    from minikit.calls.schema import Schema
    from minikit.models.model import Model

__all__ = ["SCHEMA_ATTEMPTS", "Forms", "ParsedCompletion", "complete_structured"]

T = TypeVar("T")
E = TypeVar("E", bound=CallError)
Form = Literal["json_schema", "tool", "text"]
Send = Callable[["Request"], Awaitable[Completion]]

SCHEMA_ATTEMPTS = 3
"""Replies that are asked for in one form; each is paid for."""

_ABILITIES: dict[Form, str] = {"json_schema": "json_schema", "tool": "tools"}
_NOT_OF_THE_FORM = ("model_not_found", NO_BATCHES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedCompletion(Completion, Generic[T]):
    """A reply, read as a value of the type that was asked for.

    `text` is the JSON as the model wrote it. `usage`, `cost_usd`, `attempts` and `latency_s` are
    those of all requests that it took, replies that did not fit included.

    Attributes:
        parsed: The value.
    """

    parsed: T


class Forms:
    """Remembers for a client in which form a model answers, where that is not the first choice.

    Safe to use from any number of threads: each method is one operation on a dict.
    """

    def __init__(self) -> None:
        self._proven: dict[_Asked, bool] = {}
        self._known: dict[_Asked | tuple[_Asked, str], Form] = {}

    def ladder(self, model: Model, schema: Schema[T]) -> tuple[Form, ...]:
        """Return the forms to ask in, the best first; the last one, "text", is for any server.

        A model that is said to have one of the capabilities has no other; nothing is known of one
        that is said to have none, as a model of one's own.
        """
        forms, asked = _forms(model), _asked(model)
        known = self._known.get(asked) or self._known.get((asked, schema.fingerprint))
        return forms[forms.index(known) :] if known in forms else forms

    def learn(self, model: Model, schema: Schema[T], form: Form) -> None:
        """Remember that `model` answered in `form`, and in none that is better.

        Where it has answered in the best form before, it is the schema that is odd.
        """
        asked = _asked(model)
        if form == _forms(model)[0]:
            self._proven[asked] = True
        elif asked in self._proven:
            self._known[asked, schema.fingerprint] = form
        else:
            self._known[asked] = form


_Asked = tuple[str | None, str]


def _asked(model: Model) -> _Asked:
    return model.base_url, model.id


def _forms(model: Model) -> tuple[Form, ...]:
    said: list[Form] = [form for form in _ABILITIES if _ABILITIES[form] in model.supports]
    unknown: list[Form] = list(_ABILITIES)
    return (*(said or unknown), "text")


async def complete_structured(
    send: Send, request: Request, schema: Schema[T], *, forms: Forms
) -> ParsedCompletion[T]:
    """Ask for a reply that fits `schema`.

    Where a server rejects a form, or the model answers in prose as if it had not seen it, the
    next form of the ladder is used. A reply that does not fit is shown to the model with what is
    wrong with it, up to `SCHEMA_ATTEMPTS` replies in one form. Cancellation ends the request.

    Args:
        send: Sends a request and returns its reply; each call of it may be paid for.
        request: What to ask; its tools and its response format are replaced.
        schema: What the reply must fit.
        forms: What the client has learned.

    Raises:
        ArgumentError: The model is the offline one, which writes nothing; nothing was sent.
        SchemaError: No reply fits; carries the last one and the problems.
        OutputTruncatedError: A reply was cut off by its length limit; carries it.
        CallError: As `send` raises it. Where replies had come before, it carries the last of
            them, with the usage and the cost of all.
    """
    if request.model.provider == "offline":
        raise ArgumentError(
            f"the model {request.model.id!r} only selects sentences and cannot fill a schema: "
            f"choose another model"
        )
    asking = _Asking(send=send, schema=schema)
    ladder = forms.ladder(request.model, schema)
    rejections: list[RequestRejectedError] = []
    for form in ladder:
        try:
            reply = await asking.ask(_in_form(request, schema, form), form)
        except RequestRejectedError as error:
            if isinstance(error, RequestTooLargeError) or error.code in _NOT_OF_THE_FORM:
                raise
            rejections.append(error)  # whether the form is the cause, few servers tell
            continue
        if reply is not None:
            forms.learn(request.model, schema, form)
            return reply
    raise asking.charged(rejections[0])


@dataclass(slots=True, kw_only=True)
class _Asking(Generic[T]):
    """One question under way, and what it has taken so far in all forms."""

    send: Send
    schema: Schema[T]
    replies: list[Completion] = field(default_factory=list[Completion])
    attempts: int = 0
    start: float = field(default_factory=time.monotonic)

    async def ask(self, request: Request, form: Form) -> ParsedCompletion[T] | None:
        """Return a reply that fits, or None where the form was ignored."""
        problems: tuple[str, ...] = ()
        asked = request
        for number in range(SCHEMA_ATTEMPTS):
            try:
                reply = await self._sent(asked)
            except ContextOverflowError:
                if number == 0:
                    raise
                break  # there is no room for a correction
            if reply.finish_reason == "length":
                raise self.charged(_truncated(reply))
            text = _written(reply)
            try:
                return self._parsed(text, self.schema.parse(text))
            except Misfit as misfit:
                problems = misfit.problems
            if not _is_in_form(reply, form):
                return None
            corrected = _corrected(request, text, problems)
            # The same reply once more is shown beside the first: a journal answers what was asked.
            asked = _corrected(asked, text, problems) if corrected == asked else corrected
        raise self.charged(_schema_error(self.schema.name, len(self.replies), problems))

    async def _sent(self, request: Request) -> Completion:
        try:
            reply = await self.send(request)
        except CallError as error:
            self.attempts += error.attempts
            if error.completion is not None:
                self.replies.append(error.completion)
            self.charged(error)
            raise
        self.attempts += reply.attempts
        self.replies.append(reply)
        return reply

    def _parsed(self, text: str, value: T) -> ParsedCompletion[T]:
        total = replace(self._total(), text=text)
        return ParsedCompletion(
            **{each.name: getattr(total, each.name) for each in fields(total)}, parsed=value
        )

    def charged(self, error: E) -> E:
        """Return `error` with the last reply and what all of them took."""
        error.attempts = self.attempts
        if self.replies:
            error.completion = self._total()
        return error

    def _total(self) -> Completion:
        return replace(
            self.replies[-1],
            usage=sum((reply.usage for reply in self.replies), Usage()),
            cost_usd=total_usd(reply.cost_usd for reply in self.replies),
            attempts=self.attempts,
            latency_s=time.monotonic() - self.start,
        )


def _in_form(request: Request, schema: Schema[T], form: Form) -> Request:
    """Ask in a form; the tokens that were counted are no longer those of the request."""
    plain = replace(
        request, tools=(), tool_choice=None, response_format=None, known_input_tokens=None
    )
    if form == "json_schema":
        return replace(plain, response_format=schema.response_format())
    if form == "tool":
        return replace(plain, tools=(schema.tool(),), tool_choice=schema.tool_choice())
    return replace(plain, messages=_told(request.messages, schema.instructions()))


def _told(messages: tuple[Message, ...], text: str) -> tuple[Message, ...]:
    """Add `text` to the last message of the user: some servers take no two of one role in a row."""
    *before, last = messages
    if last.role != "user":
        return (*messages, Message(role="user", content=text))
    if isinstance(last.content, str):
        return (*before, replace(last, content=f"{last.content}\n\n{text}"))
    return (*before, replace(last, content=(*last.content, TextPart(text=text))))


def _written(reply: Completion) -> str:
    """Return what should be JSON: the arguments of the first tool that was called, else the text.

    Arguments are JSON in a text; some servers send the object itself.
    """
    if not reply.tool_calls:
        return reply.text
    arguments = (as_mapping(reply.tool_calls[0].get("function")) or {}).get("arguments")
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _is_in_form(reply: Completion, form: Form) -> bool:
    """Tell a reply that tried to keep the form from one that the form never reached."""
    if form == "tool":
        return bool(reply.tool_calls)
    return form == "text" or reply.text.lstrip().startswith("{")


def _corrected(request: Request, text: str, problems: tuple[str, ...]) -> Request:
    """Ask again, with the reply and what is wrong with it; a tool's arguments are shown as text."""
    listed = "\n".join(f"- {problem}" for problem in problems)
    correction = (
        f"Your reply does not fit the schema:\n{listed}\n"
        f"Give the whole answer again, corrected, in the same form."
    )
    shown = (
        Message(role="assistant", content=text if text.strip() else "(nothing)"),
        Message(role="user", content=correction),
    )
    return replace(request, messages=(*request.messages, *shown))


def _truncated(reply: Completion) -> OutputTruncatedError:
    return OutputTruncatedError(
        f"the reply was cut off after {reply.usage.output_tokens} tokens, before its JSON was "
        f"whole: raise max_output_tokens, or ask for less at a time",
        code="length",
        status=200,
        request_id=reply.request_id,
    )


def _schema_error(name: str, replies: int, problems: tuple[str, ...]) -> SchemaError:
    """Return the error that tells how much is wrong; what is wrong may quote the reply."""
    counted = f"{len(problems)} problem{'s' * (len(problems) != 1)}"
    error = SchemaError(
        f"no reply of {replies} fits the schema {name!r}; the last one has {counted}, "
        f"see `errors`: describe the fields, allow more, or choose another model",
        code="schema",
        status=200,
    )
    error.errors = problems
    return error
