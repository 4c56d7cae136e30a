"""Sending images: each call reads its own, and one that is cut off gets more room."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from minikit.calls.pipeline import in_thread
from minikit.calls.request import Request
from minikit.errors import OutputTruncatedError
from minikit.jobs.describing.prompts import NO_TEXT, Group, ask, ask_for_notes, ask_of_notes
from minikit.jobs.result import Place
from minikit.text.document import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikit.calls.completion import Completion
    from minikit.calls.schema import Schema
    from minikit.calls.structured import Forms
    from minikit.jobs.describing.sizes import ImageSizes
    from minikit.jobs.engine import Engine
    from minikit.jobs.result import Operation
    from minikit.tokens.messages import Message

__all__ = ["Looker", "Seen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a call has brought: its text, and its value where a schema was asked for."""

    text: str
    parsed: Any = None


class Looker:
    """Sends the calls of one run of a description."""

    def __init__(self, sizes: ImageSizes, engine: Engine, forms: Forms) -> None:
        """Make a sender.

        Args:
            sizes: What is asked, and the limits.
            engine: What the calls are sent through.
            forms: What is known of the forms that servers take.
        """
        self._sizes = sizes
        self._engine = engine
        self._forms = forms

    async def look(self, group: Group, operation: Operation) -> Seen:
        """Ask of the images in `group` what is asked.

        Raises:
            SourceError: A file is not what was measured any more.
            CallError: There is no reply that can be used.
            BudgetExceededError: The budget does not allow the call.
        """
        request = await in_thread(partial(self._request, group))
        seen = await self._reply(request, group.place(operation), self._sizes.schema)
        is_empty = self._sizes.asked.options.task == "text" and seen.text.strip() == NO_TEXT
        return replace(seen, text="") if is_empty else seen

    async def take_notes(self, group: Group) -> Seen:
        """Ask what the images in `group` say to what is asked of all; raises as `look` does."""
        request = await in_thread(partial(self._request, group, notes=True))
        return await self._asked(request, group.place("map"), None)

    async def merge(self, notes: Sequence[tuple[Group, str]], unseen: Sequence[int]) -> Seen:
        """Ask of the notes on all images what is asked; `unseen` are images without notes."""
        sizes = self._sizes
        request = Request(
            messages=ask_of_notes(sizes.asked, notes, unseen),
            model=sizes.model,
            max_output_tokens=sizes.output,
        )
        place = Place(operation="merge", level=1, span=Span(0, 0))
        return await self._reply(request, place, sizes.schema)

    def _request(self, group: Group, *, notes: bool = False) -> Request:
        sizes = self._sizes
        words = ask_for_notes if notes else ask
        messages: tuple[Message, ...] = words(sizes.asked, group, group.parts(sizes.detail))
        return Request(
            messages=messages,
            model=sizes.model,
            max_output_tokens=sizes.notes_output if notes else sizes.output,
            known_input_tokens=sizes.count(group, notes=notes),
        )

    async def _reply(self, request: Request, place: Place, schema: Schema[Any] | None) -> Seen:
        """Ask; where the reply is cut off by a limit of ours, once more with all the room."""
        try:
            return await self._asked(request, place, schema)
        except OutputTruncatedError:
            longer = await in_thread(partial(self._longer, request))
            if longer is None:
                raise
            return await self._asked(longer, replace(place, redone=True), schema)

    def _longer(self, request: Request) -> Request | None:
        if self._sizes.asked.options.max_output_tokens is not None:
            return None
        model = request.model
        most = min(model.max_output_tokens, model.context_window - request.count_input_tokens())
        is_more = most > request.reserved_output_tokens
        return replace(request, max_output_tokens=most) if is_more else None

    async def _asked(self, request: Request, place: Place, schema: Schema[Any] | None) -> Seen:
        if schema is not None:
            filled = await self._engine.fill(schema, request, place, forms=self._forms)
            return Seen(text=filled.text, parsed=filled.parsed)
        completion = await self._engine.send(request, place)
        if completion.finish_reason == "length":
            raise _truncated(completion)
        return Seen(text=completion.text)


def _truncated(completion: Completion) -> OutputTruncatedError:
    error = OutputTruncatedError(
        f"the reply was cut off after {completion.usage.output_tokens} tokens; raise "
        f"max_output_tokens, or ask for less",
        code="length",
        status=200,
        request_id=completion.request_id,
    )
    error.completion = completion
    return error
