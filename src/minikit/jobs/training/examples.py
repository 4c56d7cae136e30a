"""What an example for training a chat model must look like, and how many tokens it takes.

The form is that of OpenAI's guide on supervised fine-tuning, of the objects
`FineTuneChatRequestInput` and `FineTuneChatCompletionRequestAssistantMessage` of its OpenAPI
document, and of the cookbook, "Data preparation and analysis for chat model fine-tuning", all read
2026-11-22.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from minikit.tokens.chat import count_tokens
from minikit.tokens.messages import as_mapping

if TYPE_CHECKING:
    from minikit.models.model import Model

__all__ = ["Finding", "example_tokens", "findings"]

Finding = tuple[bool, str]
"""Whether the server refuses the example for it, and what it is."""

_KEYS = frozenset({"messages", "tools", "parallel_tool_calls", "functions"})
_ROLES = ("system", "user", "assistant", "tool", "function")
_MESSAGE_KEYS = frozenset(
    {
        *("role", "content", "name", "weight", "refusal"),
        *("tool_calls", "tool_call_id", "function_call"),
    }
)
_OTHER_FORMS = {
    "prompt": "of the old completions form",
    "preferred_output": "for preferences (DPO)",
    "contents": "for Gemini",
}


def findings(example: object) -> Iterator[Finding]:
    """Yield what is wrong with an example, or may be."""
    fields = as_mapping(example)
    if fields is None:
        kind = "a list" if isinstance(example, list) else type(example).__name__
        yield True, f'a line is an object {{"messages": [...]}}, not {kind}'
        return
    messages = fields.get("messages")
    if not isinstance(messages, list) or not messages:
        other = next(
            (f", and looks {form}" for key, form in _OTHER_FORMS.items() if key in fields), ""
        )
        yield True, f'"messages" is missing, empty or no list{other}'
        return
    unknown = sorted(fields.keys() - _KEYS)
    if unknown:
        yield False, f'unknown key {", ".join(map(_brief, unknown))} beside "messages"'
    for number, message in enumerate(cast("list[object]", messages), 1):
        for fatal, text in _message_findings(message):
            yield fatal, f"message {number}: {text}"
    sound = [each for each in map(as_mapping, cast("list[object]", messages)) if each is not None]
    yield from _order_findings(sound)
    yield from _tool_findings(fields, sound)


def example_tokens(example: Mapping[str, Any], model: Model) -> int:
    """Count an example without findings, by the formula for chat messages and tools.

    Raises:
        ArgumentError: An image in it cannot be measured.
    """
    tools = [*(example.get("tools") or ())]
    tools += [{"type": "function", "function": each} for each in example.get("functions") or ()]
    return count_tokens(
        [_countable(each) for each in example["messages"]], model=model, tools=tools
    )


def _message_findings(message: object) -> Iterator[Finding]:
    fields = as_mapping(message)
    if fields is None:
        yield True, f'it is an object {{"role": ..., "content": ...}}, not {_kind(message)}'
        return
    role = fields.get("role")
    if role not in _ROLES:
        yield True, f'"role" is one of {", ".join(_ROLES)}, not {_brief(role)}'
    unknown = sorted(fields.keys() - _MESSAGE_KEYS)
    if unknown:
        yield True, f"unknown key {', '.join(map(_brief, unknown))}"
    yield from _content_findings(fields)
    if "weight" in fields:
        weight = fields["weight"]
        if role != "assistant":
            yield True, '"weight" is for messages of the assistant alone'
        elif isinstance(weight, bool) or weight not in (0, 1):
            yield True, f'"weight" is 0 or 1, not {_brief(weight)}'
    if role == "tool" and not isinstance(fields.get("tool_call_id"), str):
        yield True, 'a message of a tool needs the "tool_call_id" that it answers'
    if role == "function" and not isinstance(fields.get("name"), str):
        yield True, 'a message of a function needs its "name"'
    if "name" in fields and not (isinstance(fields["name"], str) and fields["name"]):
        yield True, f'"name" is a text that is not empty, not {_brief(fields["name"])}'


def _content_findings(fields: Mapping[str, Any]) -> Iterator[Finding]:
    content = fields.get("content")
    replies = fields.get("tool_calls") or fields.get("function_call") or fields.get("refusal")
    if content is None or content in ("", []):
        if not (fields.get("role") == "assistant" and replies):
            yield True, '"content" is missing or empty'
    elif isinstance(content, list):
        for part in cast("list[object]", content):
            if not _is_part(part):
                yield True, 'a part of "content" is {"type": "text", "text": ...} or an image_url'
            elif fields.get("role") != "user" and (as_mapping(part) or {})["type"] == "image_url":
                yield True, "only messages of the user hold images"
    elif not isinstance(content, str):
        yield True, f'"content" is a text or a list of parts, not {_kind(content)}'
    elif not content.strip():
        yield False, '"content" is white space alone'


def _is_part(part: object) -> bool:
    fields = as_mapping(part) or {}
    if fields.get("type") == "text":
        return isinstance(fields.get("text"), str)
    image = as_mapping(fields.get("image_url")) or {}
    return fields.get("type") == "image_url" and isinstance(image.get("url"), str)


def _order_findings(messages: list[Mapping[str, Any]]) -> Iterator[Finding]:
    replies = [each for each in messages if each.get("role") == "assistant"]
    if not replies:
        yield True, "no message is of the assistant: there is nothing to learn"
        return
    if messages[-1].get("role") != "assistant":
        yield True, "the last message is not of the assistant"
    if all(each.get("weight", 1) == 0 for each in replies):
        yield True, 'every message of the assistant has "weight" 0: there is nothing to learn'
    if not any(each.get("role") in ("user", "system") for each in messages):
        yield False, "no message is of the user or the system"


def _tool_findings(
    fields: Mapping[str, Any], messages: list[Mapping[str, Any]]
) -> Iterator[Finding]:
    parallel = fields.get("parallel_tool_calls", False)
    if not isinstance(parallel, bool):
        yield True, f'"parallel_tool_calls" is true or false, not {_brief(parallel)}'
    known: set[object] = set()
    for key in ("tools", "functions"):
        names = [_tool_name(each, key) for each in _items(fields.get(key, []))]
        known.update(names)
        if None in names or not isinstance(fields.get(key, []), list):
            yield True, f'"{key}" is a list of functions, each with a "name"'
    asked: set[object] = set()
    for message in messages:
        for call in _items(message.get("tool_calls")):
            yield from _call_findings(call, known)
            asked.add((as_mapping(call) or {}).get("id"))
        answered = message.get("tool_call_id")
        if isinstance(answered, str) and answered not in asked:
            yield True, f'"tool_call_id" {_brief(answered)} answers no call before it'


def _call_findings(call: object, known: set[object]) -> Iterator[Finding]:
    function = as_mapping((as_mapping(call) or {}).get("function")) or {}
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance((as_mapping(call) or {}).get("id"), str) or not isinstance(name, str):
        yield True, 'a tool call is {"id": ..., "type": "function", "function": {"name": ...}}'
        return
    if name not in known:
        yield False, f'the function {_brief(name)} is called and not among the "tools"'
    try:
        json.loads(cast("str", arguments))
    except (TypeError, ValueError, RecursionError):
        yield True, f"the arguments of {_brief(name)} are no JSON in a string"


def _tool_name(tool: object, key: str) -> object:
    fields = as_mapping(tool) or {}
    function = fields if key == "functions" else as_mapping(fields.get("function")) or {}
    name = function.get("name")
    return name if isinstance(name, str) else None


def _countable(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message in the form that is counted: without its weight and the oldest forms."""
    kept = {
        key: message[key]
        for key in ("role", "content", "name", "tool_calls", "tool_call_id")
        if message.get(key)
    }
    if message["role"] == "function":
        kept["role"] = "user"  # counted alike: a name and a text
    if message.get("function_call"):
        kept["content"] = json.dumps(message["function_call"], ensure_ascii=False)
    return {"content": message.get("refusal") or "", **kept}


def _items(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
