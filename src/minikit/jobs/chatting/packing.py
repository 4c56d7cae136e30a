"""How a conversation fits into the window: plain arithmetic on tokens, and the messages to send."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from minikit.calls.request import Request
from minikit.errors import ContextOverflowError
from minikit.jobs.chatting.conversation import Turn, entries_of, turns_of, unanswered
from minikit.jobs.chatting.prompts import (
    memory_messages,
    remember_prompt,
    said_fence,
    system_messages,
    with_material,
)
from minikit.text.shorten import keep_head
from minikit.text.split import split
from minikit.tokens.chat import count_message_tokens, count_tokens
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from minikit.jobs.chatting.conversation import Conversation
    from minikit.jobs.chatting.knowledge import Knowledge
    from minikit.jobs.chatting.options import CheckedChatOptions
    from minikit.models.model import Model
    from minikit.text.passage import Passage
    from minikit.tokens.messages import Message

__all__ = ["Fit", "Packing", "falling_out"]

REPLY_SHARE = 4
"""A fourth of the window at most is kept free for the reply, where nothing else is asked for."""

HISTORY_SHARE = 2
HISTORY_TOKENS_AT_MOST = 32_000
"""Of earlier turns in a request, unless more is asked for: each reply pays for them again."""

MEMORY_SHARE = 8
MEMORY_TOKENS_AT_MOST = 1_000
"""Of what is remembered of older turns."""

REASONING_TOKENS = 8_000
"""Room for what a reasoning model thinks before it writes a summary."""

READ_TOKENS_AT_LEAST = 64
"""Of a conversation in one call that summarizes it; with less room it could not be read."""

SLACK_TOKENS = 16
"""Room for what a text adds beyond its own tokens: seams, and the number in a tag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What comes next in a conversation.

    Attributes:
        due: How many turns, from the oldest that is not summarized, have to be before the request
            can be sent; 0 for none.
        request: The request; it fits where nothing is due.
        passages: Passages of the knowledge that it holds.
    """

    due: int
    request: Request
    passages: tuple[Passage, ...]


class Packing:
    """Fits one conversation into the window of one model; used by one thread at a time.

    Attributes:
        model: Who is asked.
    """

    def __init__(
        self, model: Model, options: CheckedChatOptions, knowledge: Knowledge | None
    ) -> None:
        """Work out how the window is shared.

        Raises:
            ArgumentError: The model does not write so long a reply, or a tool is none.
            ContextOverflowError: The window is too small for a conversation.
        """
        window, output = model.context_window, model.max_output_tokens
        self.model = model
        self._options = options
        self._knowledge = knowledge
        self._counted: dict[Message, int] = {}
        self._reply = options.max_output_tokens or min(output, max(1, window // REPLY_SHARE))
        self._room = model.room(self._reply)
        asked, share = options.history_tokens, min(window // HISTORY_SHARE, HISTORY_TOKENS_AT_MOST)
        self._history = share if asked is None else asked
        self._memory = min(window // MEMORY_SHARE, MEMORY_TOKENS_AT_MOST, output)
        self._memory_at_most = self._count(memory_messages("", 10**9)) + self._memory
        self._around = count_tokens((), model=model, tools=options.tools)
        thoughts = REASONING_TOKENS if "reasoning" in model.supports else 0
        self._summary_limit = min(2 * self._memory + thoughts, output)  # what is over is cut here
        self._read_room = self._room_to_read()

    def fit(self, conversation: Conversation, new: Turn) -> Fit:
        """Put together what answers `new`, and say what has to be summarized before.

        Raises:
            ContextOverflowError: `new` does not fit beside what is always kept.
        """
        turns, current = turns_of(conversation.messages), new
        if unanswered(conversation.messages):  # the answers of tools go on with their turn
            turns, current = turns[:-1], turns[-1] + new
        history = turns[conversation.summarized_turns :]
        lead, memory = self._lead(conversation), self._memories(conversation)
        shown, passages = self._with_passages(conversation, current)
        sizes = [self._tokens(turn) for turn in history]
        needed = self._around + self._count(lead) + self._count(shown)
        tokens = needed + self._count(memory) + sum(sizes)
        due = 0
        if tokens > self._room or sum(sizes) > self._history:
            kept = self._memory_at_most if history or memory else 0
            if needed + kept > self._room:
                raise self._overflow(needed + kept)
            due = falling_out(sizes, min(self._room - needed - kept, self._history))
        said = (message for turn in history for message in turn)
        request = self._request((*lead, *memory, *said, *shown), tokens)
        return Fit(due=due, request=request, passages=passages)

    def readings(self, conversation: Conversation, due: int) -> list[list[str]]:
        """Return what each call reads that summarizes the turns that are due: fenced messages.

        Every character of theirs is in one call. A message that is longer than a call is cut.
        """
        first = conversation.summarized_turns
        due_turns = turns_of(conversation.messages)[first : first + due]
        return [batch for batch in self._batches(due_turns) if batch]

    def _batches(self, turns: Sequence[Turn]) -> Iterator[list[str]]:
        batch, left = list[str](), self._read_room
        for speaker, text in entries_of(turns):
            for piece in self._pieces(speaker, text):
                size = count_text(piece, self.model.encoding) + 1  # the seam
                if batch and size > left:
                    yield batch
                    batch, left = [], self._read_room
                batch.append(piece)
                left -= size
        yield batch

    def summary_request(self, summary: str | None, reading: Sequence[str]) -> Request:
        """Ask for one summary of an earlier one and of fenced messages."""
        words = max(1, self._memory // 2)
        return Request(
            messages=remember_prompt(summary, reading, words),
            model=self.model,
            max_output_tokens=self._summary_limit,
        )

    def shortened(self, summary: str) -> str:
        """Return a summary as it is, or as much of its beginning as there is room for."""
        if count_text(summary, self.model.encoding) <= self._memory:
            return summary
        return keep_head(summary, self._memory, self.model.encoding)

    def _room_to_read(self) -> int:
        around = count_tokens(remember_prompt("", (), self._memory), model=self.model)
        room = self.model.room(self._summary_limit) - around - self._memory - SLACK_TOKENS
        if room < READ_TOKENS_AT_LEAST:
            raise ContextOverflowError(
                f"the window of {self.model.id!r}, {self.model.context_window} tokens, is too "
                f"small for a conversation: to summarize older turns takes {around} for the "
                f"request alone; choose a model with a larger window"
            )
        return room

    def _pieces(self, speaker: str, text: str) -> list[str]:
        """Return a message in fences, in as many as it takes for each to fit into a call."""
        whole = said_fence(speaker, text)
        if count_text(whole, self.model.encoding) < self._read_room:
            return [whole]
        around = count_text(said_fence(speaker, ""), self.model.encoding) + SLACK_TOKENS
        cut = split(text, self._read_room - around, model=self.model)
        return [said_fence(speaker, chunk.text) for chunk in cut]

    def _lead(self, conversation: Conversation) -> tuple[Message, ...]:
        whole = None if self._knowledge is None else self._knowledge.whole
        return system_messages(conversation.system, whole)

    def _memories(self, conversation: Conversation) -> tuple[Message, ...]:
        if conversation.summary is None:
            return ()
        # Another model may have had more room for it.
        return memory_messages(self.shortened(conversation.summary), conversation.summarized_turns)

    def _with_passages(
        self, conversation: Conversation, current: Turn
    ) -> tuple[Turn, tuple[Passage, ...]]:
        if self._knowledge is None or self._knowledge.whole:
            return current, ()
        material, passages = self._knowledge.material(conversation.messages, current)
        return (with_material(current, material) if material else current), passages

    def _request(self, messages: tuple[Message, ...], tokens: int) -> Request:
        return replace(
            self._options.request("-", self.model),
            messages=messages,
            max_output_tokens=self._reply,
            known_input_tokens=tokens,
        )

    def _tokens(self, turn: Turn) -> int:
        """Count a turn; what was said is sent again and again, and counted once."""
        for message in turn:
            if message not in self._counted:
                self._counted[message] = count_message_tokens(message, self.model)
        return sum(self._counted[message] for message in turn)

    def _count(self, messages: Sequence[Message]) -> int:
        return sum(count_message_tokens(message, self.model) for message in messages)

    def _overflow(self, needed: int) -> ContextOverflowError:
        return ContextOverflowError(
            f"the message takes {needed} tokens together with what is always sent (the system "
            f"prompt, tools, knowledge, and what is remembered); {self.model.id!r} has room for "
            f"{self._room} beside a reply of {self._reply}: shorten it, lower max_output_tokens or "
            f"knowledge_tokens, or choose a model with a larger window"
        )


def falling_out(sizes: Sequence[int], limit: int) -> int:
    """Return how many of the oldest turns fall out, so that the others take half of `limit`.

    Half, so that turns are summarized several at a time, and the beginning of the requests between
    stays the same, as the prompt cache wants it.

    Args:
        sizes: Tokens of each turn, oldest first.
        limit: Tokens that there is room for.
    """
    left, kept = limit // 2, 0
    for size in reversed(sizes):
        left -= size
        if left < 0:
            break
        kept += 1
    return len(sizes) - kept
