"""Training files: their form, their tokens, their price."""

from __future__ import annotations

import json
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minikit import ArgumentError, Model, SourceError, UnknownModelError, count_tokens
from minikit.jobs import finetune
from minikit.jobs.finetune import check_training_file
from minikit.jobs.training import lines as training_lines
from minikit.jobs.training.training import TrainingCheck, default_epochs

HAPPY = {
    "role": "system",
    "content": "You are a happy assistant that puts a positive spin on everything.",
}
ASKED = {"role": "user", "content": "Is it?"}
GOOD = {"role": "assistant", "content": "It is."}
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
CALLS = {"role": "assistant", "tool_calls": [CALL]}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {}}}


def example(*messages: dict[str, Any], **more: object) -> dict[str, Any]:
    """Return an example with these messages."""
    return {"messages": [*messages], **more}


def simple(number: int) -> dict[str, Any]:
    """Return one of many sound examples, all of them different."""
    return example({"role": "user", "content": f"Question {number}?"}, GOOD)


def written(path: Path, *examples: object, sound: int = 10) -> Path:
    """Write examples as JSON Lines, after so many sound ones, and return the file."""
    file = path / "train.jsonl"
    lines = [each if isinstance(each, str) else json.dumps(each) for each in examples]
    lines[:0] = [json.dumps(simple(number)) for number in range(sound)]
    file.write_text("".join(f"{line}\n" for line in lines), "utf-8", errors="surrogatepass")
    return file


def test_the_examples_of_the_cookbook(tmp_path: Path) -> None:
    """Its five examples have the tokens, epochs and limits that the cookbook prints.

    OpenAI cookbook, "Data preparation and analysis for chat model fine-tuning", read 2026-11-22:
    26 to 8,032 tokens, 4,306 of them within 4,096 an example, 20 epochs.
    """

    def chat(*texts: str, roles: str) -> dict[str, Any]:
        names = {"s": "system", "u": "user", "a": "assistant"}
        return example(
            *({"role": names[r], "content": t} for r, t in zip(roles, texts, strict=True))
        )

    file = written(
        tmp_path,
        chat(
            HAPPY["content"],
            "I fell off my bike today.",
            "It's great that you're getting exercise outdoors!",
            roles="sua",
        ),
        chat(
            HAPPY["content"],
            "I lost my tennis match today.",
            "It's ok, it happens to everyone.",
            "But I trained so hard!",
            "It will pay off next time.",
            "I'm going to switch to golf.",
            "Golf is fun too!",
            "I don't even know how to play golf.",
            "It's easy to learn!",
            roles="suauauaua",
        ),
        chat("I lost my book today.", "You can read everything on ebooks these days!", roles="ua"),
        chat(HAPPY["content"], "You're great!", roles="sa"),
        chat(HAPPY["content"], "I'm hungry.", "Eat a banana!" * 2_000, roles="sua"),
        sound=0,
    )
    check = check_training_file(file, model="gpt-3.5-turbo")
    assert check.longest_tokens == 8_032
    assert check.tokens - (8_032 - 4_096) == 4_306
    assert (check.epochs, check.epochs_by_default) == (20, True)
    assert check.max_example_tokens == 16_385
    assert check.cost_usd == Decimal(check.tokens) * 20 * 8 / 1_000_000


def test_a_sound_file(tmp_path: Path) -> None:
    """Tokens, epochs and the price are told, and what the price is from."""
    file = written(tmp_path, sound=20)
    check = check_training_file(file)
    assert check.usable
    assert check.problems == ()
    assert (check.examples, check.epochs, check.model) == (20, 5, "gpt-4o-mini")
    each = [count_tokens(simple(number)["messages"]) for number in range(20)]
    assert (check.tokens, check.longest_tokens) == (sum(each), max(each))
    assert check.training_tokens == 5 * check.tokens
    assert check.price_usd_per_mtok == 3
    assert check.cost_usd == Decimal(check.training_tokens) * 3 / 1_000_000
    assert check.notes[0].startswith("$3.00 per million tokens: OpenAI, Pricing")
    assert "2027-01-06" in check.notes[1]
    assert TrainingCheck.from_json(check.to_json()) == check
    assert str(check).splitlines()[:3] == [
        "examples  20",
        f"tokens    {check.tokens:,}; {max(each)} in the longest example",
        "epochs    5 (by default)",
    ]


def test_all_that_an_example_may_hold(tmp_path: Path) -> None:
    """Weights, names, tools, calls, parts, pictures, functions and refusals are taken."""
    parts = [{"type": "text", "text": "Look."}]
    old = {"name": "look", "arguments": "{}"}
    file = written(
        tmp_path,
        example(HAPPY, ASKED, GOOD | {"weight": 0}, ASKED, GOOD | {"weight": 1}),
        example(ASKED | {"name": "Ann"}, GOOD),
        example(
            *(ASKED, CALLS, {"role": "tool", "tool_call_id": "c1", "content": "seen"}, GOOD),
            tools=[TOOL],
            parallel_tool_calls=False,
        ),
        example(ASKED, CALLS | {"content": None}, tools=[TOOL]),
        example({"role": "user", "content": parts}, {"role": "assistant", "content": parts}),
        example(
            *(ASKED, {"role": "assistant", "content": None, "function_call": old}),
            *({"role": "function", "name": "look", "content": "seen"}, GOOD),
            functions=[{"name": "look", "parameters": {}}],
        ),
        example(ASKED, {"role": "assistant", "refusal": "No."}),
    )
    check = check_training_file(file)
    assert check.problems == ()
    assert check.examples == 17


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "an empty line; each line is an example"),
        ("{", r"no JSON: .* at character \d; one example is one line"),
        ('{"messages": nope}', "no JSON: Expecting value at character 14"),
        ('{"messages": NaN}', "no JSON: NaN is no number there"),
        ("[" * 100_000, "JSON that is nested too deep"),
        ([], "a line is an object .*, not a list"),
        ("1", "a line is an object .*, not int"),
        ({}, '"messages" is missing, empty or no list$'),
        ({"prompt": "a", "completion": "b"}, "of the old completions form"),
        ({"input": {}, "preferred_output": []}, r"looks for preferences \(DPO\)"),
        (example(), "is missing, empty or no list"),
        ({"messages": ["Hi"]}, 'message 1: it is an object {"role".*, not str'),
        ({"messages": [None]}, "not null"),
        (example(GOOD | {"role": "bot"}), '"role" is one of system, .*, not .bot.'),
        (example(ASKED, GOOD | {"extra": 1}), "message 2: unknown key .extra."),
        (example({"role": "user"}, GOOD), '"content" is missing or empty'),
        (example(ASKED, {"role": "assistant", "content": ""}), '"content" is missing or empty'),
        (example(ASKED | {"content": 5}, GOOD), '"content" is a text or a list of parts, not int'),
        (example(ASKED | {"content": [{"type": "video"}]}, GOOD), 'a part of "content" is'),
        (example(ASKED | {"content": [{"type": "text"}]}, GOOD), 'a part of "content" is'),
        (
            example(ASKED, GOOD | {"content": [{"type": "image_url", "image_url": {"url": "u"}}]}),
            "only messages of the user hold images",
        ),
        (example(ASKED | {"weight": 1}, GOOD), '"weight" is for messages of the assistant alone'),
        (example(ASKED, GOOD | {"weight": 2}), '"weight" is 0 or 1, not 2'),
        (example(ASKED, GOOD | {"weight": True}), '"weight" is 0 or 1, not True'),
        (example(ASKED, GOOD | {"weight": 0}), 'every message of the assistant has "weight" 0'),
        (example(ASKED | {"name": ""}, GOOD), '"name" is a text that is not empty'),
        (example(ASKED), "no message is of the assistant: there is nothing to learn"),
        (example(GOOD, ASKED), "the last message is not of the assistant"),
        (example(ASKED, {"role": "tool", "content": "x"}, GOOD), 'needs the "tool_call_id"'),
        (example(ASKED, {"role": "function", "content": "x"}, GOOD), 'needs its "name"'),
        (
            example(ASKED, {"role": "tool", "content": "x", "tool_call_id": "c9"}, GOOD),
            '"tool_call_id" .c9. answers no call before it',
        ),
        (example(ASKED, GOOD, parallel_tool_calls=1), '"parallel_tool_calls" is true or false'),
        (example(ASKED, GOOD, tools=[{"type": "function"}]), '"tools" is a list of functions'),
        (example(ASKED, GOOD, tools={"a": 1}), '"tools" is a list of functions'),
        (example(ASKED, GOOD, functions=[1]), '"functions" is a list of functions'),
        (example(ASKED, CALLS | {"tool_calls": [{"id": "c1"}]}), "a tool call is"),
        (
            example(
                ASKED,
                CALLS | {"tool_calls": [CALL | {"function": {"name": "look", "arguments": "{"}}]},
                tools=[TOOL],
            ),
            "the arguments of 'look' are no JSON in a string",
        ),
    ],
    ids=str,
)
def test_a_line_that_the_server_refuses(tmp_path: Path, line: object, message: str) -> None:
    """Each mistake is an error with the number of its line, and the other lines still count."""
    check = check_training_file(written(tmp_path, line))
    assert not check.usable
    assert check.examples == 10
    assert {problem.line for problem in check.problems} == {11}
    texts = "\n".join(str(problem) for problem in check.problems)
    assert str(check).endswith(texts)
    with pytest.raises(AssertionError, match=rf"(?m)^error: line 11: .*{message}"):
        raise AssertionError(texts)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (simple(3), "the same example as in line 4"),
        (example(ASKED, GOOD, name="x"), "unknown key 'name' beside \"messages\""),
        (example(ASKED | {"content": " "}, GOOD), 'message 1: "content" is white space alone'),
        (example(GOOD), "no message is of the user or the system"),
        (example(ASKED, CALLS), "the function 'look' is called and not among the \"tools\""),
        (
            example(ASKED, GOOD | {"content": "x " * 70_000}),
            "70,015 tokens, of which the last 4,479 are cut off",
        ),
        (
            example(
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,none"}}
                    ],
                },
                GOOD,
            ),
            "its tokens are not counted: ",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_line_that_is_doubtful(tmp_path: Path, line: object, message: str) -> None:
    """What the server takes, and who wrote it may not have meant, is a warning."""
    check = check_training_file(written(tmp_path, line))
    assert check.usable
    assert check.examples == 11
    (problem,) = check.problems
    assert (problem.line, problem.fatal) == (11, False)
    assert problem.message.startswith(message)


def test_a_cut_example_is_paid_for_as_far_as_it_is_read(tmp_path: Path) -> None:
    """What is beyond the limit of an example is not counted."""
    sound = check_training_file(written(tmp_path))
    check = check_training_file(
        written(tmp_path, example(ASKED, GOOD | {"content": "x " * 70_000}))
    )
    assert (check.cut_examples, check.max_example_tokens) == (1, 65_536)
    assert check.tokens == sound.tokens + 65_536
    assert check.longest_tokens == 70_015


def test_a_byte_order_mark_is_a_warning(tmp_path: Path) -> None:
    """The examples after it are read."""
    file = written(tmp_path)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    check = check_training_file(file)
    assert check.usable
    assert str(check.problems[0]).startswith("warning: line 1: the file begins with a byte-order")
    assert check.examples == 10


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_another_encoding(tmp_path: Path, encoding: str) -> None:
    """A file that is not UTF-8 is one error and not one for each line."""
    file = written(tmp_path)
    file.write_text(file.read_text("utf-8"), encoding)
    check = check_training_file(file)
    assert [str(problem) for problem in check.problems] == [
        "error: the file is not UTF-8 text; save it as UTF-8",
        "error: 0 usable examples; at least 10 are needed",
    ]


def test_a_byte_that_is_no_utf_8(tmp_path: Path) -> None:
    """Its line and its place in the line are told."""
    file = written(tmp_path)
    file.write_bytes(file.read_bytes() + b'{"messages": "\xfc"}\n')
    (problem,) = check_training_file(file).problems
    assert str(problem) == "error: line 11: not UTF-8 at byte 15 of the line"


def test_too_few_examples(tmp_path: Path) -> None:
    """Nine are too few, none is too."""
    (problem,) = check_training_file(written(tmp_path, sound=9)).problems
    assert str(problem) == "error: 9 usable examples; at least 10 are needed"
    check = check_training_file(written(tmp_path, sound=0))
    assert (check.usable, check.tokens) == (False, 0)
    assert check.cost_usd == 0


def test_a_line_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is longer than any example is passed over, not read into memory."""
    monkeypatch.setattr(training_lines, "_LONGEST_LINE", 200)
    file = written(
        tmp_path, json.dumps(example(ASKED, GOOD | {"content": "x" * 1_000})), simple(10)
    )
    check = check_training_file(file)
    assert [str(problem) for problem in check.problems] == [
        "error: line 11: longer than 200 bytes, and not read"
    ]
    assert check.examples == 11
    file = written(tmp_path, "x" * 199)
    assert "no JSON" in str(check_training_file(file).problems[0])


def test_problems_and_comparisons_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past a number of problems they are only counted; past one of examples none is compared."""
    monkeypatch.setattr(finetune, "_PROBLEMS_KEPT", 60)
    monkeypatch.setattr(finetune, "_COMPARED", 5)
    check = check_training_file(written(tmp_path, *["x"] * 70, simple(3), simple(7)))
    assert (check.errors, check.warnings, len(check.problems)) == (70, 1, 60)
    assert str(check).endswith("\n... and 21 more")
    assert check.notes[-1] == "the same examples were looked for among the first 5 alone"


def test_memory_is_bounded(tmp_path: Path) -> None:
    """A file is read line by line: many times the file take no more memory than the file."""
    file = written(tmp_path, *(simple(number) for number in range(2_000)), sound=0)
    check_training_file(file)  # the vocabulary is loaded once
    tracemalloc.start()
    check_training_file(file)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1_500_000


@pytest.mark.parametrize(
    ("model", "price", "limit"),
    [
        ("gpt-4o-2024-08-06", 25, 65_536),
        ("ft:gpt-4.1-mini-2025-04-14:org:name:id", 5, 65_536),
        ("openai/gpt-4.1-nano", Decimal("1.5"), 65_536),
        ("gpt-3.5-turbo-0125", 8, 16_385),
        ("gpt-5-mini", None, None),
        (Model(id="mine", context_window=8_000, max_output_tokens=1_000), None, None),
    ],
    ids=lambda value: getattr(value, "id", str(value)),
)
def test_the_price_of_a_model(
    tmp_path: Path, model: str | Model, price: Decimal | None, limit: int | None
) -> None:
    """A price that is not known is None, and so is the cost; a note says so."""
    check = check_training_file(written(tmp_path), model=model)
    assert (check.price_usd_per_mtok, check.max_example_tokens) == (price, limit)
    assert (check.cost_usd is None) == (price is None)
    assert check.notes[0].startswith("$" if price else "no price is known for training from")
    told = any("closing" in note for note in check.notes)
    assert told == isinstance(model, str), "it is OpenAI's own"
    assert ("price unknown" in str(check)) == (price is None)


def test_epochs_of_ones_own(tmp_path: Path) -> None:
    """They are taken as they are."""
    check = check_training_file(written(tmp_path), epochs=2)
    assert (check.epochs, check.epochs_by_default) == (2, False)
    assert check.training_tokens == 2 * check.tokens


@pytest.mark.parametrize(
    ("examples", "epochs"),
    [(0, 25), (1, 25), (4, 25), (5, 20), (33, 3), (34, 3), (8_333, 3), (8_334, 2), (30_000, 1)],
)
def test_default_epochs(examples: int, epochs: int) -> None:
    """They are those of the cookbook's rule."""
    assert default_epochs(examples) == epochs


@pytest.mark.parametrize("epochs", [0, 51, True, "3"])
def test_bad_epochs(tmp_path: Path, epochs: object) -> None:
    """They are refused before the file is read."""
    with pytest.raises(ArgumentError, match="epochs"):
        check_training_file(tmp_path / "none", epochs=epochs)  # type: ignore[arg-type]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a folder, a device, a name that cannot be, and an unknown model."""
    for path in (tmp_path / "none", tmp_path, "a\0b"):
        with pytest.raises(SourceError, match="cannot read"):
            check_training_file(path)
    with pytest.raises(SourceError, match="is a device"):
        check_training_file("/dev/zero")
    with pytest.raises(UnknownModelError, match="no model is known"):
        check_training_file(tmp_path / "none", model="gpt-none")


def test_a_list_over_many_lines_is_told_once(tmp_path: Path) -> None:
    """One document instead of lines: the way out is named, and not the noise of each line."""
    file = tmp_path / "train.json"
    file.write_text(json.dumps([{"messages": [GOOD]}] * 12, indent=1), "utf-8")
    check = check_training_file(file)
    assert check.errors == 2
    assert "one JSON list, not JSON Lines" in check.problems[0].message


def test_a_number_that_is_too_long_is_a_problem_of_its_line(tmp_path: Path) -> None:
    """The rest of the file is read all the same."""
    file = written(tmp_path, {"messages": [GOOD], "metadata": 1}, sound=12)
    file.write_bytes(file.read_bytes() + b'{"messages": ' + b"9" * 5_000 + b"}\n")
    check = check_training_file(file)
    assert check.examples == 13
    assert check.problems[-1].message == "a number of 5,000 digits"


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["messages", "role", "content", "tools", "function", "name", "tool_calls"]
                ),
                inner | st.sampled_from(["assistant", "user"]),
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_an_example_or_a_problem(tmp_path: Path, value: object) -> None:
    """Whatever stands in a line, it is told what it is, and nothing fails."""
    lines = [
        value,
        {"messages": value},
        {"messages": [value]},
        {"messages": [GOOD], "tools": value},
    ]
    check = check_training_file(written(tmp_path, *lines, sound=1))
    assert check.examples + len({each.line for each in check.problems if each.fatal}) > len(lines)
