"""What a conversation is, as a value: its messages, what is remembered of them, and its bill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from minikit.checks import check_whole
from minikit.errors import ArgumentError
from minikit.jobs.serialize import Serializable
from minikit.models.usage import Usage
from minikit.tokens.messages import Message

__all__ = ["Conversation", "Turn", "entries_of", "turns_of", "unanswered"]

VERSION = 1

Turn = tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation(Serializable):
    """A conversation as it stands between two messages: to JSON and back, and never a key.

    A turn is a message of the user with all that follows it up to the next one: the calls of
    tools, their answers, and the reply. What the user says in several messages at once is one turn.

    Attributes:
        system: The system prompt, or None.
        messages: All that was said, oldest first, those that `summary` stands for included.
        summary: What is remembered of the oldest turns, in the words of the model; or None.
        summarized_turns: How many turns, from the first, `summary` stands for; requests hold the
            others word for word.
        knowledge: Digest of the documents that are answered from, which are not kept; or None.
        model: Id of the model that was asked last, or None.
        usage: Tokens of all calls.
        cost_usd: US dollars of all calls, or None when the price of one is unknown.
        failed_cost_usd: US dollars of attempts that brought no reply, on top of `cost_usd`.
        unknown_usd: The most that attempts without a known cost may have cost, as far as a budget
            reckoned with it.
        unmeasured: Attempts whose cost only the server knows, such as timed-out ones.
        calls: How many calls brought a reply.
        version: Of this form; a reader of another one refuses it.
    """

    system: str | None = None
    messages: tuple[Message, ...] = ()
    summary: str | None = None
    summarized_turns: int = 0
    knowledge: str | None = None
    model: str | None = None
    usage: Usage = field(default_factory=Usage)
    cost_usd: Decimal | None = Decimal(0)
    failed_cost_usd: Decimal = Decimal(0)
    unknown_usd: Decimal = Decimal(0)
    unmeasured: int = 0
    calls: int = 0
    version: int = VERSION

    def __post_init__(self) -> None:
        if self.version != VERSION:
            raise ArgumentError(
                f"version={self.version!r} of a saved conversation is not known; this minikit "
                f"reads version {VERSION}"
            )
        unanswered(self.messages)
        if self.messages and self.messages[-1].role != "assistant":
            raise ArgumentError(
                f"a conversation ends with what the assistant said, not with a message of the role "
                f"{self.messages[-1].role!r}: leave that out, and send it"
            )
        check_whole("summarized_turns", self.summarized_turns, 0, len(turns_of(self.messages)))
        if (self.summary is None) != (self.summarized_turns == 0):
            raise ArgumentError(
                f"summarized_turns={self.summarized_turns!r} says for how many turns the summary "
                f"stands; there is {'none' if self.summary is None else 'one'}"
            )

    def __repr__(self) -> str:
        return (
            f"Conversation(<{len(self.messages)} messages>, "
            f"summarized_turns={self.summarized_turns}, cost_usd={self.cost_usd!r})"
        )


def turns_of(messages: Sequence[Message]) -> tuple[Turn, ...]:
    """Part messages into turns; what comes before the first user belongs to the first turn."""
    starts = [
        position
        for position, message in enumerate(messages)
        if message.role == "user" and (not position or messages[position - 1].role != "user")
    ]
    edges = [0, *starts[1:], len(messages)] if messages else []
    return tuple(tuple(messages[start:end]) for start, end in pairwise(edges))


def unanswered(messages: Sequence[Message], waiting: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the ids of the calls of tools that are not answered at the end of `messages`.

    Args:
        messages: Oldest first.
        waiting: Ids that were not answered before them.

    Raises:
        ArgumentError: A message stands between a call and its answer, an answer belongs to no
            call, or a system prompt stands among the messages: no server takes these.
    """
    left = list(waiting)
    for message in messages:
        if message.role == "tool":
            if message.tool_call_id not in left:
                raise ArgumentError(
                    f"tool_call_id={message.tool_call_id!r} answers no call that is open; open "
                    f"are {_told(left)}"
                )
            left.remove(message.tool_call_id)
            continue
        if left:
            raise ArgumentError(
                f"the assistant waits for tools: send a message with the role 'tool' for each of "
                f"{_told(left)} before anything else"
            )
        if message.role in ("system", "developer"):
            raise ArgumentError(
                f"a message of a conversation is not of the role {message.role!r}; give system="
            )
        left = [str(call.get("id")) for call in message.tool_calls]
    return tuple(left)


def entries_of(turns: Sequence[Turn]) -> list[tuple[str, str]]:
    """Return who says what, message by message; of an image only that there is one."""
    entries: list[tuple[str, str]] = []
    for message in (message for turn in turns for message in turn):
        speaker = message.role if message.name is None else f"{message.role} {message.name}"
        texts = [*message.texts]
        images = len(message.content) - len(texts) if isinstance(message.content, tuple) else 0
        texts += ["[an image]"] * images
        called = (call["function"] for call in message.tool_calls)
        texts += (f"[calls {each['name']}({each['arguments']})]" for each in called)
        entries.append((speaker, "\n".join(texts)))
    return entries


def _told(ids: Sequence[str]) -> str:
    return ", ".join(map(repr, ids[:8])) or "none"
