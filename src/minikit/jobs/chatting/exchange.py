"""One message of a chat and its reply: what it takes is booked, and only a whole reply is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from minikit.calls.completion import EMPTY
from minikit.calls.pipeline import in_thread
from minikit.calls.stream import AsyncCompletionStream
from minikit.errors import (
    ArgumentError,
    BadReplyError,
    CallError,
    OutputTruncatedError,
    RefusalError,
)
from minikit.jobs.chatting.conversation import Conversation, Turn, turns_of, unanswered
from minikit.jobs.result import Place, Result
from minikit.jobs.unread import truncated
from minikit.jobs.verb import Job, Setting, exact_level, planned
from minikit.models.money import EXACT, add_usd, total_usd
from minikit.text.document import Span
from minikit.text.passage import Passage
from minikit.tokens.messages import Message

if TYPE_CHECKING:
    from minikit.calls.completion import Completion
    from minikit.calls.pipeline import Pipeline
    from minikit.jobs.chatting.options import CheckedChatOptions
    from minikit.jobs.chatting.packing import Fit, Packing
    from minikit.jobs.engine import Bill, Engine
    from minikit.models.model import Model

__all__ = ["Exchange", "Reply", "check_follows", "opened"]

SHORTENED = "the summary of older turns was longer than there is room for, and its end was cut off"
NOT_SUMMARIZED = "what {turns} older turns said could not be summarized: {reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Result):
    """The reply to a message, and what it took. `str(reply)` is its text.

    Where it calls tools, the next message answers each call: `{"role": "tool", "tool_call_id":
    call["id"], "content": ...}`.

    Attributes:
        text: What the model wrote; "" when it only calls tools.
        finish_reason: Why the reply ended: "stop", "length" (cut off) or "tool_calls".
        tool_calls: Calls of tools that the model asks for, as they came on the wire.
        passages: Passages of the knowledge that stood beside the message; () where the knowledge
            stands whole in each request.
        summarized_turns: How many of the oldest turns the request held as a summary.
    """

    text: str = field(repr=False)
    finish_reason: str
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    passages: tuple[Passage, ...] = ()
    summarized_turns: int = 0

    def __str__(self) -> str:
        return self.text


class Exchange:
    """One message under way, with an account of its own that stands for the conversation's."""

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        packing: Packing,
        engine: Engine,
        conversation: Conversation,
        new: Turn,
        save: Callable[[Conversation], None],
    ) -> None:
        """Begin.

        Args:
            pipeline: What sends.
            packing: Fits requests into the window.
            engine: What the calls are sent through and booked by.
            conversation: What came before.
            new: What is said now.
            save: Told of the conversation whenever it has changed.
        """
        self._pipeline = pipeline
        self._packing = packing
        self._engine = engine
        self._before = self._conversation = conversation
        self._new = new
        self._save = save
        budget = engine.tally.account.budget
        if budget is not None:
            spent_usd = add_usd(conversation.cost_usd or Decimal(0), conversation.failed_cost_usd)
            budget.carry(spent_usd, conversation.unknown_usd)

    async def prepare(self, fit: Fit, readings: Sequence[Sequence[str]]) -> None:
        """Summarize the older turns that no longer fit, and then put the request together.

        Args:
            fit: How the message fits.
            readings: What the calls read that summarize the turns that are due.

        Raises:
            MinikitError: The older turns could not be summarized, as no call of now would work.
        """
        if fit.due:
            await self._remember(fit.due, readings)
            work = partial(self._packing.fit, self._conversation, self._new)
            fit = await in_thread(work)
        self._request, self._passages = fit.request, fit.passages

    async def send(self) -> Reply:
        """Send the request and keep its reply."""
        return self._kept(await self._engine.send(self._request, self._place()))

    def stream(self) -> AsyncCompletionStream:
        """Return the stream that sends the request; `received` keeps its reply."""
        account = self._engine.tally.account
        return AsyncCompletionStream(self._pipeline, self._request, "chat.answer", account)

    def received(self, completion: Completion) -> Reply:
        """Keep the reply that came in the stream."""
        self._engine.record(completion, self._place())
        return self._kept(completion)

    def note(self, *notes: str) -> None:
        """Add to what is told with the reply."""
        self._engine.tally.notes.update(dict.fromkeys(notes))

    def book(self) -> None:
        """Book what the calls have taken so far, and save the conversation."""
        before, bill = self._before, self._bill()
        budget = self._engine.tally.account.budget
        self._conversation = replace(
            self._conversation,
            model=bill["model"],
            usage=before.usage + bill["usage"],
            cost_usd=total_usd((before.cost_usd, bill["cost_usd"])),
            failed_cost_usd=add_usd(before.failed_cost_usd, bill["failed_cost_usd"]),
            unknown_usd=before.unknown_usd if budget is None else budget.unknown_usd,
            unmeasured=before.unmeasured + bill["unmeasured"],
            calls=before.calls + len(bill["calls"]),
        )
        self._save(self._conversation)

    async def _remember(self, due: int, readings: Sequence[Sequence[str]]) -> None:
        """Summarize the turns that are due, together with what is remembered of those before."""
        first = self._conversation.summarized_turns
        turns = turns_of(self._conversation.messages)
        start, end = (sum(map(len, turns[:number])) for number in (first, first + due))
        place = Place(operation="refine", level=0, span=Span(start, end))
        summary = self._conversation.summary
        for reading in readings:
            summary = await self._summary(summary, reading, place, due)
        self._conversation = replace(
            self._conversation, summary=summary, summarized_turns=first + due
        )
        self.book()

    async def _summary(
        self, summary: str | None, reading: Sequence[str], place: Place, turns: int
    ) -> str:
        request = self._packing.summary_request(summary, reading)
        try:
            completion = await self._engine.send(request, place)
            if not completion.text.strip():
                raise truncated(completion)
        except CallError as error:
            if not _lies_in_what_was_said(error):
                raise
            gap = NOT_SUMMARIZED.format(turns=turns, reason=error.code or "length")
            self.note(gap)
            written = f"[{gap}]\n{summary or ''}".strip()
        else:
            written = completion.text.strip()
        kept = await in_thread(partial(self._packing.shortened, written))
        if kept != written:
            self.note(SHORTENED)
        return kept

    def _place(self) -> Place:
        start = len(self._conversation.messages)
        return Place(operation="answer", level=1, span=Span(start, start + len(self._new)))

    def _kept(self, completion: Completion) -> Reply:
        message = _assistant(completion)
        said = (*self._conversation.messages, *self._new, message)
        self._conversation = replace(self._conversation, messages=said)
        self.book()
        return Reply(
            text=completion.text,
            finish_reason=completion.finish_reason,
            tool_calls=completion.tool_calls,
            passages=self._passages,
            summarized_turns=self._conversation.summarized_turns,
            **self._bill(),
        )

    def _bill(self) -> Bill:
        """Return the bill; what a journal answers was paid for elsewhere, and failed nowhere."""
        bill = self._engine.bill()
        paid = (call.cost_usd for call in bill["calls"] if call.cost_usd and not call.replayed)
        spent_usd = self._engine.tally.account.ledger.total.cost_usd
        bill["failed_cost_usd"] = EXACT.subtract(spent_usd, add_usd(Decimal(0), *paid))
        return bill


def opened(pipeline: Pipeline, model: Model, options: CheckedChatOptions, readings: int) -> Engine:
    """Open the account of a message, and return what its calls are sent through.

    Each message is a job of its own: one that is sent again is another expense.

    Args:
        pipeline: What sends.
        model: Who is asked.
        options: What is asked of the chat.
        readings: Calls before the reply, which summarize older turns.
    """
    levels = [exact_level("refine", [0] * readings, 0), exact_level("answer", [0], 0)]
    plan = planned("chat", model, levels, Setting(max_concurrency=1))
    return Job(model=model, plan=plan, digest=uuid4().hex).engine(pipeline, options)


def check_follows(conversation: Conversation, new: Turn) -> None:
    """Raise ArgumentError unless the model can answer `new` after `conversation`."""
    left = unanswered(new, unanswered(conversation.messages))
    if left:
        raise ArgumentError(
            f"the calls {', '.join(map(repr, left))} of tools are not answered: send a message "
            f"with the role 'tool' for each, all at once"
        )
    if new[0].role == "assistant" and conversation.messages:
        raise ArgumentError(
            "a message of the assistant can only begin a conversation; the next is the user's"
        )
    if new[-1].role == "assistant":
        raise ArgumentError("the last message is the assistant's; end with one to be answered")


def _assistant(completion: Completion) -> Message:
    """Return a reply as a message.

    Raises:
        OutputTruncatedError: It was cut off before there was any text.
        BadReplyError: It calls tools in a form that nobody can answer.
    """
    calls = completion.tool_calls
    if not (completion.text.strip() or calls):
        raise truncated(completion)
    ids = {each for call in calls if isinstance(each := call.get("id"), str) and each}
    try:
        message = Message(role="assistant", content=completion.text, tool_calls=calls)
    except ArgumentError as failure:
        raise _unanswerable(completion, str(failure)) from failure
    if len(ids) < len(calls):
        raise _unanswerable(completion, "each needs an id of its own")
    return message


def _unanswerable(completion: Completion, reason: str) -> BadReplyError:
    error = BadReplyError(f"the reply calls tools in a form that cannot be answered: {reason}")
    error.completion = completion
    return error


def _lies_in_what_was_said(error: CallError) -> bool:
    return isinstance(error, RefusalError | OutputTruncatedError) or error.code == EMPTY
