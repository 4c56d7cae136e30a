"""Conversations for blocking code: an async chat on the client's loop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from minikit.streams import BlockingStream

if TYPE_CHECKING:
    from minikit.calls.completion import Completion
    from minikit.jobs.chat import AsyncChat, Content, Reply
    from minikit.jobs.chatting.conversation import Conversation
    from minikit.jobs.chatting.stream import AsyncChatStream
    from minikit.portal import Loop
    from minikit.tokens.messages import Message

__all__ = ["Chat", "ChatStream"]


class Chat:
    """A conversation with a model; made by `Client.chat`. See `AsyncChat` for what it keeps.

    Safe to use from several threads: messages are answered one after the other, in the order in
    which they were sent. There is nothing to close but the client.
    """

    def __init__(self, loop: Loop, chat: AsyncChat) -> None:
        """Read the knowledge of `chat`, and go on with it in `loop`.

        Raises:
            MinikitError: As of `AsyncChat.load`.
        """
        self._loop = loop
        self._chat = chat
        loop.call(chat.load)

    @property
    def conversation(self) -> Conversation:
        """The conversation as it stands now, with its totals; a value that does not change."""
        return self._chat.conversation

    @property
    def messages(self) -> tuple[Message, ...]:
        """All that was said, oldest first, what is remembered as a summary included."""
        return self._chat.messages

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the conversation as JSON, for `chat(state=...)`; see `AsyncChat.to_json`."""
        return self._chat.to_json(indent=indent)

    def send(self, content: Content) -> Reply:
        """Send a message and return the reply; see `AsyncChat.send`."""
        return self._loop.call(partial(self._chat.send, content))

    def stream(self, content: Content) -> ChatStream:
        """Send a message, and read the reply as it is written; see `AsyncChat.stream`."""
        return ChatStream(self._loop, self._chat.stream(content))


class ChatStream(BlockingStream[str]):
    """A reply as it is written; made by `Chat.stream`.

    Use it with `with`, which sends the message, and `for`, which gives text:

        with chat.stream("Where is my parcel?") as stream:
            for text in stream:
                print(text, end="")
        print(stream.reply.cost_usd)

    See `AsyncChatStream` for what happens to one that breaks or is left early.
    """

    def __init__(self, loop: Loop, stream: AsyncChatStream) -> None:
        super().__init__(loop)
        self._stream = stream

    @property
    def reply(self) -> Reply:
        """The whole reply, once the stream was read to its end.

        Raises:
            ArgumentError: There is more to come, or it broke, or it was left early.
        """
        return self._stream.reply

    @property
    def completion(self) -> Completion:
        """The reply as the model gave it; of a stream that broke or was left, what had come.

        Raises:
            ArgumentError: The stream has not ended yet, or there was no reply.
        """
        return self._stream.completion

    def _source(self) -> AsyncChatStream:
        return self._stream
