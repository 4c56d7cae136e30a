"""The words of the command line in messages that are written for Python."""

from __future__ import annotations

import re
from argparse import Namespace

__all__ = ["for_command", "spoken", "spoken_notes"]

OPTIONS = {
    "base_url": "base_url",
    "budget_usd": "budget",
    "chunk_tokens": "chunk_tokens",
    "cite": "cite",
    "context_window": "context_window",
    "detail": "detail",
    "engine": "engine",
    "focus": "focus",
    "format": "format",
    "instructions": "instructions",
    "journal": "journal",
    "key": "key",
    "knowledge": "knowledge",
    "language": "language",
    "length": "length",
    "max_output_tokens": "reply_tokens",
    "max_tokens": "max_tokens",
    "on_gap": "on_gap",
    "output": "output",
    "output_format": "output_format",
    "overlap": "overlap",
    "requests_per_minute": "rpm",
    "seed": "seed",
    "strategy": "strategy",
    "style": "style",
    "system": "system",
    "temperature": "temperature",
    "thorough": "thorough",
    "tokens_per_minute": "tpm",
    "unsupported": "unsupported",
}
"""The option of a command that is a Python option of another name, or of the same."""

PHRASES = (
    (r'\bwith engine="local"', "without --batch", "batch"),
    (r'\b(?:use )?engine="local"', "leave out --batch", "batch"),
    (r'\bengine="batch"', "--batch", "batch"),
    (r"\bengine=|\bengine(?= out\b)", "--batch", "batch"),
    (r"\(journal=\)", "(--journal PATH)", "journal"),
    (r"\(max_concurrency=\)", "(--rpm N)", "rpm"),
    (r" or pass api_key=", "", "model"),
    (r"\bmodel='offline'", "--model offline", "model"),
    (r"\(model=, or ", "(--model ID, or ", "model"),
    (r"\(api_key= or (\w+)\)", r"(\1)", "model"),
    (r", or raise Retry\(timeout_s=\)", "", "model"),
    (r"; where there is memory, raise Batch\(max_waiting=\.\.\.\)", "", "model"),
    (r"\btask='text'", "--text", "text"),
    (
        r"describe the window with Model\(\.\.\.\)",
        "give the size of the window (--context-window)",
        "context_window",
    ),
)
"""What is said in other words by a command that has an option."""

LACKING = (
    (r",? or (?:limit the|ask for shorter) replies \(max_output_tokens\)", "", "reply_tokens"),
    (r"\blower chunk_tokens,", "send less,", "chunk_tokens"),
    (r" \(max_concurrency=\)", "", "rpm"),
)
"""Ways out that a command without an option does not have, and what it says instead."""

_known: set[str] = set()
"""The options of the command that runs."""


def for_command(arguments: Namespace) -> None:
    """Speak of the options of this command from now on."""
    _known.clear()
    _known.update(vars(arguments))


def spoken(text: str) -> str:
    """Name options as the command does that runs, where it has them."""
    for pattern, words, option in LACKING:
        if option not in _known:
            text = re.sub(pattern, words, text)
    for pattern, words, option in PHRASES:
        if option in _known:
            text = re.sub(pattern, words, text)
    # What describes a model stays as it is: it is Python.
    parts = re.split(r"(\bModel\(.*\))", text)
    return "".join(part if part.startswith("Model(") else _named(part) for part in parts)


def spoken_notes(text: str) -> str:
    """Do so in the notes of a plan, and leave alone what else is drawn."""
    lines = text.split("\n")
    return "\n".join(spoken(line) if line.startswith("note: ") else line for line in lines)


def _named(text: str) -> str:
    for name, option in OPTIONS.items():
        if option not in _known:
            continue
        flag = f"--{option.replace('_', '-')}"
        text = re.sub(rf"\b{name}(?:=True\b|(?= out\b))", flag, text)
        text = re.sub(rf"\b{name}=(?=\w|['\"-])", f"{flag} ", text)
        bare = rf"\b{name}\b=?" if "_" in name else rf"\b{name}="
        text = re.sub(bare, flag, text)
    return text
