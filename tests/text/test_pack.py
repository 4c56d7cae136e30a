from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.errors import ArgumentError, ContextOverflowError
from minikit.models.model import Model
from minikit.text.pack import Packed, Part, Shrink, pack
from minikit.text.shorten import ELLIPSIS, cut_middle, keep_head, keep_tail
from minikit.tokens.chat import count_tokens
from minikit.tokens.counting import count_text
from minikit.tokens.messages import Message
from strategies import texts

ENCODING = "o200k_base"
STORY = " ".join(f"The ship number {n} left the harbour at dawn." for n in range(50))
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}

roles = st.sampled_from(["system", "user", "assistant"])
shrinks = st.sampled_from(["drop", "keep_head", "keep_tail", "cut_middle"])
prose = st.integers(0, 40).map(lambda n: STORY[: n * 45])
common = {"role": roles, "priority": st.integers(-2, 2), "required": st.booleans()}
single = st.builds(Part, text=texts() | prose, shrink=shrinks, **common)
several = st.builds(
    Part,
    text=st.lists(prose, max_size=5),
    shrink=st.sampled_from(["drop", "drop_oldest"]),
    **common,
)
part_lists = st.lists(single | several, max_size=6)


def _model(window: int) -> Model:
    return Model(id="small", context_window=window, max_output_tokens=50)


def _pack(parts: list[Part], window: int) -> Packed:
    return pack(parts, model=_model(window), max_output_tokens=50)


def _starts_with(messages: list[Message], beginning: tuple[Message, ...]) -> bool:
    return tuple(messages[: len(beginning)]) == beginning


def _kept_lengths(packed: Packed, parts: list[Part]) -> list[int]:
    """Characters kept of each part, by priority; the mark of a cut is none."""
    lengths: list[int] = []
    messages = list(packed.messages)
    for entry in packed.account:
        length = 0
        tokens = entry.tokens_after
        while tokens > 0:
            message = messages.pop(0)
            tokens -= count_tokens([message], model=_model(1000)) - 3
            length += len(str(message.content)) - (entry.outcome == "cut") * len(f" {ELLIPSIS} ")
        lengths.append(length)
    order = sorted(range(len(parts)), key=lambda n: (not parts[n].required, -parts[n].priority))
    return [lengths[n] for n in order]


@given(part_lists, st.integers(60, 1500))
@settings(max_examples=150)
def test_the_promises(parts: list[Part], window: int) -> None:
    """What is packed fits, adds up, keeps the order, and keeps whole what is required."""
    try:
        packed = _pack(parts, window)
    except ContextOverflowError:
        required = [m for part in parts if part.required for m in part.to_messages()]
        assert count_tokens(required, model=_model(window)) > window - 50
        return
    assert packed.tokens == count_tokens(packed.messages, model=_model(window)) <= window - 50
    assert packed.tokens == 3 + sum(entry.tokens_after for entry in packed.account)
    rest = list(packed.messages)
    for part, entry in zip(parts, packed.account, strict=True):
        whole = part.to_messages()
        size = count_tokens(whole, model=_model(window)) - 3
        assert entry.tokens_before == size >= entry.tokens_after
        if entry.outcome == "kept":
            assert [rest.pop(0) for _ in whole] == list(whole)
        elif entry.outcome == "cut" and part.shrink != "drop_oldest":
            cut = rest.pop(0)
            assert ELLIPSIS in cut.content
            assert (cut.role, cut.name) == (whole[0].role, whole[0].name)
        elif entry.outcome == "cut":
            number = next(n for n in range(1, len(whole)) if _starts_with(rest, whole[n:]))
            assert size > count_tokens(whole[number:], model=_model(window)) - 3
            del rest[: len(whole) - number]
        else:
            assert entry.tokens_after == 0
        assert not (part.required and entry.outcome != "kept")
    assert rest == []


@given(part_lists, st.integers(60, 1000), st.integers(1, 300))
@settings(max_examples=150)
def test_a_larger_window_keeps_no_less(parts: list[Part], window: int, more: int) -> None:
    """The first part by priority that a larger window changes is one of which more is kept."""
    try:
        small = _pack(parts, window)
    except ContextOverflowError:
        return
    assert _kept_lengths(_pack(parts, window + more), parts) >= _kept_lengths(small, parts)


def test_parts_by_priority_in_the_order_given() -> None:
    """Priority says what is kept; the order of sending is that of the parts."""
    parts = [
        Part(text="You answer from the passages.", role="system", name="system", required=True),
        Part(text="far " * 40, name="far", priority=1),
        Part(text="near " * 40, name="near", priority=2),
        Part(text="What is a ship?", required=True),
    ]
    packed = _pack(parts, 130)
    assert [entry.outcome for entry in packed.account] == ["kept", "dropped", "kept", "kept"]
    assert [entry.name for entry in packed.account] == ["system", "far", "near", "part 4"]
    assert [message.role for message in packed.messages] == ["system", "user", "user"]
    assert "tokens were left of the window" in packed.account[1].reason
    assert packed.account[0].reason == "it is required"
    assert "fits" in packed.account[2].reason


def test_a_history_loses_its_oldest_turns() -> None:
    """Turns are dropped whole from the oldest on, and an answer of a tool with its call."""
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    history = [
        Message(role="user", content="one " * 30),
        Message(role="assistant", content="", tool_calls=(call,)),
        Message(role="tool", content="two", tool_call_id="1"),
        Message(role="user", content="three"),
    ]
    part = Part(messages=history, shrink="drop_oldest")
    assert _pack([part], 200).messages == tuple(history)
    assert _pack([part], 53 + 16).messages == tuple(history[3:])
    assert _pack([part], 53 + 1).messages == ()
    assert _pack([part], 53 + 1).account[0].outcome == "dropped"


@pytest.mark.parametrize(
    ("shrink", "begins", "ends"),
    [
        ("keep_head", "The ship number 0 left", f"dawn. {ELLIPSIS}"),
        ("keep_tail", f"{ELLIPSIS} The ship number", "number 49 left the harbour at dawn."),
        ("cut_middle", "The ship number 0 left", "number 49 left the harbour at dawn."),
    ],
)
def test_text_is_cut_at_sentences_with_a_mark(shrink: Shrink, begins: str, ends: str) -> None:
    """What is missing is marked, and the cuts lie at sentences where one is near."""
    packed = _pack([Part(text=STORY, shrink=shrink)], 250)
    [message] = packed.messages
    assert str(message.content).startswith(begins)
    assert str(message.content).endswith(ends)
    assert packed.account[0].outcome == "cut"
    assert 160 <= packed.tokens <= 200


def test_the_middle_is_cut_out() -> None:
    """Beginning and end are joined by the mark with a space on either side."""
    assert f"dawn. {ELLIPSIS} The ship" in cut_middle(STORY, 150, ENCODING)


def test_text_without_sentences_is_cut_at_words() -> None:
    """Where no sentence ends near, a word does."""
    text = "alpha beta " * 200
    assert keep_head(text, 40, ENCODING).removesuffix(f" {ELLIPSIS}").split()[-1] in text.split()
    assert keep_tail(text, 40, ENCODING).split()[1] in ("alpha", "beta")


@given(texts(), st.integers(-5, 60))
@settings(max_examples=150)
def test_cuts_fit(text: str, max_tokens: int) -> None:
    """A cut is within its tokens, marked, and made of the text; or it is nothing."""
    for cut in (keep_head, keep_tail, cut_middle):
        kept = cut(text, max_tokens, ENCODING)
        assert kept == "" or count_text(kept, ENCODING) <= max_tokens
        assert (ELLIPSIS in kept) == bool(kept)
    assert text.startswith(keep_head(text, max_tokens, ENCODING).removesuffix(f" {ELLIPSIS}"))
    assert text.endswith(keep_tail(text, max_tokens, ENCODING).removeprefix(f"{ELLIPSIS} "))


def test_empty_texts_make_no_message() -> None:
    """A passage that is missing costs nothing and sends nothing."""
    packed = _pack([Part(text=""), Part(text=["", "x"])], 100)
    assert [message.content for message in packed.messages] == ["x"]
    assert [entry.outcome for entry in packed.account] == ["kept", "kept"]


def test_required_parts_that_do_not_fit() -> None:
    """The error says what is needed, what there is, which parts are large, and the way out."""
    parts = [Part(text=STORY, name="story", required=True), Part(text="Why?", required=True)]
    needed = count_tokens([m for part in parts for m in part.to_messages()], model=_model(300))
    with pytest.raises(
        ContextOverflowError,
        match=rf"need {needed} tokens \('story' \d+, 'part 2' \d+\), but 'small' has room for 250 "
        r"beside a reply of 50; .* lower max_output_tokens",
    ):
        _pack(parts, 300)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text": "a", "messages": [{"role": "user", "content": "b"}]}, "not both"),
        ({"text": "a", "role": "tool"}, "the role of a text is .* not 'tool'"),
        ({"text": "a", "role": "owner"}, "the role of a text is .* not 'owner'"),
        ({"text": "a", "priority": 1.5}, "priority is an int, .* not 1.5"),
        ({"text": "a", "priority": True}, "priority is an int, .* not True"),
        ({"text": "a", "shrink": "squeeze"}, "shrink is one of .* not 'squeeze'"),
        ({"text": ["a", "b"], "shrink": "keep_head"}, "cuts one text, not 2"),
        (
            {"messages": [{"role": "user", "content": [IMAGE]}], "shrink": "keep_tail"},
            "cuts text; give images in another part",
        ),
    ],
)
def test_parts_that_cannot_be(fields: dict[str, Any], message: str) -> None:
    """A part that contradicts itself is refused when it is made."""
    with pytest.raises(ArgumentError, match=message):
        Part(**fields)


def test_what_is_no_part() -> None:
    """Texts and mappings are not taken for parts."""
    parts: Any = ["text"]
    with pytest.raises(ArgumentError, match="a list of Part, not of str"):
        _pack(parts, 100)


def test_a_repr_shows_no_text() -> None:
    """The text of a part stays out of logs."""
    part = replace(Part(text="secret"), name="history")
    assert repr(part) == (
        "Part(<1 messages>, name='history', priority=0, required=False, shrink='drop')"
    )


def test_parts_must_be_several() -> None:
    """What is no list of parts is refused by its type."""
    with pytest.raises(ArgumentError, match="a list of Part, not int"):
        pack(5, max_output_tokens=1)  # type: ignore[arg-type]


def test_a_part_that_fits_exactly_is_kept() -> None:
    """What takes all that is left is whole, and one token less drops it."""
    parts = [Part(text="The ship left."), Part(text="It rained at dawn.", shrink="drop")]
    exact = _pack(parts, 1_000).tokens + 50
    assert [entry.outcome for entry in _pack(parts, exact).account] == ["kept", "kept"]
    assert [entry.outcome for entry in _pack(parts, exact - 1).account] == ["kept", "dropped"]


def test_the_newest_turns_fill_what_is_left_exactly() -> None:
    """Each turn counts as long as it is: a long one before short ones goes first."""
    turns = [STORY[:45], STORY[:900], STORY[:90], STORY[:45]]
    part = Part(text=turns, shrink="drop_oldest")
    for kept in range(1, 4):
        exact = _pack([Part(text=turns[-kept:])], 10_000).tokens + 50
        assert [m.content for m in _pack([part], exact).messages] == turns[-kept:]
        assert [m.content for m in _pack([part], exact - 1).messages] == turns[
            len(turns) - kept + 1 :
        ]


def test_the_largest_required_parts_are_named() -> None:
    """The error names the three largest of the parts that must stay, and their tokens."""
    parts = [Part(text=STORY[: n * 90], name=f"p{n}", required=True) for n in (1, 4, 2, 3)]
    sizes = [_pack([part], 10_000).account[0].tokens_after for part in parts]
    told = rf"\('p4' {sizes[1]}, 'p3' {sizes[3]}, 'p2' {sizes[2]}\), but 'small'"
    with pytest.raises(ContextOverflowError, match=told):
        _pack(parts, 100)
