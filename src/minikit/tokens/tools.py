"""How many tokens the definitions of tools take.

The formula is that of the OpenAI cookbook, "How to count tokens with tiktoken", section 7, read
2026-11-22.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from minikit.errors import ArgumentError
from minikit.models.model import DEFAULT_MODEL, Model
from minikit.tokens.counting import count_text
from minikit.tokens.messages import as_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["count_tool_tokens"]

_FUNCTION_START = {"o200k_base": 7, "cl100k_base": 10}
_FUNCTION_END = 12
_PROPERTIES_START = 3
_PROPERTY = 3
_ENUM_START = -3
_ENUM_ITEM = 3
_PLAIN = frozenset({"type", "description", "enum"})


def count_tool_tokens(
    tools: Sequence[Mapping[str, Any]], *, model: str | Model = DEFAULT_MODEL
) -> int:
    """Count the input tokens of tool definitions; no tools are 0.

    The published formula reads the name and description of each function, and the name, type,
    description and choices of each of its parameters. What it is silent about (nested objects,
    arrays, bounds) is counted here as JSON, which is more than the server is likely to make of it.

    Args:
        tools: In the form of the wire: `{"type": "function", "function": {...}}`.
        model: The model that they are offered to.

    Returns:
        Tokens: as published for flat parameters, else an estimate from above.

    Raises:
        ArgumentError: A tool is not a function with a name.
    """
    encoding = Model.resolve(model).encoding
    return sum(_function_tokens(_function(tool), encoding) for tool in tools)


def _function(tool: object) -> Mapping[str, Any]:
    function = as_mapping((as_mapping(tool) or {}).get("function")) or {}
    if not isinstance(function.get("name"), str):
        raise ArgumentError(
            'a tool is {"type": "function", "function": {"name": ..., "description": ..., '
            f'"parameters": {{...}}}}}}, not {type(tool).__name__}'
        )
    return function


def _function_tokens(function: Mapping[str, Any], encoding: str) -> int:
    line = f"{function['name']}:{_description(function)}"
    tokens = _FUNCTION_START[encoding] + count_text(line, encoding) + _FUNCTION_END
    parameters = as_mapping(function.get("parameters")) or {}
    properties = as_mapping(parameters.get("properties")) or {}
    if properties:
        tokens += _PROPERTIES_START
    return tokens + sum(_property_tokens(*item, encoding) for item in properties.items())


def _property_tokens(name: str, schema: object, encoding: str) -> int:
    fields = as_mapping(schema) or {}
    tokens = _PROPERTY
    if "enum" in fields:
        tokens += _ENUM_START
        tokens += sum(_ENUM_ITEM + count_text(_text(item), encoding) for item in fields["enum"])
    line = f"{name}:{_text(fields.get('type', ''))}:{_description(fields)}"
    beyond = {key: value for key, value in fields.items() if key not in _PLAIN}
    if beyond:
        tokens += count_text(_text(beyond), encoding)
    return tokens + count_text(line, encoding)


def _description(fields: Mapping[str, Any]) -> str:
    return str(fields.get("description") or "").removesuffix(".")


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
