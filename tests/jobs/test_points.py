"""Points as a model gives them, and the numbers that it keeps them by, in any text."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.jobs.points import (
    POINTS_FORMAT,
    REFINED_FORMAT,
    Marks,
    Point,
    has_bare_mark,
    is_broken,
    numbered,
    read_marks,
    read_points,
    unmarked,
)
from strategies import hostile_texts, texts

MARK = re.compile(r"\[#\s?\d{1,9}(?:[\s,;#]{1,4}\d{1,9})*\s?\]")

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts(3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts(2), inner, max_size=4),
    max_leaves=12,
)
marky = st.lists(
    st.sampled_from(
        [
            *("[#1]", "[#2]", "[#1, #2]", "[# 3 ]", "[#1;2]", "[#", "[", "]", "#1", "1", "[1]"),
            *("[2, 1]", " ", "\n", "\t", ". ", "- ", "A heron", "。", "[#\n1]", "[#٣]", "[[#1]]"),
            *(",", "(#1)"),
        ]
    )
    | texts(2),
    max_size=25,
).map("".join)
"""Texts full of what is, and what is nearly, a number."""


said_texts = texts(4).map(json.dumps).map(json.loads).filter(str.strip)
"""Texts as JSON tells them, which joins the two halves of a surrogate pair."""


def points_of(*points: object) -> str:
    """Write a reply."""
    return json.dumps({"points": points})


@given(
    st.lists(
        st.tuples(
            said_texts,
            st.lists(said_texts, max_size=3),
            st.lists(st.integers(), max_size=3),
        ),
        max_size=6,
    ),
    st.booleans(),
    st.sampled_from(["{}", "```json\n{}\n```", "Here:\n\n{}\n\nThat is all.", "\ufeff{}", "[{}]"]),
)
def test_points_are_read_as_written(
    said: list[tuple[str, list[str], list[int]]], ascii_only: bool, around: str
) -> None:
    """Text, quotes and numbers of each point come back, whatever stands around the JSON."""
    made = [{"text": text, "quotes": quotes, "points": kept} for text, quotes, kept in said]
    reply = around.replace("{}", json.dumps({"points": made}, ensure_ascii=ascii_only))
    assert read_points(reply) == tuple(
        Point(text=text.strip(), quotes=tuple(quotes), points=tuple(kept))
        for text, quotes, kept in said
    )


@given(texts() | values.map(json.dumps) | values.map(points_of))
def test_no_text_is_too_odd(reply: str) -> None:
    """Any text is read as points that say something, or as none."""
    for point in read_points(reply) or ():
        assert point.text == point.text.strip() != ""
        assert all(quote.strip() for quote in point.quotes)
        assert all(type(number) is int for number in point.points)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("", None),
        ("The ferry ran.", None),
        ("}{", None),
        ("{}", None),
        ("[]", None),
        ("[1, 2]", None),
        ("null", None),
        ('"points"', None),
        ('{"points": null}', None),
        ('{"points": "The ferry ran."}', None),
        ('{"points": {"text": "The ferry ran."}}', None),
        ('{"points": [}', None),
        ('{"points": []} and {"points": []}', ()),
        ('{"points": []}', ()),
        ('{"points": [null, 3, [], {}, "", " ", {"text": 3}, {"text": " "}]}', ()),
        ('{"points": ["A."]}', (Point(text="A."),)),
        ('{"points": [{"text": " A.\\n"}], "more": 1}', (Point(text="A."),)),
        ('{"points": [{"text": "A.", "quotes": "q"}]}', (Point(text="A.", quotes=("q",)),)),
        (
            '{"points": [{"text": "A.", "quotes": ["", 3, "q"]}]}',
            (Point(text="A.", quotes=("q",)),),
        ),
        (
            '{"points": [{"text": "A.", "quotes": null, "points": 2}]}',
            (Point(text="A.", points=(2,)),),
        ),
        (
            '{"points": [{"text": "A.", "points": [true, 1.0, "2", -3, 4]}]}',
            (Point(text="A.", points=(1, 2, -3, 4)),),
        ),
        ('{"points": [{"text": "\\ud800 \\u0000"}]}', (Point(text="\ud800 \0"),)),
        ('{"points": [{"text": "A.", "points": [' + "9" * 5_000 + "]}]}", None),
    ],
)
def test_replies(reply: str, expected: tuple[Point, ...] | None) -> None:
    """What is missing or of another kind is empty; what is no list of points is none."""
    assert read_points(reply) == expected


A = '{"points": [{"text": "A.", "quotes": ["q"]}]}'
B = '{"points": [{"text": "B."}]}'
POINT_A, POINT_B = Point(text="A.", quotes=("q",)), Point(text="B.")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        # What stands around the JSON, braces and all.
        (f"<think>{{x}} I write {B}.</think>\n{A}", POINT_A),
        (f"A set {{a, b}} and [c] first: {A}", POINT_A),
        (f"{A}\nThe set {{a, b}} is told by [#1] and {{'c'}}.", POINT_A),
        (f'{A} as in {{"a": 1}}', POINT_A),
        # The last whole ones that say something.
        (f"{A}\n\n{B}", POINT_B),
        (f"{B} or rather {A}", POINT_A),
        (f"{A} again: {B[:-5]}", POINT_A),
        (f'{A} or {{"points": []}}', POINT_A),
        # Lists, and what stands within another object.
        ('[{"text": "A.", "quotes": ["q"]}]', POINT_A),
        ('Here: [\n  {"text": "A.", "quotes": "q"}\n]', POINT_A),
        (f'{{"reply": {A}}}', POINT_A),
        (f'{{"thoughts": "none", {A[1:]}', POINT_A),
        (A[:-1], POINT_A),
        # Slips.
        ('{"points": [{"text": "A\n\tB."}]}', Point(text="A\n\tB.")),
        ('{"points": [{"text": "A.", "quotes": ["q",],},\n],\n}', POINT_A),
        (r'{"points": [{"text": "A\'s, \\\\ \"b\", ]"}]}', Point(text='A\'s, \\\\ "b", ]')),
        ('{"points": [{"text": "A, ] B.",}]}', Point(text="A, ] B.")),
        (f'A 5" pipe. {A[:-1]},}}', POINT_A),
        # Numbers.
        (
            '{"points": [{"text": "A.", "points": ["1", 2.0, "[#3]", " 4 ", 5.5, "x", "1e9"]}]}',
            Point(text="A.", points=(1, 2, 3, 4)),
        ),
        ('{"points": [{"text": "A.", "points": "7"}]}', Point(text="A.", points=(7,))),
        (
            '{"points": [{"points": [1e999, "12345678901", NaN, true], "text": "A."}]}',
            Point(text="A."),
        ),
    ],
)
def test_slips_are_forgiven(reply: str, expected: Point) -> None:
    """Small models write JSON that is nearly right, and more than they were asked for."""
    assert read_points(reply) == (expected,)
    assert not is_broken(reply)


@pytest.mark.parametrize(
    "reply",
    [
        *(A[:end] for end in range(1, len(A) - 1)),
        *(f"```json\n{A[:end]}" for end in range(len(A) - 1)),
        f"Here are the points:\n\n{A[:-6]}",
        f"<think>I could say {B}.</think>{A[:-4]}",
        '{"points": [{"points": [1], "text": "A."}, {"points": [2], "text": "B',
        '{"points": [{"text": "A.", "points": [1]}, {"text": "B.", "points": [2]}, {"te',
        '{"points": [{"text": "He said "no" to it.", "quotes": []}]}',
        "{'points': []}",
        "{}",
        "[]",
        '```\n[{"text": "A."},',
    ],
)
def test_broken_points_are_no_prose(reply: str) -> None:
    """What was cut off is not read in part, and can be told from prose."""
    assert read_points(reply) is None
    assert is_broken(reply)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "The ferry ran.",
        "[#1] The ferry ran.",
        "[1] The ferry ran. [2, 3]",
        "[Of the ferry] It ran.",
        "```markdown\n# Ferry\n```",
        "{x} is a set.",
        'The file lists "points": some are old, and {"points": 3} is one.',
        "null",
    ],
)
def test_prose_is_not_broken(reply: str) -> None:
    """Numbers, brackets and fences stand in prose too."""
    assert read_points(reply) is None
    assert not is_broken(reply)


@given(texts() | values.map(json.dumps))
def test_what_can_be_read_is_not_broken(reply: str) -> None:
    """A text is points, broken points, or prose."""
    assert not (is_broken(reply) and read_points(reply) is not None)


@pytest.mark.parametrize("form", [POINTS_FORMAT, REFINED_FORMAT], ids=["points", "refined"])
def test_forms_are_strict(form: dict[str, object]) -> None:
    """Every field is required, and no others are allowed, as servers demand of a strict form."""
    objects = re.findall(r'"additionalProperties": (\w+)', json.dumps(form))
    assert objects == ["false", "false"]
    wire = json.loads(json.dumps(form))["json_schema"]
    point = wire["schema"]["properties"]["points"]["items"]
    assert wire["strict"] is True
    assert point["required"] == list(point["properties"])
    assert ("points" in point["properties"]) == (form is REFINED_FORMAT)


HOSTILE = {
    **hostile_texts(300_000),
    **{
        f"{unit} again and again": unit * (300_000 // len(unit))
        for unit in (
            *(
                "{",
                "}",
                "{}",
                '{"points":',
                '{"points": [',
                "[",
                '{"',
                '[{"',
                "<think>",
                '"quotes": ,',
                '{"points": [],',
                "[#",
                "[#1",
                "[#1 ",
                "[#1, ",
                "[1",
            ),
            *("[1, ", "[#1]", "[1]", " [#1]", "\n[#1]", "[#1] \t", "[#111111111 ", "1 ", ", "),
            *("# ", '"', "\\", '\\"', '{"a":', "[#1;#", "[#\n", "  “"),
        )
    },
    "an open number": "[#1" + " 1" * 150_000,
    "an open bare number": "[1" + ",1" * 150_000,
    "blanks before a number": " " * 300_000 + "[#1]",
    "a number and blanks": "[#1]" + "\t" * 300_000,
    "JSON that is cut off": '{"points": [' + '{"text": "A."},' * 20_000 + "}",
    "many points": '{"points": [' + '{"text": "A."},' * 20_000 + '{"text": "B."}]}',
    "deep points": '{"points": ' + "[" * 120_000 + "]" * 120_000 + "}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_long_text_of_anything_is_read(name: str) -> None:
    """None of these texts stalls the reading, as one that is quadratic would for many minutes."""
    text = HOSTILE[name]
    read_points(text)
    is_broken(text)
    read_marks(text, 3)
    assert len(unmarked(text)) <= len(text)
    has_bare_mark(text)


@pytest.mark.parametrize(
    ("written", "text", "marks"),
    [
        ("A ran [#1].", "A ran.", ((5, (1,)),)),
        ("A ran. [#1]", "A ran.", ((6, (1,)),)),
        ("A ran.[#1] B ran.[#2]", "A ran. B ran.", ((6, (1,)), (13, (2,)))),
        ("A ran. [#1] B ran. [#2]", "A ran. B ran.", ((6, (1,)), (13, (2,)))),
        ("[#1] A ran.", "A ran.", ((0, (1,)),)),
        ("[#1]\tA ran.\n[#2]B ran.", "A ran.\nB ran.", ((0, (1,)), (7, (2,)))),
        ("[#1][#2] [#3] A ran.", "A ran.", ((0, (1,)), (0, (2,)), (0, (3,)))),
        ("P.\n[#1][#2] A ran.", "P.\nA ran.", ((3, (1,)), (3, (2,)))),
        ("A ran [#1][#2].", "A ran.", ((5, (1,)), (5, (2,)))),
        ("A ran [#1] [#2].", "A ran.", ((5, (1,)), (5, (2,)))),
        ("A ran [#1, #2].", "A ran.", ((5, (1, 2)),)),
        ("A ran [#1,2; 3 #4].", "A ran.", ((5, (1, 2, 3, 4)),)),
        ("A ran [# 12 ].", "A ran.", ((5, (12,)),)),
        ("A ran [#999999999].", "A ran.", ((5, (999_999_999,)),)),
        ("A [#1] ran.", "A ran.", ((1, (1,)),)),
        ("A ran \t [#1]\n\nB ran [#2]", "A ran\n\nB ran", ((5, (1,)), (12, (2,)))),
        ("- [#1] A ran.\n- B ran. [#2]", "- A ran.\n- B ran.", ((1, (1,)), (17, (2,)))),
        ("甲乙丙。[#1]丁[#2]。", "甲乙丙。丁。", ((4, (1,)), (5, (2,)))),
        ("A ran [#٣].", "A ran.", ((5, (3,)),)),
        ("[#1]", "", ((0, (1,)),)),
        ("[[#1]]", "[]", ((1, (1,)),)),
        ("A ran [#1\x002].", "A ran [#1\x002].", ()),
        ("A ran [#1234567890].", "A ran [#1234567890].", ()),
        ("A ran [#].", "A ran [#].", ()),
        ("A ran #1 (#1) [1#].", "A ran #1 (#1) [1#].", ()),
        # Bare numbers count where all are numbers of points, and none is written in full.
        ("A ran [1]. B ran [3, 2].", "A ran. B ran.", ((5, (1,)), (12, (3, 2)))),
        ("A ran [4].", "A ran [4].", ()),
        ("A ran [0].", "A ran [0].", ()),
        ("A ran [1, 4].", "A ran [1, 4].", ()),
        ("A ran [1]. B ran [4].", "A ran. B ran [4].", ((5, (1,)),)),
        ("A ran [1]. B ran [#2].", "A ran [1]. B ran.", ((16, (2,)),)),
        ("A ran [1]. B ran [#77].", "A ran [1]. B ran.", ((16, (77,)),)),
        ("", "", ()),
    ],
)
def test_numbers_are_taken_out(
    written: str, text: str, marks: tuple[tuple[int, tuple[int, ...]], ...]
) -> None:
    """Numbers go with the blanks before them, and where they stood is told."""
    assert read_marks(written, 3) == Marks(text=text, marks=marks)


@given(marky, st.integers(0, 4))
def test_the_rest_stays(written: str, given_points: int) -> None:
    """But for the numbers and blanks beside them each character is kept, and offsets are right."""
    full = MARK.findall(written)
    marks = read_marks(written, given_points)
    bare = [] if full else re.findall(r"\[\d[^\[\]]*\]", written)
    taken = iter(full) if full else iter(each for each in bare if is_known(each, given_points))
    rest = written
    pieces = list[str]()
    for offset, found in marks.marks:
        mark = next(taken)
        assert tuple(map(int, re.findall(r"\d+", mark))) == found
        before, _, rest = rest.partition(mark)
        pieces.append(before)
        assert solid(marks.text[:offset]) == solid("".join(pieces))
    assert next(taken, None) is None
    assert solid(marks.text) == solid("".join([*pieces, rest]))
    assert marks.text.count("\n") == "".join([*pieces, rest]).count("\n")
    offsets = [offset for offset, _ in marks.marks]
    assert offsets == sorted(offsets)


def is_known(mark: str, given_points: int) -> bool:
    """Whether a bare number, or several, is one, and of points that there are."""
    is_one = re.fullmatch(r"\[\d{1,9}(?:[\s,;]{1,3}\d{1,9})*\]", mark) is not None
    return is_one and all(1 <= int(each) <= given_points for each in re.findall(r"\d+", mark))


def solid(text: str) -> str:
    """Return a text without blanks."""
    return text.replace(" ", "").replace("\t", "")


@given(texts() | marky)
def test_texts_without_numbers_are_unchanged(text: str) -> None:
    """What holds no number, or none of a point that there is, comes back as it is."""
    if not MARK.search(text):
        assert read_marks(text, 0) == Marks(text=text, marks=())


@given(marky, st.integers(1, 99_999))
def test_numbered_sentences_have_one_number(text: str, number: int) -> None:
    """A numbered sentence stands on one line, and the only number in it is ours."""
    line = numbered(number, text)
    assert line.split() == [f"[#{number}]", *unmarked(" ".join(text.split())).split()]
    assert "\n" not in line
    assert [found for _, found in read_marks(line, 0).marks] == [(number,)]
    assert read_marks(line, 0).text == line.partition(" ")[2].strip(" ")


@given(marky)
def test_unmarked_texts_hold_no_number(text: str) -> None:
    """Numbers are defused, every other character but an indent stays, and once is enough."""
    plain = unmarked(text)
    assert not MARK.search(plain)
    assert unmarked(plain) == plain
    assert re.sub(r"[\[\]()\s]", "", plain) == re.sub(r"[\[\]()\s]", "", text)
    assert read_marks(plain, 0).text == plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("A ran [#3].", "A ran (#3)."),
        ("A ran [[#3]], [#1, #2].", "A ran [(#3)], (#1, #2)."),
        ("A ran [3] (#3) #3.", "A ran [3] (#3) #3."),
        ("  “A ran.”\n\t\u3000“B ran.”\n“C”\n  D “E”", "“A ran.”\n“B ran.”\n“C”\n  D “E”"),
        ("A.\n\n  “B.”\r\n  “C.”", "A.\n\n“B.”\r\n“C.”"),
    ],
)
def test_what_means_something_in_a_merge_is_defused(text: str, plain: str) -> None:
    """A number of its own, and an indented quotation, are no longer what they were."""
    assert unmarked(text) == plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [("as in [3].", True), ("as in [1, 2; 3]", True), ("as in [#3], (3), [a], [3a]", False)],
)
def test_bare_numbers_are_seen(text: str, expected: bool) -> None:
    """References such as [3] are told from all else."""
    assert has_bare_mark(text) is expected
