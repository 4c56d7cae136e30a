"""Messages that are written for Python, as the command line says them."""

from __future__ import annotations

from argparse import Namespace

import pytest

from minikit.cli.main import main
from minikit.cli.words import for_command, spoken, spoken_notes

MAP = ("batch", "budget", "journal", "model", "reply_tokens", "rpm", "temperature", "tpm")
SUMMARIZE = (
    *("base_url", "batch", "budget", "chunk_tokens", "cite", "context_window", "journal"),
    *("length", "model", "rpm", "strategy", "unsupported"),
)
ASK = ("model", "thorough")
CHAT = ("context_window", "knowledge", "model")
DESCRIBE = ("model", "text")
MANY = ("engine", "key", "model")


@pytest.mark.parametrize(
    ("options", "said", "told"),
    [
        (MAP, "raise budget_usd, ask for less", "raise --budget, ask for less"),
        (MAP, "budget_usd='x' is no amount", "--budget 'x' is no amount"),
        (MAP, "max_output_tokens=99999 is out of range", "--reply-tokens 99999 is out of range"),
        (MAP, "temperature=-1 is out of range", "--temperature -1 is out of range"),
        (
            MAP,
            "raise the budget, or limit the replies (max_output_tokens)",
            "raise the budget, or limit the replies (--reply-tokens)",
        ),
        (
            SUMMARIZE,
            "raise the budget, or ask for shorter replies (max_output_tokens)",
            "raise the budget",
        ),
        (SUMMARIZE, 'send with engine="local"', "send without --batch"),
        (SUMMARIZE, 'send less, or use engine="local"', "send less, or leave out --batch"),
        (SUMMARIZE, "knows no batches: leave engine out", "knows no batches: leave --batch out"),
        (
            SUMMARIZE,
            "which has no batches: leave out engine=",
            "which has no batches: leave out --batch",
        ),
        (SUMMARIZE, "give the client one (journal=)", "give the client one (--journal PATH)"),
        (SUMMARIZE, "chunk_tokens=9 is out of range", "--chunk-tokens 9 is out of range"),
        (SUMMARIZE, 'strategy="single" takes no', '--strategy "single" takes no'),
        (SUMMARIZE, "fewer at a time (max_concurrency=)", "fewer at a time (--rpm N)"),
        (MAP, "give requests_per_minute= or tokens_per_minute=", "give --rpm or --tpm"),
        (
            SUMMARIZE,
            "set OPENAI_API_KEY or pass api_key= (any value); model='offline' selects",
            "set OPENAI_API_KEY (any value); --model offline selects",
        ),
        (
            MAP,
            "describe it: Model(id='a', max_output_tokens=1), or set temperature=",
            "describe it: Model(id='a', max_output_tokens=1), or set --temperature",
        ),
        (MAP, "move to 'b' (model=, or ELSE)", "move to 'b' (--model ID, or ELSE)"),
        ((), "raise budget_usd", "raise budget_usd"),
        (
            MAP,
            "it is allowed to do (api_key= or GEMINI_API_KEY)",
            "it is allowed to do (GEMINI_API_KEY)",
        ),
        (ASK, "thorough=True reads everything", "--thorough reads everything"),
        (SUMMARIZE, "unsupported='drop' needs cite=True", "--unsupported 'drop' needs --cite"),
        (SUMMARIZE, "length=9 is out of range", "--length 9 is out of range"),
        (CHAT, "so give knowledge=, or choose", "so give --knowledge, or choose"),
        (DESCRIBE, "task='text' keeps the words", "--text keeps the words"),
        (
            MANY,
            'send less, or send with engine="local"',
            'send less, or send with --engine "local"',
        ),
        (MANY, "knows no batches: leave engine out", "knows no batches: leave --engine out"),
        (MANY, "is one record: leave key out", "is one record: leave --key out"),
        (CHAT, "fewer requests at a time (max_concurrency=)", "fewer requests at a time"),
        (CHAT, "wait, or raise Retry(timeout_s=)", "wait"),
        (MANY, "; where there is memory, raise Batch(max_waiting=...)", ""),
        (
            SUMMARIZE,
            "lower chunk_tokens, or describe the window with Model(...)",
            "lower --chunk-tokens, or give the size of the window (--context-window)",
        ),
        (
            CHAT,
            "lower chunk_tokens, or describe the window with Model(...)",
            "send less, or give the size of the window (--context-window)",
        ),
    ],
)
def test_options_have_the_names_of_the_command(
    options: tuple[str, ...], said: str, told: str
) -> None:
    """What a command lacks is not named in its messages, or stays as Python has it."""
    for_command(Namespace(**dict.fromkeys(options)))
    assert spoken(said) == told


def test_of_a_plan_only_the_notes_are_spoken() -> None:
    """A heading of a document is a text of the user's."""
    for_command(Namespace(budget=None))
    drawn = "1  budget_usd\nnote: raise budget_usd"
    assert spoken_notes(drawn) == "1  budget_usd\nnote: raise --budget"


def test_a_command_speaks_its_own_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Errors, notes of plans, and an option that means something else."""
    rows = ["map", "-", "--template", "Write to {name}.", "--format", "jsonl", "--dry-run"]
    assert main([*rows, "--model", "gpt-4o", "--reply-tokens", "99999"]) == 2
    assert "--reply-tokens 99999 is out of range" in capsys.readouterr().err
    assert main([*rows, "--model", "gpt-4o", "--max-output-tokens", "9"]) == 2
    assert "--context-window: to limit replies, use --reply-tokens" in capsys.readouterr().err
