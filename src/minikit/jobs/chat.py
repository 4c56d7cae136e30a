"""A conversation whose history is packed into the window; older turns are summarized once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from minikit.calls.pipeline import in_thread
from minikit.calls.request import Request
from minikit.jobs.chatting.exchange import Exchange, Reply, check_follows, opened
from minikit.jobs.chatting.knowledge import known
from minikit.jobs.chatting.options import ChatOptions, CheckedChatOptions
from minikit.jobs.chatting.order import Order
from minikit.jobs.chatting.packing import Packing
from minikit.jobs.chatting.stream import AsyncChatStream
from minikit.jobs.engine import Exit
from minikit.jobs.owning import Owning
from minikit.tokens.messages import Message

if TYPE_CHECKING:
    from minikit.calls.pipeline import Pipeline
    from minikit.jobs.chatting.conversation import Conversation
    from minikit.models.model import Model

__all__ = ["AsyncChat", "ChatOptions", "Reply"]

Content = str | Message | Sequence[Message | Mapping[str, Any]]

OTHER_KNOWLEDGE = "the knowledge is another than the one that the conversation was saved with"


class AsyncChat(Owning):
    """A conversation with a model; made by `AsyncClient.chat`.

    The system prompt and the knowledge stand in every request, and as many of the newest turns as
    fit. Older ones are summarized once, several at a time, and remembered. A message that fails
    leaves the conversation as it was, so that it can be sent again; only its cost is booked. So
    does one that is refused: it is not kept.

    Safe to use from several tasks of one event loop: messages are answered one after the other, in
    the order in which they were sent. Close one that `achat` made, by `aclose()` or `async with`.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        model: Model,
        **options: Unpack[ChatOptions],
    ) -> None:
        """Begin a conversation, or go on with a saved one; nothing is read or sent yet.

        Args:
            pipeline: What sends.
            model: Who is asked.
            **options: See `ChatOptions`.

        Raises:
            ArgumentError: An option cannot be used.
            MissingKeyError: There is no key.
        """
        self._options = CheckedChatOptions(**options)
        self._options.request("-", model)
        self._conversation = self._options.conversation(model)
        pipeline.check_key(model)
        self._pipeline = pipeline
        self._model = model
        self._packing: Packing | None = None
        self._notes: tuple[str, ...] = ()
        self._order = Order()

    @property
    def conversation(self) -> Conversation:
        """The conversation as it stands now, with its totals; a value that does not change."""
        return self._conversation

    @property
    def messages(self) -> tuple[Message, ...]:
        """All that was said, oldest first, what is remembered as a summary included."""
        return self._conversation.messages

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the conversation as JSON, for `chat(state=...)`; it holds no key.

        Knowledge is not in it, nor are options: give them again.
        """
        return self._conversation.to_json(indent=indent)

    async def load(self) -> None:
        """Read the knowledge now; else the first message does.

        Raises:
            SourceError: A document is empty, or cannot be read as text.
            ContextOverflowError: The window is too small for a conversation.
        """
        async with self._order.turn():
            await self._loaded()

    async def send(self, content: Content) -> Reply:
        """Send a message and return the reply.

        Args:
            content: A text, a message, or messages, oldest first: of the user, with images if need
                be, or the answers of tools to the calls of the last reply, all at once.

        Returns:
            The reply and what it took, a summary of older turns included.

        Raises:
            ArgumentError: The message cannot follow, as where a call of a tool is left unanswered.
            SourceError: As of `load`.
            ContextOverflowError: The message does not fit beside what is always sent.
            BudgetExceededError: A call could cost more than is left of a budget.
            CallError: There is no reply that can be used.
        """
        async with self._exchange(content) as exchange:
            return await exchange.send()

    def stream(self, content: Content) -> AsyncChatStream:
        """Send a message, and read the reply as it is written. Errors are those of `send`.

        Nothing is sent before it is opened with `async with`; other messages wait until it is left.

        Args:
            content: As for `send`.

        Returns:
            A stream to read with `async for`; its `reply` is the reply at the end.
        """
        return AsyncChatStream(self._exchange(content))

    @asynccontextmanager
    async def _exchange(self, content: Content) -> AsyncGenerator[Exchange]:
        new = Request.of(content, model=self._model).messages
        async with self._order.turn():
            packing = await self._loaded()
            conversation = self._conversation
            check_follows(conversation, new)
            fit = await in_thread(partial(packing.fit, conversation, new))
            readings = await in_thread(partial(packing.readings, conversation, fit.due))
            account = partial(opened, self._pipeline, self._model, self._options, len(readings))
            exchange = Exchange(
                pipeline=self._pipeline,
                packing=packing,
                engine=await in_thread(account),  # prices are loaded from a file
                conversation=conversation,
                new=new,
                save=self._saved,
            )
            exchange.note(*self._notes)
            try:
                await exchange.prepare(fit, readings)
                yield exchange
                self._notes = ()
            except Exit as left:
                raise left.error from None
            finally:
                exchange.book()

    async def _loaded(self) -> Packing:
        if self._packing is None:
            knowledge = await in_thread(partial(known, self._pipeline, self._model, self._options))
            packing = await in_thread(partial(Packing, self._model, self._options, knowledge))
            digest = None if knowledge is None else knowledge.digest
            is_other = self._conversation.knowledge not in (None, digest)
            read = () if knowledge is None else knowledge.notes
            self._notes = (*read, OTHER_KNOWLEDGE) if is_other else read
            self._conversation = replace(self._conversation, knowledge=digest)
            self._packing = packing
        return self._packing

    def _saved(self, conversation: Conversation) -> None:
        self._conversation = conversation
