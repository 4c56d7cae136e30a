"""Definitions of tools count as the OpenAI cookbook counts them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.errors import ArgumentError
from minikit.tokens.chat import count_tokens
from minikit.tokens.counting import count_text
from minikit.tokens.tools import count_tool_tokens
from strategies import texts

# The example of section 7 of "How to count tokens with tiktoken", OpenAI cookbook, read 2026-11-22.
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {
                    "type": "string",
                    "description": "The city and state, e.g. San Francisco, CA",
                },
                "unit": {
                    "type": "string",
                    "description": "The unit of temperature to return",
                    "enum": ["celsius", "fahrenheit"],
                },
            },
            "required": ["location"],
        },
    },
}
MESSAGES = [
    {
        "role": "system",
        "content": "You are a helpful assistant that can answer to questions about the weather.",
    },
    {"role": "user", "content": "What's the weather like in San Francisco?"},
]


def tool(properties: object = None, **function: object) -> dict[str, object]:
    """A function named f, with these properties."""
    parameters = {"type": "object", "properties": properties}
    return {"type": "function", "function": {"name": "f", "parameters": parameters} | function}


@pytest.mark.parametrize(
    ("model", "expected"), [("gpt-4o-mini", 101), ("gpt-4o", 101), ("gpt-3.5-turbo", 105)]
)
def test_the_cookbooks_tool_counts_as_published(model: str, expected: int) -> None:
    """Its conversation with the weather tool is 101 tokens in o200k_base, 105 in cl100k_base."""
    assert count_tokens(MESSAGES, model=model, tools=[WEATHER]) == expected


def test_the_tool_alone_is_68_tokens() -> None:
    """The rest of the 101 is the conversation; beside a bare text it counts the same."""
    assert count_tool_tokens([WEATHER]) == 68
    assert count_tokens("", tools=[WEATHER]) == 68


def test_no_tools_are_no_tokens() -> None:
    """Nothing is paid for what is not offered."""
    assert count_tool_tokens([]) == 0


def test_tools_add_up() -> None:
    """Two tools are twice one."""
    assert count_tool_tokens([WEATHER, WEATHER]) == 2 * 68


@pytest.mark.parametrize(
    "function",
    [
        {"name": "f"},
        {"name": "f", "description": None},
        {"name": "f", "parameters": None},
        {"name": "f", "parameters": {"type": "object"}},
        {"name": "f", "parameters": {"type": "object", "properties": {}}},
    ],
)
def test_a_function_without_parameters_is_its_name(function: dict[str, object]) -> None:
    """Start, end and the name with its colon remain."""
    expected = 7 + count_text("f:", "o200k_base") + 12
    assert count_tool_tokens([{"type": "function", "function": function}]) == expected


def test_the_full_stop_of_a_description_is_not_counted() -> None:
    """The server leaves it out."""
    with_stop = tool({"a": {"type": "string", "description": "A word."}}, description="Do it.")
    without = tool({"a": {"type": "string", "description": "A word"}}, description="Do it")
    assert count_tool_tokens([with_stop]) == count_tool_tokens([without])


@pytest.mark.parametrize("schema", [{}, True, None, {"type": ["string", "null"]}])
def test_a_loose_property_counts(schema: object) -> None:
    """A schema may say next to nothing."""
    assert count_tool_tokens([tool({"a": schema})]) >= count_tool_tokens([tool({})]) + 6


def test_choices_that_are_no_texts_count() -> None:
    """Numbers and null among the choices are counted as they are written."""
    chosen = count_tool_tokens([tool({"a": {"type": "integer", "enum": [1, None]}})])
    free = count_tool_tokens([tool({"a": {"type": "integer"}})])
    assert chosen - free == -3 + 2 * (3 + 1)


@given(texts(8), st.recursive(texts(2), lambda inner: st.lists(inner, max_size=3), max_leaves=6))
def test_what_the_formula_does_not_know_counts_from_above(key: str, value: object) -> None:
    """A nested schema never counts less than its JSON."""
    nested = {"type": "array", "items": {key: value}}
    flat = count_tool_tokens([tool({"a": {"type": "array"}})])
    json_text = json.dumps({"items": {key: value}}, ensure_ascii=False)
    assert count_tool_tokens([tool({"a": nested})]) == flat + count_text(json_text, "o200k_base")


@pytest.mark.parametrize(
    "value",
    [
        None,
        "get_current_weather",
        {},
        {"type": "function"},
        {"type": "function", "function": "f"},
        {"type": "function", "function": {}},
        {"type": "function", "function": {"name": 3}},
        {"name": "f", "parameters": {}},
    ],
)
def test_what_is_no_tool_is_refused(value: Any) -> None:  # noqa: ANN401 - anything
    """One clear error shows what a tool looks like."""
    with pytest.raises(ArgumentError, match=r"a tool is .*\"function\": .*, not \w+") as caught:
        count_tool_tokens([value])
    assert type(value).__name__ in str(caught.value)
