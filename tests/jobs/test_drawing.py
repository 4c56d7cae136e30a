"""Plans in plain text."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.jobs.drawing import draw_plans, draw_tree
from plans import level, plan
from strategies import texts

TREE = """\
summary: merge of up to 2 merges of 5 parts (characters, tokens, headings)
├─ merge 1 of parts 1 to 2
│  ├─ 1      0 to 1,000  ≈250 tokens  One
│  └─ 2  1,000 to 2,000  ≈250 tokens  One / Two
└─ merge 2 of parts 3 to 5
   ├─ 3  2,000 to 3,000  ≈250 tokens
   ├─ 4  3,000 to 4,000  ≈250 tokens  Two
   └─ 5  4,000 to 5,000  ≈250 tokens  Two / A b"""

FIVE = plan(
    level("map", (5, 5)),
    level("merge", (1, 2)),
    level("merge", (0, 1)),
    parts=5,
    headings=(("One",), ("One", "Two"), (), ("Two",), ("Two", "A\n  b")),
)


def test_tree() -> None:
    """The last merge is the root; below stand the merges, and the parts with their places."""
    assert draw_tree(FIVE) == TREE


def test_tree_in_ascii() -> None:
    """Where lines and corners cannot be written, other signs are used."""
    ascii_only = draw_tree(FIVE, encoding="ascii")
    signs = {"├─": "|-", "└─": "`-", "│": "|", "≈": "~"}
    assert ascii_only == re.sub("|".join(signs), lambda sign: signs[sign[0]], TREE)


@pytest.mark.parametrize(
    ("operation", "root"),
    [("single", "summary: one call ("), ("refine", "summary: refined over 3 parts in turn (")],
)
def test_tree_without_merges(operation: str, root: str) -> None:
    """One call, and calls one after the other, stand right above the parts that they read."""
    parts = 1 if operation == "single" else 3
    calls = level(operation, (parts, parts))  # type: ignore[arg-type] # one of its values
    lines = draw_tree(plan(calls, parts=parts, strategy=operation)).split("\n")
    assert lines[0].startswith(root)
    assert len(lines) == 1 + parts


def test_long_lists_are_cut_in_the_middle() -> None:
    """A tree fits its lines: the middle of a list is left out, and told."""
    merged = plan(level("map", (90, 90)), level("merge", (1, 1)), parts=90)
    lines = draw_tree(merged, lines=10).split("\n")
    assert len(lines) == 10
    assert lines[5] == "│  … 82 more …"
    assert lines[4].startswith("├─  4")
    assert lines[6].startswith("├─ 87")


def test_one_line_is_not_left_out_for_another() -> None:
    """Where the middle is one, it stands there itself."""
    merged = plan(level("map", (5, 5)), level("merge", (1, 1)), parts=5)
    for lines in (5, 6):
        drawn = draw_tree(merged, lines=lines).split("\n")
        assert len(drawn) == lines
    assert "more" not in draw_tree(merged, lines=6)


def test_no_part_has_more_tokens_than_the_largest() -> None:
    """The tokens of a part are estimated by its characters, and never above what is known."""
    merged = plan(level("map", (2, 2)), level("merge", (1, 1)), parts=2, document_tokens=900)
    assert draw_tree(merged).count("≈250 tokens") == 2


def test_what_lies_deep_is_left_out() -> None:
    """Where not all levels have room, the merges near the root are drawn."""
    merges = (level("merge", (1, most)) for most in (30, 10, 3, 1))
    deep = plan(level("map", (90, 90)), *merges, parts=90)
    lines = draw_tree(deep, lines=15).split("\n")
    assert lines[1:4] == [
        "├─ merge 1 of parts 1 to 27",
        "│  ├─ merge 1 of parts 1 to 9",
        "│  ├─ merge 2 of parts 10 to 18",
    ]
    assert len(lines) == 14


@given(
    st.integers(1, 400),
    st.lists(st.integers(1, 40), max_size=3),
    st.integers(4, 30),
    st.integers(20, 100),
    st.sampled_from(["utf-8", "ascii", "cp437", "latin-1"]),
    texts(8),
)
def test_any_tree_fits(  # noqa: PLR0917 - what hypothesis draws
    parts: int, merges: list[int], lines: int, width: int, encoding: str, title: str
) -> None:
    """Whatever the plan, the drawing keeps its lines, its width and its encoding."""
    below = sorted((min(each, parts) for each in merges), reverse=True)
    levels = [level("merge", (0, each)) for each in [*below, 1]]
    made = plan(
        level("map", (parts, parts)), *levels, parts=parts, headings=((title, "漢字" * 40),) * parts
    )
    drawn = draw_tree(made, lines=lines, width=width, encoding=encoding)
    assert drawn.encode(encoding)
    assert drawn.count("\n") < lines
    for line in drawn.split("\n"):
        assert len(line) <= width
        assert line.isprintable()


def test_wide_signs_take_two_cells() -> None:
    """A line is cut by what it takes of a terminal, where a Chinese sign is two cells wide."""
    single = plan(level("single", (1, 1)), strategy="single", headings=(("漢字" * 40,),))
    last = draw_tree(single, width=40).split("\n")[1]
    assert last == "└─ 1      0 to 1,000  ≈250 tokens  漢字"


def test_a_terminal_obeys_no_heading() -> None:
    """What a terminal would obey is replaced."""
    single = plan(level("single", (1, 1)), strategy="single", headings=(("A\x1b[2J\x07",),))
    assert draw_tree(single).endswith("A?[2J?")


TABLE = """\
model        chunks   calls  tokens in  tokens out    costs       to       time
gpt-4o-mini       4  5 to 6      6,000         900  $0.0100  $0.0300        3 s
gpt-6-luna        4  5 to 6      6,000         900  $0.0020  $0.0100        3 s  cheapest
mine              4  5 to 6      6,000         900  unknown  unknown  5 min 3 s"""


def test_table() -> None:
    """Plans stand side by side; the cheapest is marked, and an unknown price is none."""
    levels = (
        level("map", (4, 4), tokens_in=(4000, 4000), tokens_out=400),
        level("merge", (1, 2), tokens_in=(100, 2000), tokens_out=500),
    )
    cheap = {"cost_usd_at_least": Decimal("0.002"), "cost_usd_at_most": Decimal("0.01")}
    unknown = {"cost_usd_at_least": None, "cost_usd_at_most": None, "requests_per_minute": 1}
    plans = [
        plan(*levels, parts=4),
        plan(*levels, parts=4, model="gpt-6-luna", **cheap),
        plan(*levels, parts=4, model="mine", **unknown),
    ]
    assert draw_plans(plans) == TABLE
    assert "cheapest" not in draw_plans(plans[:1])
    assert "cheapest" not in draw_plans(plans[2:] * 2)
