"""How many tokens a conversation takes.

The formula is that of the OpenAI cookbook, "How to count tokens with tiktoken", section 6, read
2026-11-22: 3 tokens a message, the tokens of each value, 1 for a name, and 3 that prime the reply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from minikit.errors import ArgumentError
from minikit.models.model import DEFAULT_MODEL, Model
from minikit.tokens.counting import count_text
from minikit.tokens.images import count_image_part
from minikit.tokens.messages import Message, TextPart
from minikit.tokens.tools import count_tool_tokens

__all__ = ["count_message_tokens", "count_tokens"]

_PER_MESSAGE = 3
_PER_NAME = 1
_REPLY = 3


def count_tokens(
    content: str | Message | Mapping[str, Any] | Sequence[Message | Mapping[str, Any]],
    *,
    model: str | Model = DEFAULT_MODEL,
    tools: Sequence[Mapping[str, Any]] = (),
) -> int:
    """Count the tokens of a text, or of messages as a request sends them.

    Needs no network. Linear in the length; loads a vocabulary once (about 0.3 s). Safe to call
    from any thread; it blocks, so call it for long texts from a worker thread where an event loop
    runs.

    Args:
        content: A text, which is counted bare; or a message or messages, counted with the tokens
            that surround each message and the 3 that prime the reply.
        model: The model to count for.
        tools: Definitions of functions that go with the request.

    Returns:
        Tokens. Exact for text where the model's `exact_counts` is true; for models with a
        tokenizer of their own (Claude, Gemini) an estimate by o200k_base. Messages are counted by
        the published formula, and tools, tool calls and images by the best that is published.

    Raises:
        ArgumentError: `content` is none of these, a message is malformed, or an image cannot be
            measured.
        UnknownModelError: `model` is an id that no row describes.
    """
    resolved = Model.resolve(model)
    tool_tokens = count_tool_tokens(tools, model=resolved)
    if isinstance(content, str):
        return count_text(content, resolved.encoding) + tool_tokens
    messages = _messages(content)
    return sum(count_message_tokens(each, resolved) for each in messages) + _REPLY + tool_tokens


def count_message_tokens(message: Message, model: Model) -> int:
    """Count one message with the tokens that surround it, without those that prime the reply."""
    tokens = _PER_MESSAGE + count_text(message.role, model.encoding)
    tokens += _content_tokens(message, model)
    if message.name is not None:
        tokens += _PER_NAME + count_text(message.name, model.encoding)
    if message.tool_call_id is not None:
        tokens += count_text(message.tool_call_id, model.encoding)
    return tokens + sum(_call_tokens(call, model.encoding) for call in message.tool_calls)


def _messages(content: object) -> list[Message]:
    kind = type(content).__name__
    if isinstance(content, Message | Mapping):
        return [Message.of(cast("Message", content))]
    if isinstance(content, bytes) or not isinstance(content, Sequence):
        raise ArgumentError(
            f"tokens are counted of a str, a message or a list of messages, "
            f"not {kind}; of a file or a document, pass its text"
        )
    return [Message.of(each) for each in cast("Sequence[Message]", content)]


def _content_tokens(message: Message, model: Model) -> int:
    if isinstance(message.content, str):
        return count_text(message.content, model.encoding)
    return sum(
        count_text(part.text, model.encoding)
        if isinstance(part, TextPart)
        else count_image_part(part, model=model)
        for part in message.content
    )


def _call_tokens(call: Mapping[str, Any], encoding: str) -> int:
    """Count a call as a message of its own; no formula for it is published."""
    function = call["function"]
    values = (str(call.get("id") or ""), function["name"], function["arguments"])
    return _PER_MESSAGE + sum(count_text(value, encoding) for value in values)
