"""What is asked of a model: one request, as a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal, TypedDict, cast, get_args

from minikit.checks import check_number, check_whole
from minikit.errors import ArgumentError, ContextOverflowError
from minikit.models.model import Model
from minikit.models.prices import cost_usd
from minikit.models.usage import Usage
from minikit.tokens.chat import count_tokens
from minikit.tokens.counting import count_text
from minikit.tokens.messages import Message

__all__ = ["TIERS", "CompleteOptions", "Prompt", "Request"]

Tier = Literal["auto", "default", "flex", "priority"]
TIERS: tuple[str, ...] = get_args(Tier)
"""Service tiers that can be asked for (OpenAI API reference, `service_tier`, read 2026-11-22)."""


class CompleteOptions(TypedDict, total=False):
    """Options of `complete` and `stream`.

    Attributes:
        system: Text of a system message to put first.
        max_output_tokens: Limit of the reply in tokens; a reply that reaches it ends with
            `finish_reason` "length". Default: what the model can write, and so much a budget has
            to reserve.
        temperature: Sampling temperature, 0 to 2; default: the server's.
        seed: Asks for repeatable sampling.
        tier: Service tier to ask for, "auto" (what the account is set to), "default", "flex"
            (slower and half the price, for models that have it) or "priority". Default: the
            server's choice, but "default" where a budget has to be kept at OpenAI's own server.
    """

    system: str | None
    max_output_tokens: int | None
    temperature: float | None
    seed: int | None
    tier: Tier | None


Prompt = str | Message | Sequence[Message | Mapping[str, Any]]

FINGERPRINT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One chat completion to be asked for.

    Attributes:
        messages: What is sent, oldest first; at least one.
        model: Who is asked.
        max_output_tokens: Limit of the reply in tokens; None leaves it to the server.
        temperature: Sampling temperature, 0 to 2; None leaves it to the server.
        seed: Asks for repeatable sampling; None leaves it to the server.
        tier: The service tier to ask for, such as "flex"; None leaves it to the server.
        tools: Tools that the model may call, as on the wire.
        tool_choice: Which of them it must call, as on the wire; None leaves it to the model.
        response_format: The form of the reply, as on the wire; None is plain text.
        known_input_tokens: The input tokens, where they have been counted before.
    """

    messages: tuple[Message, ...]
    model: Model
    max_output_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    tier: str | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str | Mapping[str, Any] | None = None
    response_format: Mapping[str, Any] | None = None
    known_input_tokens: int | None = None

    def __post_init__(self) -> None:
        if not self.messages:
            raise ArgumentError("a request needs at least one message")
        if self.max_output_tokens is not None:
            most = self.model.max_output_tokens
            check_whole("max_output_tokens", self.max_output_tokens, 1, most)
        if self.tier is not None and self.tier not in TIERS:
            raise ArgumentError(f"tier is one of {', '.join(TIERS)}, not {self.tier!r}")
        if self.seed is not None:
            check_whole("seed", self.seed, -(2**63), 2**63 - 1)
        if self.temperature is not None:
            check_number("temperature", self.temperature, 0, 2)
            if "sampling" not in self.model.supports:
                raise ArgumentError(f"{self.model.id!r} takes no temperature; leave it out")

    @classmethod
    def of(cls, prompt: Prompt, *, system: str | None = None, **options: Any) -> Request:  # noqa: ANN401 - fields of Request
        """Build a request from a text, a message or messages, and the fields of `Request`."""
        lead = () if system is None else (Message(role="system", content=system),)
        return cls(messages=lead + _messages(prompt), **options)

    @property
    def characters(self) -> int:
        """Code points of all texts in the messages."""
        return sum(len(text) for message in self.messages for text in message.texts)

    @property
    def reserved_output_tokens(self) -> int:
        """The longest reply that can come, in tokens, as far as the input leaves room for it."""
        return self.max_output_tokens or self.model.max_output_tokens

    def count_input_tokens(self) -> int:
        """Count the input tokens, exact for models with `exact_counts`. Linear; CPU-bound.

        A response schema counts as the tokens of its JSON, which bounds it from above.
        """
        if self.known_input_tokens is not None:
            return self.known_input_tokens
        tokens = count_tokens(self.messages, model=self.model, tools=self.tools)
        if self.response_format is None:
            return tokens
        import json

        return tokens + count_text(json.dumps(self.response_format), self.model.encoding)

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

    def worst_usd(self, input_tokens: int, *, in_batch: bool = False) -> Decimal | None:
        """Return the most that the reply can cost at the tier asked for; None where unknown.

        Nothing is read from the prompt cache, all is written to it where that costs more, and the
        reply is as long as it may be. For "auto" the dearest tier counts. Where counts are
        estimates, the input is taken for twice as long. On the Batch API, `in_batch`, its own
        price counts.
        """
        model = self.model
        tiers = ["default", "priority"] if self.tier == "auto" else [self.tier or "default"]
        tiers = ["batch"] if in_batch else tiers
        room = model.context_window - input_tokens
        inputs = input_tokens if model.exact_counts else 2 * input_tokens
        outputs = max(1, min(self.reserved_output_tokens, room))
        plain = Usage(input_tokens=inputs, output_tokens=outputs)
        written = replace(plain, cache_write_tokens=inputs)
        costs = (cost_usd(model, use, tier=tier) for use in (plain, written) for tier in tiers)
        return max((cost for cost in costs if cost is not None), default=None)

    def fingerprint(self, server: str) -> str:
        """Return what tells this request from every other: a hash of all that is sent, and where.

        Args:
            server: Base URL of the server.
        """
        import hashlib
        import json

        sent = [FINGERPRINT_VERSION, server, self.to_wire()]
        text = json.dumps(sent, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

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
            "service_tier": self.tier,
            "tools": list(self.tools) or None,
            "tool_choice": self.tool_choice,
            "response_format": self.response_format,
        }
        return body | {name: value for name, value in options.items() if value is not None}


# Python tells its caller of an option that there is none of by this name.
vars(Request)["__init__"].__qualname__ = "complete"


def _messages(prompt: Prompt) -> tuple[Message, ...]:
    if isinstance(prompt, str):
        if not prompt.strip():
            raise ArgumentError(f"the prompt is empty: {prompt[:20]!r}")
        return (Message(role="user", content=prompt),)
    if isinstance(prompt, Message | Mapping):
        return (Message.of(prompt),)
    if not isinstance(cast("object", prompt), Sequence):
        raise ArgumentError(
            f"a prompt is a str, a Message or a list of messages, not {type(prompt).__name__}"
        )
    return tuple(Message.of(message) for message in prompt)
