"""Packing: prompts made of parts, some of which matter more than others, fitted into a window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast, get_args

from minikit.errors import ArgumentError, ContextOverflowError
from minikit.models.model import DEFAULT_MODEL, Model
from minikit.tokens.chat import count_message_tokens, count_tokens
from minikit.tokens.messages import Message, Role

__all__ = ["Outcome", "Packed", "PackedPart", "Part", "Shrink", "pack"]

Shrink = Literal["drop", "keep_head", "keep_tail", "cut_middle", "drop_oldest"]
Outcome = Literal["kept", "cut", "dropped"]

_CUTS = ("keep_head", "keep_tail", "cut_middle")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Part:
    """One part of a prompt, as a text, as several, or as messages.

    Attributes:
        text: The text of one message, or the texts of several, oldest first. Empty ones make no
            message.
        messages: Messages, oldest first, instead of `text`.
        name: What the account calls the part; "part 3" and so on where it is empty.
        role: Who says `text`: "system", "developer", "user" or "assistant".
        priority: Parts of a higher priority come first; among equals the one that was given first.
        required: Whether the part is needed whole; `priority` and `shrink` then mean nothing.
        shrink: What happens to a part that does not fit: "drop" leaves it out; "keep_head",
            "keep_tail" and "cut_middle" keep as much of one text as fits, at the end of a sentence
            or a word, with the mark "[…]" where something is missing; "drop_oldest" leaves out
            texts or messages from the first on, until the rest fits.
    """

    text: str | Sequence[str] = ""
    messages: Sequence[Message | Mapping[str, Any]] = ()
    name: str = ""
    role: Role = "user"
    priority: int = 0
    required: bool = False
    shrink: Shrink = "drop"
    _content: tuple[Message, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if self.text and self.messages:
            raise ArgumentError("a part has text or messages, not both; make two parts of it")
        if self.role == "tool" or self.role not in get_args(Role):
            raise ArgumentError(
                f"the role of a text is 'system', 'developer', 'user' or 'assistant', "
                f"not {self.role!r}; give messages for others"
            )
        if type(self.priority) is not int:
            raise ArgumentError(f"priority is an int, the higher the sooner, not {self.priority!r}")
        if self.shrink not in get_args(Shrink):
            raise ArgumentError(
                f"shrink is one of {', '.join(map(repr, get_args(Shrink)))}, not {self.shrink!r}"
            )
        object.__setattr__(self, "_content", self._read())
        if self.shrink in _CUTS and not all(isinstance(m.content, str) for m in self._content[:2]):
            raise ArgumentError(f"shrink={self.shrink!r} cuts text; give images in another part")
        if self.shrink in _CUTS and len(self._content) > 1:
            raise ArgumentError(
                f"shrink={self.shrink!r} cuts one text, not {len(self._content)}; make a part of "
                f"each, or use 'drop_oldest'"
            )

    def __repr__(self) -> str:
        return (
            f"Part(<{len(self._content)} messages>, name={self.name!r}, priority={self.priority}, "
            f"required={self.required}, shrink={self.shrink!r})"
        )

    def to_messages(self) -> tuple[Message, ...]:
        """Return the messages of the whole part."""
        return self._content

    def _read(self) -> tuple[Message, ...]:
        if self.messages:
            return tuple(map(Message.of, self.messages))
        texts = (self.text,) if isinstance(self.text, str) else tuple(self.text)
        return tuple(Message(role=self.role, content=text) for text in texts if text != "")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedPart:
    """What became of a part.

    Attributes:
        name: The name of the part.
        outcome: "kept" whole, "cut" (some of it is there) or "dropped".
        tokens_before: Tokens of the whole part, those around its messages included.
        tokens_after: Tokens of what is there.
        reason: Why, in words.
    """

    name: str
    outcome: Outcome
    tokens_before: int
    tokens_after: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A prompt that fits.

    Attributes:
        messages: What to send, in the order of the parts.
        tokens: Tokens of `messages`, as `count_tokens` counts them: those of the account, and the
            3 that prime the reply.
        account: What became of each part, in their order.
    """

    messages: tuple[Message, ...]
    tokens: int
    account: tuple[PackedPart, ...]


def pack(
    parts: Iterable[Part], *, model: str | Model = DEFAULT_MODEL, max_output_tokens: int
) -> Packed:
    """Fit `parts` into the window of `model` beside a reply of `max_output_tokens`.

    Required parts are kept whole. The others are taken by priority: each is kept if it fits into
    what is left, else shrunk in its own way, and what then is left goes to the next. So in a
    larger window the first part by priority that changes is one of which more is kept.

    Args:
        parts: In the order in which they shall be sent.
        model: The model that the prompt is for.
        max_output_tokens: Tokens reserved for the reply; 1 to the model's own maximum.

    Returns:
        The messages, and an account of what was kept, cut and dropped.

    Raises:
        ContextOverflowError: The required parts alone do not fit.
        ArgumentError: `max_output_tokens` is out of range, or a part is not a `Part`.
        UnknownModelError: `model` is an id that no row describes.
    """
    resolved = Model.resolve(model)
    if not isinstance(cast("object", parts), Iterable):
        raise ArgumentError(f"pack takes a list of Part, not {type(parts).__name__}")
    given = tuple(parts)
    for part in given:
        if not isinstance(cast("object", part), Part):
            raise ArgumentError(f"pack takes a list of Part, not of {type(part).__name__}")
    sizes = [_tokens(part.to_messages(), resolved) for part in given]
    required = sum(size for part, size in zip(given, sizes, strict=True) if part.required)
    needed = required + count_tokens((), model=resolved)
    room = resolved.room(max_output_tokens)
    if needed > room:
        raise ContextOverflowError(
            f"the required parts need {needed} tokens ({_largest(given, sizes)}), but "
            f"{resolved.id!r} has room for {room} beside a reply of {max_output_tokens}; shorten "
            f"them, let one shrink (required=False), lower max_output_tokens, or choose a model "
            f"with a larger window"
        )
    left = room - needed
    fitted: dict[int, tuple[tuple[Message, ...], PackedPart]] = {}
    for number in sorted(range(len(given)), key=lambda n: -given[n].priority):
        part, size = given[number], sizes[number]
        messages, entry = _fit(part, size, left, resolved)
        fitted[number] = messages, replace(entry, name=part.name or f"part {number + 1}")
        left -= 0 if part.required else entry.tokens_after
    return Packed(
        messages=tuple(message for n in range(len(given)) for message in fitted[n][0]),
        tokens=room - left,
        account=tuple(fitted[n][1] for n in range(len(given))),
    )


def _tokens(messages: Iterable[Message], model: Model) -> int:
    return sum(count_message_tokens(message, model) for message in messages)


def _fit(part: Part, size: int, left: int, model: Model) -> tuple[tuple[Message, ...], PackedPart]:
    whole = part.to_messages()
    if part.required or size <= left:
        reason = "it is required" if part.required else f"it fits into the {left} tokens left"
        return whole, _entry("kept", size, size, reason)
    messages = _shrunk(part, left, model)
    after = _tokens(messages, model)
    reason = f"{left} tokens were left of the window"
    return messages, _entry("cut" if messages else "dropped", size, after, reason)


def _entry(outcome: Outcome, before: int, after: int, reason: str) -> PackedPart:
    return PackedPart(
        name="", outcome=outcome, tokens_before=before, tokens_after=after, reason=reason
    )


def _shrunk(part: Part, left: int, model: Model) -> tuple[Message, ...]:
    messages = part.to_messages()
    if part.shrink == "drop_oldest":
        return _newest(messages, left, model)
    if part.shrink == "drop":
        return ()
    [message] = messages
    around = count_message_tokens(replace(message, content=""), model)
    cut = _cut(part.shrink, cast("str", message.content), left - around, model.encoding)
    return (replace(message, content=cut),) if cut else ()


def _cut(shrink: str, text: str, max_tokens: int, encoding: str) -> str:
    from minikit.text import shorten  # late: its patterns would make up a fifth of an import

    cuts = {
        "keep_head": shorten.keep_head,
        "keep_tail": shorten.keep_tail,
        "cut_middle": shorten.cut_middle,
    }
    return cuts[shrink](text, max_tokens, encoding)


def _newest(messages: Sequence[Message], left: int, model: Model) -> tuple[Message, ...]:
    first = len(messages)
    while first and (size := count_message_tokens(messages[first - 1], model)) <= left:
        first, left = first - 1, left - size
    while first < len(messages) and messages[first].role == "tool":
        first += 1  # servers refuse the answer of a tool without the call before it
    return tuple(messages[first:])


def _largest(parts: Sequence[Part], sizes: Sequence[int]) -> str:
    required = [
        (size, part.name or f"part {number}")
        for number, (part, size) in enumerate(zip(parts, sizes, strict=True), 1)
        if part.required
    ]
    return ", ".join(f"{name!r} {size}" for size, name in sorted(required, reverse=True)[:3])
