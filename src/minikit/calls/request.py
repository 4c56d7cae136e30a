"""What is asked of a model: one request, as a value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minikit.errors import ArgumentError, ContextOverflowError
from minikit.models.model import Model
from minikit.tokens.chat import count_tokens
from minikit.tokens.messages import Message

__all__ = ["Prompt", "Request"]

Prompt = str | Message | Sequence[Message | Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One chat completion to be asked for.

    Attributes:
        messages: What is sent, oldest first; at least one.
        model: Who is asked.
        max_output_tokens: Limit of the reply in tokens; None leaves it to the server.
        temperature: Sampling temperature, 0 to 2; None leaves it to the server.
        seed: Asks for repeatable sampling; None leaves it to the server.
        known_input_tokens: The input tokens, where they have been counted before.
    """

    messages: tuple[Message, ...]
    model: Model
    max_output_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    known_input_tokens: int | None = None

    def __post_init__(self) -> None:
        if not self.messages:
            raise ArgumentError("a request needs at least one message")
        _check_output_limit(self.max_output_tokens, self.model)
        _check_temperature(self.temperature, self.model)

    @classmethod
    def of(cls, prompt: Prompt, *, system: str | None = None, **options: Any) -> Request:  # noqa: ANN401 - fields of Request
        """Build a request from a text, a message or messages, and the fields of `Request`."""
        lead = () if system is None else (Message(role="system", content=system),)
        return cls(messages=lead + _messages(prompt), **options)

    @property
    def reserved_output_tokens(self) -> int:
        """The longest reply that can come, in tokens, as far as the input leaves room for it."""
        return self.max_output_tokens or self.model.max_output_tokens

    def count_input_tokens(self) -> int:
        """Count the input tokens, exact for models with `exact_counts`. Linear; CPU-bound."""
        if self.known_input_tokens is not None:
            return self.known_input_tokens
        return count_tokens(self.messages, model=self.model)

    def check_fit(self) -> int:
        """Return the input tokens, if the request fits into the model's window.

        Raises:
            ContextOverflowError: It does not fit; nothing was sent.
        """
        tokens = self.count_input_tokens()
        room = self.model.room(self.max_output_tokens or 1)
        if tokens > room:
            raise ContextOverflowError(
                f"the prompt has {tokens} tokens; {self.model.id!r} has room for {room} beside "
                f"{self.max_output_tokens or 1} of output: send less (see minikit.pack), "
                f"or summarize() it, which takes any length"
            )
        return tokens

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON body of a chat-completions request."""
        body: dict[str, Any] = {
            "model": self.model.id,
            "messages": [message.to_wire() for message in self.messages],
        }
        options = {
            self.model.output_limit_field: self.max_output_tokens,
            "temperature": self.temperature,
            "seed": self.seed,
        }
        return body | {name: value for name, value in options.items() if value is not None}


def _messages(prompt: Prompt) -> tuple[Message, ...]:
    if isinstance(prompt, str):
        if not prompt.strip():
            raise ArgumentError(f"the prompt is empty: {prompt[:20]!r}")
        return (Message(role="user", content=prompt),)
    if isinstance(prompt, Message | Mapping):
        return (Message.of(prompt),)
    return tuple(Message.of(message) for message in prompt)


def _check_output_limit(limit: int | None, model: Model) -> None:
    if limit is None:
        return
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise ArgumentError(f"max_output_tokens is a whole number, not {limit!r}")
    if not 1 <= limit <= model.max_output_tokens:
        raise ArgumentError(
            f"max_output_tokens={limit!r} is out of range: {model.id!r} writes "
            f"1 to {model.max_output_tokens} tokens"
        )


def _check_temperature(temperature: float | None, model: Model) -> None:
    if temperature is None:
        return
    if isinstance(temperature, bool) or not isinstance(temperature, int | float):
        raise ArgumentError(f"temperature is a number from 0 to 2, not {temperature!r}")
    if math.isnan(temperature) or not 0 <= temperature <= 2:
        raise ArgumentError(f"temperature={temperature!r} is out of range: 0 to 2")
    if "sampling" not in model.supports:
        raise ArgumentError(f"{model.id!r} takes no temperature; leave it out")
