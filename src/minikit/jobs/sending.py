"""Sending the calls of a job: each is recorded, and one that is cut off gets more room."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from minikit.calls.pipeline import in_thread
from minikit.calls.request import Request
from minikit.errors import RequestRejectedError, RequestTooLargeError
from minikit.jobs.material import form_tokens
from minikit.jobs.summarizing.stream import streamed
from minikit.jobs.summarizing.summary import TextDelta
from minikit.jobs.unread import truncated

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from minikit.calls.completion import Completion
    from minikit.calls.pipeline import Pipeline
    from minikit.jobs.engine import Ask, Engine
    from minikit.jobs.result import Place
    from minikit.jobs.tally import Listener
    from minikit.models.model import Model
    from minikit.tokens.messages import Message

__all__ = ["NO_QUOTES", "Sender", "Written"]

NO_QUOTES = "some replies gave no quotes, so that what they say is not supported"

NO_FORM = "the server takes no response format; quotes were asked for in words"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a call has written; `call` is its position in the records."""

    text: str
    call: int


class Sender:
    """Sends the calls of one summary.

    Attributes:
        engine: What they are sent through.
    """

    def __init__(
        self, model: Model, engine: Engine, pipeline: Pipeline, listen: Listener | None = None
    ) -> None:
        self.engine = engine
        self._model = model
        self._pipeline = pipeline
        self._listen = listen
        self._takes_form = True

    def tell(self, text: str, *, is_first: bool = True) -> None:
        """Tell a listener of text that no stream has told."""
        if self._listen is not None:
            self._listen(TextDelta(text=text, is_first=is_first))

    async def send(
        self,
        messages: tuple[Message, ...],
        place: Place,
        *,
        limit: int,
        tokens: int | None = None,
        form: Mapping[str, Any] | None = None,
    ) -> Written:
        """Send one request.

        Args:
            messages: What to ask.
            place: Where the call stands in the job.
            limit: Output limit.
            tokens: Tokens of the messages, where they have been counted before.
            form: The form of the reply; a server that takes none is asked without.

        Raises:
            OutputTruncatedError: The reply was cut off.
        """
        return _whole(*await self._sent(self._request(messages, limit, tokens, form), place))

    async def send_whole(
        self,
        messages: tuple[Message, ...],
        place: Place,
        *,
        limit: int,
        tokens: int | None = None,
        form: Mapping[str, Any] | None = None,
        at_most: int | None = None,
        is_last: bool = False,
    ) -> Written:
        """Send as `send` does; where the reply is cut off, once more with all the room there is.

        That is at most `at_most` tokens. Where it `is_last`, a listener hears of the text as it is
        written.
        """
        request = self._request(messages, limit, tokens, form)
        completion, call = await self._sent(request, place, is_last=is_last)
        if completion.finish_reason == "length":
            model = self._model
            left = model.context_window - await in_thread(request.count_input_tokens)
            most = min(left, model.max_output_tokens, at_most or left)
            if most > limit:
                longer = replace(request, max_output_tokens=most)
                again = replace(place, redone=True)
                completion, call = await self._sent(longer, again, is_last=is_last)
        return _whole(completion, call)

    def _request(
        self,
        messages: tuple[Message, ...],
        limit: int,
        tokens: int | None,
        form: Mapping[str, Any] | None,
    ) -> Request:
        model = self._model
        form = form if self._takes_form else None
        return Request(
            messages=messages,
            model=model,
            max_output_tokens=limit,
            response_format=form,
            known_input_tokens=tokens and tokens + form_tokens(form, model),
        )

    async def _sent(
        self, request: Request, place: Place, *, is_last: bool = False
    ) -> tuple[Completion, int]:
        try:
            ask = self._ask_aloud() if is_last else None
            completion = await self.engine.send(request, place, ask)
        except RequestRejectedError as error:
            if request.response_format is None or isinstance(error, RequestTooLargeError):
                raise
            # Whether the form is the cause, few servers tell: it is where the request goes through
            # without. The prompt asks for it in words too.
            plain = replace(request, response_format=None)
            answer = await self._sent(plain, place, is_last=is_last)
            self._takes_form = False
            self.engine.tally.notes[NO_FORM] = None
            return answer
        return completion, len(self.engine.tally.calls) - 1

    def _ask_aloud(self) -> Ask | None:
        """Return the way to send that tells who listens of the text as it is written."""
        pipeline, listen = self._pipeline, self._listen
        if listen is None:
            return None
        return lambda request, operation, account: streamed(
            pipeline, request, operation, account, listen
        )


def _whole(completion: Completion, call: int) -> Written:
    if completion.finish_reason == "length":
        raise truncated(completion)
    return Written(text=completion.text, call=call)
