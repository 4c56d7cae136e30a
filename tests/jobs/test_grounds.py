"""Holding what a model wrote against its source: its sentences, and what each rests on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit import Claim, Document, Passage, Span
from minikit.jobs.grounds import CITATIONS_AT_MOST, Grounds, without_unsupported
from minikit.jobs.points import Point
from minikit.jobs.provenance import Citation, Verdict, weakest
from strategies import proses, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

FERRY = "In the spring of 1741 the ferry took forty sheep over the river Elbe."
MILLER = "The miller of Wedel owed the crown three sacks of flour for every month."
BRIDGE = "A bridge of oak and stone was built by the guild of the coopers."
SALMON = "The salmon came back to the upper river when the old dam had gone."
SOURCE = f"# Of the ferry\n\n{FERRY} {MILLER}\n\n# Of the bridge\n\n{BRIDGE}\f{SALMON}\n"
ALL = Span(0, len(SOURCE))
GROUNDS = Grounds(Document(text=SOURCE, title="Annals"))
FIRST = Span(0, SOURCE.index("# Of the bridge"))
LIE = "The emperor rode to Prague with nine hundred horses at dawn"


def passage(text: str) -> Passage:
    """Return the place of a sentence of the source."""
    start = SOURCE.index(text)
    return Passage(cited_text=text, start=start, end=start + len(text))


def known(*quotes: str, verdict: Verdict = "found") -> list[Claim]:
    """Return claims as a model was given them, each with its quote."""
    return [
        Claim(
            text=f"Point {number}.",
            start=0,
            end=8,
            citations=(
                Citation(quote=quote, passages=(passage(quote),), verdict=verdict, score=100.0),
            ),
            verdict=verdict,
        )
        for number, quote in enumerate(quotes, 1)
    ]


def cited(claims: Sequence[Claim]) -> list[tuple[str, list[str]]]:
    """Return the sentences with what they quote."""
    return [
        (claim.text, [each.quote for each in claim.citations if each.verdict != "attributed"])
        for claim in claims
    ]


def check_places(text: str, claims: Sequence[Claim]) -> None:
    """Hold claims to the text that they are of: in order, apart, each where it says."""
    end = 0
    for claim in claims:
        assert end <= claim.start < claim.end
        assert text[claim.start : claim.end] == claim.text == claim.text.strip()
        end = claim.end
    assert end <= len(text)


def test_quotes_are_told_with_their_place() -> None:
    """A quote leads to its words, with title, heading and page."""
    text, (claim,) = GROUNDS.quoted([Point(text="Salmon came.", quotes=(SALMON,))], ALL)
    assert text == claim.text == "Salmon came."
    (citation,) = claim.citations
    assert (claim.verdict, citation.verdict, citation.score) == ("found", "found", 100)
    assert citation.passages == (
        Passage(
            cited_text=SALMON,
            start=SOURCE.index(SALMON),
            end=SOURCE.index(SALMON) + len(SALMON),
            document="Annals",
            headings=("Of the bridge",),
            page=2,
        ),
    )


def test_quotes_are_looked_for_in_their_part() -> None:
    """A quote from elsewhere is misattributed, and one from nowhere fabricated."""
    said = [
        Point(text="One.", quotes=(FERRY,)),
        Point(text="Two.", quotes=(SALMON,)),
        Point(text="Three.", quotes=(LIE,)),
        Point(text="Four."),
    ]
    text, claims = GROUNDS.quoted(said, FIRST)
    verdicts = ["found", "misattributed", "fabricated", "unsupported"]
    assert [claim.verdict for claim in claims] == verdicts
    assert text == "One. Two. Three. Four."
    check_places(text, claims)


def test_claim_is_as_weak_as_its_weakest_quote() -> None:
    """One lie beside a true quote is told as one."""
    _, (claim,) = GROUNDS.quoted([Point(text="One.", quotes=(FERRY, LIE))], ALL)
    assert [each.verdict for each in claim.citations] == ["found", "fabricated"]
    assert claim.verdict == "fabricated"
    assert claim.cited_text == FERRY


def test_claim_without_a_quote_is_told_its_likest_passages() -> None:
    """They are attributed, and the claim is unsupported all the same; nothing may be like it."""
    said = [
        Point(text=f"{MILLER[:-1]} and week."),
        Point(text="Qwertz uiop asdf."),
        Point(text="…"),
    ]
    _, (like, unlike, empty) = GROUNDS.quoted(said, ALL)
    assert [each.verdict for each in (like, unlike, empty)] == ["unsupported"] * 3
    assert like.citations[0].verdict == "attributed"
    assert like.citations[0].quote == ""
    assert like.citations[0].cited_text == MILLER
    assert unlike.citations == empty.citations == ()


def test_points_take_over_the_quotes_of_earlier_ones() -> None:
    """Numbers lead to the quotes of the claims beside, each once, and others to none."""
    earlier = known(FERRY, MILLER, FERRY)
    said = [
        Point(text="One.", points=(2, 1, 3, 2, 0, -1, 4, 10**30)),
        Point(text="Two.", points=(9,)),
        Point(text="Three.", points=(1,), quotes=(SALMON,)),
    ]
    text, claims = GROUNDS.quoted(said, ALL, earlier)
    assert cited(claims) == [("One.", [MILLER, FERRY]), ("Two.", []), ("Three.", [FERRY, SALMON])]
    assert [claim.verdict for claim in claims] == ["found", "unsupported", "found"]
    check_places(text, claims)


def test_attributed_passages_are_not_taken_over() -> None:
    """What was found for an unsupported claim afterwards is no quote for a later one."""
    bare = GROUNDS.attributed(FERRY)
    assert bare[0].verdict == "attributed"
    text, (claim,) = GROUNDS.kept("The ferry ran to the town. [#1]", bare)
    assert text == "The ferry ran to the town."
    assert claim.verdict == "unsupported"


@pytest.mark.parametrize("lies", [1, 2])
@pytest.mark.parametrize("at", [0, 5, CITATIONS_AT_MOST - 1, CITATIONS_AT_MOST, 40])
def test_a_lie_is_told_among_many_quotes(at: int, lies: int) -> None:
    """Citations are few, but the weakest is one of them, and decides."""
    quotes = [f"{FERRY}{' ' * number}" for number in range(40)]
    quotes[at:at] = [LIE] * lies
    _, (claim,) = GROUNDS.quoted([Point(text="One.", quotes=tuple(quotes))], ALL)
    assert len(claim.citations) == CITATIONS_AT_MOST
    assert claim.verdict == weakest(claim.citations) == "fabricated"
    many = known(*[FERRY] * 41)
    many[at] = replace(
        known(MILLER)[0], citations=(replace(known(MILLER)[0].citations[0], verdict="spliced"),)
    )
    distinct = [
        replace(each, citations=(replace(each.citations[0], quote=f"{number}"),))
        for number, each in enumerate(many)
    ]
    marks = "".join(f"[#{number}]" for number in range(1, 42))
    _, (claim,) = GROUNDS.kept(f"The ferry ran to the town {marks}.", distinct)
    assert len(claim.citations) == CITATIONS_AT_MOST
    assert claim.verdict == "spliced"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (["One.", "Two."], "One. Two."),
        (["- One.", "- Two."], "- One.\n- Two."),
        (["One.", "1. Two.", "2) Three."], "One.\n1. Two.\n2) Three."),
        (["# Head", "One.", "## Head", "Two."], "# Head\nOne.\n## Head\nTwo."),
        (["| a | b |", "| c | d |", "One."], "| a | b |\n| c | d |\nOne."),
        (["One.\n# Head", "Two."], "One.\n# Head\nTwo."),
        (["- One.", "Two."], "- One. Two."),
        (["甲乙。", "丙丁。"], "甲乙。 丙丁。"),
        ([], ""),
    ],
)
def test_points_are_joined_as_text(said: list[str], text: str) -> None:
    """Sentences follow each other on a line; items, headings and rows have lines of their own."""
    joined, claims = GROUNDS.quoted([Point(text=each) for each in said], ALL)
    assert joined == text
    assert [claim.text for claim in claims] == said
    check_places(joined, claims)


A, B, C = "The ferry ran to town.", "The miller owed the flour.", "The bridge was very long."
ZH_A, ZH_B, ZH_C = (
    "渡船在春天把四十只羊运过了易北河。",
    "磨坊主每个月欠王室三袋面粉。",
    "行会用橡木和石头建造了这座桥。",
)


@pytest.mark.parametrize(
    ("written", "text", "expected"),
    [
        (f"{A} [#1] {B} [#2]", f"{A} {B}", [(A, [1]), (B, [2])]),
        (f"{A[:-1]} [#1]. {B[:-1]} [#2].", f"{A} {B}", [(A, [1]), (B, [2])]),
        (f"{A}[#1]{B}[#2]".replace("[#1]", "[#1] "), f"{A} {B}", [(A, [1]), (B, [2])]),
        (f"{A} [#1][#3] {B} [#2, #3]", f"{A} {B}", [(A, [1, 3]), (B, [2, 3])]),
        ("The ferry [#1] ran to town [#2].", A, [(A, [1, 2])]),
        # A number at the head of a line, or of an item, is that of what follows.
        (f"[#1] {A}\n[#2] {B}", f"{A}\n{B}", [(A, [1]), (B, [2])]),
        (f"[#1] {A} [#2] {B} [#3] {C}", f"{A} {B} {C}", [(A, [1]), (B, [2]), (C, [3])]),
        (f"- [#1] {A}\n- [#2] {B}", f"- {A}\n- {B}", [(A, [1]), (B, [2])]),
        (f"- {A} [#1]\n- {B} [#2]", f"- {A}\n- {B}", [(A, [1]), (B, [2])]),
        (f"1. {A} [#1]\n2. [#2] {B}", f"1. {A}\n2. {B}", [(A, [1]), (B, [2])]),
        (f"{A} [#1]\n\n- [#2] {B}", f"{A}\n\n- {B}", [(A, [1]), (B, [2])]),
        (f"[#1] {A} [#2]", A, [(A, [1, 2])]),
        (f"{A}\n[#1] {B} [#2]", f"{A}\n{B}", [(A, []), (B, [1, 2])]),
        # One that stands alone is that of what comes before.
        (f"{A}\n\n[#1]\n\n{B} [#2]", f"{A}\n\n\n\n{B}", [(A, [1]), (B, [2])]),
        (f"{A}\n\n[#1]\n", A, [(A, [1])]),
        (f"\n [#1] {A}", A, [(A, [1])]),
        (f"[#1]\n\n{A}", A, [(A, [1])]),
        # Headings say nothing that could be cited; what follows them does.
        (f"# Head [#1]\n\n{A} [#2]", f"# Head\n\n{A}", [(A, [2])]),
        (f"{A} [#1]\n\n## Head [#2]\n\n{B}", f"{A}\n\n## Head\n\n{B}", [(A, [1]), (B, [])]),
        (f"#1 is told. {A} [#1]", f"#1 is told. {A}", [("#1 is told.", []), (A, [1])]),
        (f"{A} [#1] # {B}", f"{A} # {B}", [(A, [1]), (f"# {B}", [])]),
        ("# Head [#1]", "# Head", []),
        # Scripts without spaces.
        (f"{ZH_A}[#1]{ZH_B}[#2]", f"{ZH_A}{ZH_B}", [(ZH_A, [1]), (ZH_B, [2])]),
        (f"{ZH_A[:-1]}[#1]。{ZH_B[:-1]}[#2]。", f"{ZH_A}{ZH_B}", [(ZH_A, [1]), (ZH_B, [2])]),
        (
            f"[#1]{ZH_A}[#2]{ZH_B}[#3]{ZH_C}",
            f"{ZH_A}{ZH_B}{ZH_C}",
            [(ZH_A, [1]), (ZH_B, [2]), (ZH_C, [3])],
        ),
        # Bare numbers, where the model writes all of them so.
        (f"{A} [1] {B} [2, 3]", f"{A} {B}", [(A, [1]), (B, [2, 3])]),
        (f"{A} [1] {B} [#2]", f"{A} [1] {B}", [(f"{A} [1] {B}", [2])]),
        # What names nothing.
        (f"{A} [#9] {B} [#0, #2]", f"{A} {B}", [(A, []), (B, [2])]),
        (f"{A} {B}", f"{A} {B}", [(A, []), (B, [])]),
        ("[#1]", "", []),
        ("***\n\n[#1] … [#2]", "***\n\n…", []),
        (" \n ", "", []),
        ("", "", []),
    ],
)
def test_numbers_lead_sentences_to_quotes(
    written: str, text: str, expected: list[tuple[str, list[int]]]
) -> None:
    """Each sentence has the quotes of the points whose numbers stand at it, and no others."""
    quotes = [FERRY, MILLER, BRIDGE]
    kept, claims = GROUNDS.kept(written, known(*quotes))
    assert kept == text
    check_places(kept, claims)
    assert cited(claims) == [(said, [quotes[at - 1] for at in at_all]) for said, at_all in expected]
    for claim in claims:
        supported = any(each.verdict == "found" for each in claim.citations)
        assert claim.verdict == ("found" if supported else "unsupported")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        # What was torn after an ordinal or an abbreviation is whole again.
        ("Am 14. März beschloss er es. [#1]", [("Am 14. März beschloss er es.", [1])]),
        (
            "[#1] Am 14. März ging er. [#2] Er kam.",
            [("Am 14. März ging er.", [1]), ("Er kam.", [2])],
        ),
        (
            "Das war am 14. März. Am 15. Mai nicht. [#1]",
            [("Das war am 14. März.", []), ("Am 15. Mai nicht.", [1])],
        ),
        (
            "The fleet lost 14. Admiral O. left. [#1]",
            [("The fleet lost 14.", []), ("Admiral O. left.", [1])],
        ),
        ("Wilhelm II. regierte lange. [#1]", [("Wilhelm II. regierte lange.", [1])]),
        ("Ludwig XIV. König starb. [#1]", [("Ludwig XIV. König starb.", [1])]),
        ("There were approx. 5 men. [#1]", [("There were approx. 5 men.", [1])]),
        ("Er kam bzw. etwas kam. [#1]", [("Er kam bzw. etwas kam.", [1])]),
        ("“What now?” asked Pierre. [#2]", [("“What now?” asked Pierre.", [2])]),
        ("# Wilhelm II. regierte\n\nEr kam. [#1]", [("Er kam.", [1])]),
        # A number ends a sentence, however that looks.
        ("It took 14. [#1] März ran. [#2]", [("It took 14.", [1]), ("März ran.", [2])]),
        ("It took 14 [#1]. März ran.", [("It took 14.", [1]), ("März ran.", [])]),
        # Whole sentences stay apart.
        (
            "He left at noon. The king died. [#1]",
            [("He left at noon.", []), ("The king died.", [1])],
        ),
        ("It killed 12. The king died. [#1]", [("It killed 12.", []), ("The king died.", [1])]),
        (
            "He took volume II. King Otto died. [#1]",
            [("He took volume II.", []), ("King Otto died.", [1])],
        ),
        ("Born in 1914. Otto died. [#1]", [("Born in 1914.", []), ("Otto died.", [1])]),
        ("It was hot. 5 men died. [#1]", [("It was hot.", []), ("5 men died.", [1])]),
        (
            "he left at noon. the king died. [#1]",
            [("he left at noon.", []), ("the king died.", [1])],
        ),
        (f"{ZH_A} iOS在夏天运过了河。[#1]", [(ZH_A, []), ("iOS在夏天运过了河。", [1])]),
        ("He went on the 14.\nMärz came. [#1]", [("He went on the 14.", []), ("März came.", [1])]),
        # Headings have no numbers; what goes on after them on their line does.
        (f"# Head. [#1] {A} [#2]", [(A, [2])]),
        (f"{A} [#1]\n\n# Head [#2]. {B} [#3] {C}", [(A, [1]), (B, [3]), (C, [])]),
    ],
)
def test_sentences_are_not_torn(written: str, expected: list[tuple[str, list[int]]]) -> None:
    """A date, a name or an abbreviation does not part a sentence from its number."""
    quotes = [FERRY, MILLER, BRIDGE]
    kept, claims = GROUNDS.kept(written, known(*quotes))
    check_places(kept, claims)
    assert cited(claims) == [(said, [quotes[at - 1] for at in at_all]) for said, at_all in expected]


def test_long_sentences_are_not_joined_again() -> None:
    """What was cut since it never ends stays cut, and torn sentences are no claims unquoted."""
    text = "The " + "heron and the otter " * 60
    assert len(GROUNDS.attributed(text)) > 3
    claims = GROUNDS.attributed("Am 14. März beschloss der Rat den Bau. Er kam.")
    assert [claim.text for claim in claims] == ["Am 14. März beschloss der Rat den Bau.", "Er kam."]


SAID = [f"{A} {B}", f"- {C}\n", A, f"{A} As told in [#7] it was so!", "# Head"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        # A point of several sentences, with its number at the end or without any.
        (f"{A} {B} [#1]", [(A, [1]), (B, [1])]),
        (f"{A} {B}", [(A, [1]), (B, [1])]),
        (f"{A} As told in (#7) it was so. [#4]", [(A, [4]), ("As told in (#7) it was so.", [4])]),
        # The point that says no more, where none is named.
        (A, [(A, [3])]),
        (f"{A} {C} [#2]", [(A, [3]), (C, [2])]),
        # Spaces, case and the sign at the end do not matter.
        (f"- {B.upper()[:-1]}!\n- the  bridge was\tvery long", None),
        ("As told in (#7) it was so", [("As told in (#7) it was so", [4])]),
        # Numbers that stand there count alone, and what says more or less is another sentence.
        (f"{A} [#2] {B} [#9]", [(A, [2]), (B, [])]),
        (f"{B[:-1]} twice. The bridge. [#2]", [(f"{B[:-1]} twice.", []), ("The bridge.", [2])]),
    ],
)
def test_points_are_known_again(written: str, expected: list[tuple[str, list[int]]] | None) -> None:
    """A sentence that was copied without its number keeps what was quoted for it."""
    quotes = [FERRY, MILLER, BRIDGE, SALMON, LIE]
    points = [
        replace(claim, text=said)
        for claim, said in zip(known(*quotes[:4], FERRY), SAID, strict=True)
    ]
    kept, claims = GROUNDS.kept(written, points)
    check_places(kept, claims)
    if expected is None:
        assert [each.quote for claim in claims for each in claim.citations] == [FERRY, MILLER]
        return
    assert cited(claims) == [(said, [quotes[at - 1] for at in at_all]) for said, at_all in expected]


def test_bare_numbers_of_the_document_are_no_points() -> None:
    """Where the source or the points hold references such as [1], only [#1] leads to a quote."""
    plain = known(FERRY)
    referring = [replace(plain[0], text="Point [1].")]
    source = Grounds(Document(text=f"{SOURCE} As was said elsewhere [1]."))
    for grounds, points in ((GROUNDS, referring), (source, plain)):
        text, (claim,) = grounds.kept(f"{A[:-1]} [1].", points)
        assert (text, claim.verdict) == (f"{A[:-1]} [1].", "unsupported")
        text, (claim,) = grounds.kept(f"{A[:-1]} [1] [#1].", points)
        assert (text, claim.verdict) == (f"{A[:-1]} [1].", "found")


def test_sentences_are_attributed() -> None:
    """Without quotes each sentence has the passages most like it; headings have none."""
    text = f"# Of the ferry\n\n- {FERRY}\n- {LIE}\n\n{SALMON[:-1]}, at last."
    claims = GROUNDS.attributed(text)
    check_places(text, claims)
    assert [claim.text for claim in claims] == [FERRY, LIE, f"{SALMON[:-1]}, at last."]
    assert [claim.verdict for claim in claims] == ["attributed", "unsupported", "attributed"]
    assert claims[0].cited_text == FERRY
    assert claims[0].citations[0].score == 100
    assert claims[1].citations == ()
    assert GROUNDS.attributed("") == GROUNDS.attributed("# Head\n\n***") == ()


def test_evidence_is_quoted_on_one_line() -> None:
    """The sentences of a part that back its summary are given, and looked up once."""
    source = f"{SALMON}\n\nThe ferry took forty\n  sheep over\tthe river.\n\n{MILLER}"
    grounds = Grounds(Document(text=source))
    within = Span(len(SALMON), len(source))
    text = "Forty sheep went by ferry over the river. Salmon came back to the upper river."
    found = grounds.evidence(text, within, max_characters=200)
    assert found == ["The ferry took forty sheep over the river."]
    assert grounds.evidence(text, within, max_characters=200) is found
    assert grounds.evidence(text, within, max_characters=10) == []


@given(texts(), texts(20), st.integers(0, 400))
def test_evidence_that_was_prepared(source: str, text: str, most: int) -> None:
    """What was studied before the summary was there finds the same."""
    within = Span(len(source) // 3, len(source))
    grounds, studied = Grounds(Document(text=source)), Grounds(Document(text=source))
    studied.study(within)
    expected = grounds.evidence(text, within, max_characters=most)
    assert studied.evidence(text, within, max_characters=most) == expected


def test_many_threads_find_the_same() -> None:
    """Several threads may ask at once."""
    said = [Point(text=f"One {number}.", quotes=(FERRY, MILLER, LIE)) for number in range(20)]
    grounds = Grounds(Document(text=SOURCE, title="Annals"))
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: grounds.quoted(said, ALL), range(16)))
    assert all(each == GROUNDS.quoted(said, ALL) for each in found)


def judged(text: str, unsupported: set[int]) -> tuple[Claim, ...]:
    """Return the claims of a text; those at `unsupported` are, and the others not."""
    return tuple(
        replace(each, citations=(), verdict="unsupported" if number in unsupported else "found")
        for number, each in enumerate(GROUNDS.attributed(text))
    )


@pytest.mark.parametrize(
    ("text", "unsupported", "expected"),
    [
        (f"{A} {B} {C}", {1}, f"{A} {C}"),
        (f"{A} {B} {C}", {0}, f"{B} {C}"),
        (f"{A} {B} {C}", {2}, f"{A} {B}"),
        (f"{A} {B} {C}", {0, 1, 2}, ""),
        (f"{A} {B} {C}", set(), f"{A} {B} {C}"),
        # Paragraphs stay apart, and no empty one is left.
        (f"{A} {B}\n\n{C}", {1}, f"{A}\n\n{C}"),
        (f"{A}\n\n{B}\n\n{C}", {1}, f"{A}\n\n{C}"),
        (f"{A}\n\n{B} {C}", {1}, f"{A}\n\n{C}"),
        (f"{A}\n\n{B}\n\n{C}", {0}, f"{B}\n\n{C}"),
        (f"{A}\n\n{B}\n\n{C}", {2}, f"{A}\n\n{B}"),
        (f"{A}\r\n\r\n{B}\r\n\r\n{C}", {1}, f"{A}\r\n\r\n{C}"),
        # Items go with their marks.
        (f"- {A}\n- {B}\n- {C}", {1}, f"- {A}\n- {C}"),
        (f"- {A}\n- {B}\n- {C}", {0}, f"- {B}\n- {C}"),
        (f"- {A}\n- {B}\n- {C}", {2}, f"- {A}\n- {B}"),
        (f"- {A}\n- {B}\n- {C}", {0, 1, 2}, ""),
        (f"- {A} {B}\n- {C}", {1}, f"- {A}\n- {C}"),
        (f"- {A} {B}\n- {C}", {0}, f"- {B}\n- {C}"),
        (f"- {A} {B}\n- {C}", {0, 1}, f"- {C}"),
        (f"* {A}\n  * {B}\n  * {C}", {1}, f"* {A}\n  * {C}"),
        (f"1. {A}\n2. {B}\n3. {C}", {1}, f"1. {A}\n3. {C}"),
        (f"{A}\n\n- {B}\n\n{C}", {1}, f"{A}\n\n{C}"),
        # Headings stay, as does what else is on a line.
        (f"# Head\n\n{A}\n\n# More\n\n{B}", {0}, f"# Head\n\n# More\n\n{B}"),
        (f"# Head\n\n{A}\n\n# More\n\n{B}", {1}, f"# Head\n\n{A}\n\n# More"),
        (f"# Head. {A}\n\n{B}", {0}, f"# Head.\n\n{B}"),
        (f"# Head\n\n{A} {B}\n\n***\n\n{C}", {0, 1}, f"# Head\n\n***\n\n{C}"),
        (f"{ZH_A}{ZH_B}{ZH_C}", {1}, f"{ZH_A}{ZH_C}"),
        (f"{ZH_A}{ZH_B}\n{ZH_C}", {1}, f"{ZH_A}\n{ZH_C}"),
        (f"{ZH_A}{ZH_B}\n{ZH_C}", {0, 1}, ZH_C),
        ("", set(), ""),
        ("# Head\n", set(), "# Head"),
    ],
)
def test_unsupported_sentences_are_dropped(text: str, unsupported: set[int], expected: str) -> None:
    """They go with the line that they leave empty; the others stay as they stood."""
    claims = judged(text, unsupported)
    kept, left = without_unsupported(text, claims)
    assert kept == expected
    check_places(kept, left)
    assert [each.text for each in left] == [each.text for each in claims if each.is_supported]


written = st.one_of(
    texts(12),
    proses(12),
    st.lists(
        st.sampled_from(
            [A, B, C, ZH_A, ZH_B, " ", " ", "\n", "\n\n", "- ", "# ", "[#1]", " [#2]", "***"]
        ),
        max_size=16,
    ).map("".join),
)


@given(written)
def test_claims_stand_where_they_say(text: str) -> None:
    """Whatever was written, kept and attributed sentences are found at their offsets."""
    kept, claims = GROUNDS.kept(text, known(FERRY, MILLER))
    check_places(kept, claims)
    assert kept == kept.strip()
    for claim in claims:
        assert claim.verdict in ("found", "unsupported")
        assert any(map(str.isalnum, claim.text))
    check_places(text, GROUNDS.attributed(text))


@given(st.lists(st.tuples(texts(3).map(str.strip).filter(bool), st.lists(texts(2), max_size=2))))
def test_points_stand_where_they_say(said: list[tuple[str, list[str]]]) -> None:
    """Whatever points are made, each is found at its offset, with a verdict for each quote."""
    points = [Point(text=text, quotes=tuple(quotes)) for text, quotes in said]
    text, claims = GROUNDS.quoted(points, FIRST)
    check_places(text, claims)
    assert [claim.text for claim in claims] == [point.text for point in points]
    for claim, point in zip(claims, points, strict=True):
        assert claim.verdict == (weakest(claim.citations) if point.quotes else "unsupported")


@given(written, st.sets(st.integers(0, 12)))
def test_dropping_keeps_the_rest(text: str, unsupported: set[int]) -> None:
    """All that is no dropped sentence or mark of an item stays, on the same lines as before."""
    claims = judged(text, unsupported)
    kept, left = without_unsupported(text, claims)
    check_places(kept, left)
    assert [each.text for each in left] == [each.text for each in claims if each.is_supported]
    ends = [0, *(claim.end for claim in claims)]
    starts = [*(claim.start for claim in claims), len(text)]
    gaps = [text[end:start] for end, start in zip(ends, starts, strict=True)]
    between, apart = gaps[0], list[str]()
    for claim, gap in zip(claims, gaps[1:], strict=True):
        if claim.is_supported:
            apart.append(between)
            between = gap
        else:
            between += gap
    ends_left = [0, *(each.end for each in left)]
    starts_left = [*(each.start for each in left), len(kept)]
    gaps_left = [kept[end:start] for end, start in zip(ends_left, starts_left, strict=True)]
    for before, after in zip(apart[1:], gaps_left[1:-1], strict=True):
        assert ("\n" in before) == ("\n" in after)
    for before, after in zip([*apart, between], gaps_left, strict=True):
        assert words(before) == words(after)


def words(gap: str) -> str:
    """Return the letters of what stands between sentences."""
    return "".join(filter(str.isalpha, gap))
