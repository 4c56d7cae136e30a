"""The words that the calls of a summary ask with, and that they can be replaced."""

from __future__ import annotations

import pickle
import re
from dataclasses import asdict, fields, replace
from string import Formatter
from typing import TYPE_CHECKING, Any

import pytest
from citing import honest, is_merge, numbers, prompt
from hypothesis import given
from hypothesis import strategies as st

from minikit import ArgumentError, Client, Document, Model, SummarizePrompts, Summary
from minikit.jobs.summarizing.options import Options
from minikit.jobs.summarizing.prepare import prepare
from minikit.jobs.verb import Setting
from minikit.text.fence import outside
from server import ChatServer, ok

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from server import Reply

    Body = dict[str, Any]

MODEL = Model(
    id="quoting",
    context_window=8_000,
    max_output_tokens=2_000,
    supports=frozenset({"json_schema", "sampling", "streaming"}),
)
TEXT = "".join(
    f"In the year {1000 + at} the ferry took {at} sheep over the river Elbe to the old mill. "
    for at in range(60)
)
FIELDS = [each.name for each in fields(SummarizePrompts)]
NAMES = {
    "single": {"words"},
    "map": {"words", "part", "parts"},
    "merge": {"words", "scope"},
    "refine": {"words", "part", "parts"},
    "revise": {"words", "written"},
    "focus": {"focus"},
    "language": {"language"},
    "style": {"style"},
}
"""What each prompt may name; the others name nothing."""

WISHES = ("focus", "language", "style")
DEFAULT = SummarizePrompts()


def answer(body: Body) -> Reply:
    """Answer as a model that quotes where it shall, at more length than is asked for."""
    if is_merge(body) and numbers(body):
        return ok(" ".join(f"{text} [#{number}]" for number, text in numbers(body)))
    return honest(body) if "response_format" in body else ok("The ferry took the sheep. " * 30)


def run(server: ChatServer, journal: Path | None = None, **options: Any) -> Summary:  # noqa: ANN401
    """Summarize the text."""
    with Client(model=MODEL, api_key="k", base_url=server.base_url, journal=journal) as client:
        return client.summarize(TEXT, **options)


def digest(prompts: SummarizePrompts) -> str:
    """Return what tells a job with these prompts from others."""
    document = Document(text=TEXT)
    return prepare(document, MODEL, Options(prompts=prompts), Setting(max_concurrency=4)).digest


EVERYTHING: list[dict[str, Any]] = [
    {"strategy": strategy, "cite": cite, "length": 30, "style": "ODE", "focus": "ELBE", **more}
    for strategy in ("single", "map_reduce", "refine")
    for cite in (False, True)
    for more in ({}, {"language": "LATIN"})
]
"""Options under which every prompt is used."""

USED: dict[str, Callable[[str, dict[str, Any]], bool]] = {
    "system": lambda _operation, _options: True,
    "single": lambda operation, _options: operation == "single",
    "map": lambda operation, _options: operation == "map",
    "merge": lambda operation, _options: operation == "merge",
    "refine": lambda operation, _options: operation == "refine",
    "revise": lambda operation, _options: operation == "revise",
    "cite": lambda operation, options: options["cite"] and operation in ("single", "map"),
    "cite_refine": lambda operation, options: options["cite"] and operation == "refine",
    "keep": lambda operation, options: options["cite"] and operation in ("merge", "revise"),
    "focus": lambda _operation, _options: True,
    "style": lambda _operation, _options: True,
    "language": lambda _operation, options: "language" in options,
    "same_language": lambda _operation, options: "language" not in options,
}
"""Where each prompt belongs."""


def marked() -> SummarizePrompts:
    """Return prompts that tell their own names, and all that they may name."""
    told = {
        name: " ".join([f"<{name.upper()}>", *(f"{{{each}}}" for each in NAMES.get(name, ()))])
        for name in FIELDS
    }
    return SummarizePrompts(**told)


def test_every_prompt_is_used_where_it_belongs(server: ChatServer) -> None:
    """Each replaced prompt stands in the calls that it is for, and in no others."""
    server.handler = answer
    assert {*USED, "version"} == set(FIELDS)
    seen = set[str]()
    for options in EVERYTHING:
        before = len(server.bodies)
        run(server, prompts=marked(), **options)
        for body in server.bodies[before:]:
            told = {name for name in FIELDS if f"<{name.upper()}>" in str(body["messages"])}
            (operation,) = told & {"single", "map", "merge", "refine", "revise"}
            assert told == {name for name, is_used in USED.items() if is_used(operation, options)}
            seen |= told
    assert seen == set(USED)


def test_names_are_filled_in(server: ChatServer) -> None:
    """Words, parts and scope are told as numbers and words, the wishes as they were asked for."""
    server.handler = answer
    for options in EVERYTHING:
        run(server, prompts=marked(), **options)
    asked = "\n".join(outside(prompt(body)) for body in server.bodies)
    patterns = (
        r"<SINGLE> 30",
        r"<REVISE> \d+ 30|<REVISE> 30 \d+",
        r"<STYLE> ODE",
        r"<FOCUS> ELBE",
        r"<LANGUAGE> LATIN",
        r"the whole document",
    )
    for pattern in patterns:
        assert re.search(pattern, asked), pattern
    assert "{" not in asked


def test_order_of_a_request(server: ChatServer) -> None:
    """What is asked stands after the text, then the form, the wishes, the instructions."""
    server.handler = answer
    options = {**EVERYTHING[0], "cite": True, "instructions": "<MINE>"}
    run(server, prompts=marked(), **options)
    told = re.findall(r"<([A-Z_]+)>", outside(prompt(server.bodies[0])))
    assert told == ["SINGLE", "CITE", "FOCUS", "STYLE", "MINE", "SAME_LANGUAGE"]
    assert prompt(server.bodies[0]).startswith("<document>\n")


def test_doubled_braces_come_out_single(server: ChatServer) -> None:
    """Braces that are written twice are text, in every prompt; those of a wish are left alone."""
    doubled = {name: f"{getattr(DEFAULT, name)} {{{{{name}}}}} {{{{}}}}" for name in FIELDS[1:]}
    server.handler = answer
    for options in EVERYTHING:
        run(server, prompts=SummarizePrompts(**doubled), **options | {"style": "{words} {{x}} {"})
    asked = "\n".join(
        str(message["content"]) for body in server.bodies for message in body["messages"]
    )
    for name in FIELDS[1:]:
        assert f" {{{name}}} {{}}" in asked
        assert f"{{{{{name}}}}}" not in asked
    assert "Style: {words} {{x}} {" in asked
    assert '{"points": [{"text": "...", "quotes": ["..."]}]}' in asked


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", ["", "  \n\t", "\u3000", None, 3, b"bytes", ["x"]], ids=repr)
def test_prompts_are_texts(field: str, value: object) -> None:
    """What is blank or no text is refused, with the name of the prompt and the value."""
    with pytest.raises(ArgumentError, match=rf"prompt '{field}' is a text that is not blank, not"):
        SummarizePrompts(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    "strange",
    [
        "{wrods}",
        "{}",
        "{0}",
        "{words.__class__}",
        "{words.__init__.__globals__}",
        "{words[0]}",
        "{words!r}",
        "{words:>1000000000}",
        "{words:{part}}",
        "{ words }",
        "{WORDS}",
        "{version}",
        '{"points": []}',
    ],
)
def test_unknown_names_are_refused(field: str, strange: str) -> None:
    """Nothing but a plain name that the prompt has is filled in; the error names what there is."""
    told = ", ".join(f"{{{name}}}" for name in sorted(NAMES.get(field, ()))) or "no names"
    text = f"About {strange}" + "".join(f" {{{name}}}" for name in NAMES.get(field, ()))
    with pytest.raises(ArgumentError) as raised:
        SummarizePrompts(**{field: text})
    assert f"the prompt {field!r} holds {strange}" in str(raised.value)
    assert f"it can hold {told}, and other braces are written twice" in str(raised.value)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("strange", ["{", "}", "{words", "words}", "{{}", "{words!}", "{words!rr}"])
def test_unbalanced_braces_are_refused(field: str, strange: str) -> None:
    """A brace that is alone is refused before anything is asked, and the way out is told."""
    with pytest.raises(ArgumentError, match=rf"prompt '{field}' cannot be used: .*written twice"):
        SummarizePrompts(**{field: f"About {strange}"})


@pytest.mark.parametrize("field", WISHES)
def test_wishes_must_be_said(field: str) -> None:
    """A prompt that leaves out the wish that it is for is refused."""
    with pytest.raises(ArgumentError, match=rf"the prompt '{field}' must hold {{{field}}}"):
        SummarizePrompts(**{field: f"As it was asked for: {{{{{field}}}}}."})


def test_names_may_be_left_out() -> None:
    """Other prompts need not say how many words, or which part."""
    texts = {name: f"Just {name}." for name in FIELDS if name not in WISHES}
    prompts = SummarizePrompts(**texts)
    filled = {name: prompts.fill(name, **dict.fromkeys(NAMES.get(name, ()), 1)) for name in texts}
    assert filled == texts


def test_prompts_must_be_prompts(server: ChatServer) -> None:
    """A dict, or a text, is not taken for them."""
    for strange in ({"single": "x"}, "x", None):
        with pytest.raises(ArgumentError, match="prompts is a SummarizePrompts, not"):
            run(server, prompts=strange)
    assert not server.bodies


def test_words_and_version_tell_jobs_apart() -> None:
    """A journal knows a job by every word, and by the version."""
    changed = [replace(DEFAULT, **{name: f"{getattr(DEFAULT, name)} Indeed."}) for name in FIELDS]
    digests = [digest(each) for each in (DEFAULT, *changed)]
    assert len(set(digests)) == 1 + len(FIELDS)
    assert digest(replace(DEFAULT)) == digests[0]


def test_plan_counts_the_words() -> None:
    """What a plan bounds are the requests with the prompts as they are."""
    longer = SummarizePrompts(single=f"{DEFAULT.single} {'Be brief. ' * 50}")
    with Client(model=MODEL, api_key="k") as client:
        short, long = (client.plan(TEXT, prompts=each) for each in (DEFAULT, longer))
    more = long.levels[0].input_tokens_at_least - short.levels[0].input_tokens_at_least
    assert 140 <= more <= 160


def test_journal_replays_with_the_same_words_alone(server: ChatServer, tmp_path: Path) -> None:
    """Replies are kept by the words of their requests, to which the version does not belong."""
    server.handler = answer
    journal = tmp_path / "calls.sqlite"
    options: dict[str, Any] = {"strategy": "map_reduce", "journal": journal, "length": 150}
    first = run(server, **options)
    sent = len(server.bodies)
    again = run(server, prompts=SummarizePrompts(version="2"), **options)
    assert again.text == first.text
    assert all(call.replayed for call in again.calls)
    assert len(server.bodies) == sent
    mine = replace(DEFAULT, version="3", merge=f"{DEFAULT.merge} Be merry.")
    changed = run(server, prompts=mine, **options)
    assert {call.operation for call in changed.calls if call.replayed} == {"map"}
    assert "Be merry." in prompt(server.bodies[sent])
    system = replace(DEFAULT, system="You are terse.")
    assert not any(call.replayed for call in run(server, prompts=system, **options).calls)


def test_prompts_are_values() -> None:
    """They are equal by their words, and go through pickle and dict as they are."""
    mine = SummarizePrompts(version="mine", single="So: {words} {{}}")
    assert pickle.loads(pickle.dumps(mine)) == mine  # noqa: S301 - our own bytes
    assert SummarizePrompts(**asdict(mine)) == mine
    assert mine != DEFAULT
    assert hash(mine) != hash(DEFAULT)
    with pytest.raises(AttributeError, match="cannot assign"):
        mine.version = "other"  # type: ignore[misc]


@given(st.text(min_size=1).filter(str.strip), st.sampled_from(FIELDS))
def test_any_text_with_doubled_braces_is_a_prompt(text: str, field: str) -> None:
    """Whatever the words are, they come out of a prompt as they went in."""
    wish = f" {{{field}}}" if field in WISHES else ""
    prompts = SummarizePrompts(**{field: text.replace("{", "{{").replace("}", "}}") + wish})
    assert prompts.fill(field, **{field: "x"}) == text + wish.replace(f"{{{field}}}", "x")


@given(st.text("{}!:.[]words 0", max_size=20), st.sampled_from(FIELDS))
def test_prompts_that_are_taken_can_be_filled(text: str, field: str) -> None:
    """Whatever braces stand in it, a prompt is refused at once or can be filled in later."""
    names = NAMES.get(field, set())
    try:
        prompts = SummarizePrompts(**{field: f"x{text}"})
    except ArgumentError:
        return
    filled = prompts.fill(field, **dict.fromkeys(names, 7))
    assert {name for _, name, _, _ in Formatter().parse(text) if name} <= names
    assert filled.startswith("x")
