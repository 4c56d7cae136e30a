from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.text.grounding import grusky_coverage, ungrounded
from minikit.text.units import units
from minikit.text.words import terms
from strategies import proses, texts

SOURCE = """
The board of Acme Corp. met in Paris on 12 March 2024. Anna Smith, who leads the European Union
desk, said that sales rose by 12.5 % to 1,204 units, of which four hundred and twenty went to
Russia. In April the plant of Natásha Rostova's cousin, John O'Brien, closes; 7 of twenty-five
workers stay. It was founded on the third of May, and Java Bayes is what they use. In 1994 all
was well.
"""


def _found(summary: str, source: str = SOURCE) -> list[tuple[str, str]]:
    return [(each.kind, each.text) for each in ungrounded(summary, source)]


@given(texts(), texts())
@settings(max_examples=200)
def test_what_is_found_stands_in_the_summary(summary: str, source: str) -> None:
    """Any two texts are compared; what is found is in order, apart, and quoted right."""
    found = ungrounded(summary, source)
    assert all(summary[each.start : each.end] == each.text != "" for each in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert found == ungrounded(summary, source)
    assert 0 <= grusky_coverage(summary, source) <= 1


@given(texts() | proses(), st.data())
def test_sentences_of_the_source_are_grounded(source: str, data: st.DataObject) -> None:
    """A summary made of sentences of its source holds nothing that is not there."""
    sentences = [source[unit.start : unit.end] for unit in units(source)]
    if sentences:
        chosen = data.draw(st.lists(st.sampled_from(sentences), max_size=5))
        assert ungrounded("\n\n".join(chosen), source) == ()
        assert grusky_coverage("\n\n".join(chosen), source) == 1


@pytest.mark.parametrize(
    "summary",
    [
        "On 2024-03-12 sales rose, and on March 12th, 2024 the board met in March 2024.",
        "The 12/03/2024 meeting of 3 May was on 3 May 2024.",
        "Sales rose 12.5%, to 1204 units: 1 204, or 1.204 as some write.",
        "There were 25 workers; 420 units, or four hundred and twenty, or 12,5 percent.",
        "For two reasons, first and second, three people left 1 town.",
        "1. Sales rose.\n2) Costs fell.\n9. In chapter 14 the x86 of mn005 failed.",
        "The EU desk under Smith; A. Smith; Russians; Rostova and Natasha; O'Brien.",
        "Then Corp met JavaBayes. Nevertheless, all agreed.",
        "They met in the 1990s, in May, in March and in 1994.",
        "In Russian, Smith's desk had 1 more. It was on a day of 2024.",
    ],
)
def test_what_is_in_the_source_in_another_form(summary: str) -> None:
    """Numbers, dates and names may be written otherwise."""
    assert _found(summary) == []


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ("Sales rose to 1,205 units.", [("number", "1,205")]),
        ("Sales rose by 12.6 %.", [("number", "12.6")]),
        ("All thirty-six workers stay.", [("number", "thirty-six")]),
        ("The board met on 13 March 2024.", [("date", "13 March 2024")]),
        ("The board met on 12 March 2023.", [("date", "12 March 2023")]),
        ("It was founded on 3 May 1900.", [("date", "3 May 1900")]),
        ("It closed in 1887; 1888 men left.", [("date", "1887"), ("number", "1888")]),
        ("It was like the 1880s.", [("number", "1880")]),
        ("They meet on every Friday in July.", [("date", "Friday"), ("date", "July")]),
        ("Sales rose in Germany, said Bob Miller.", [("name", "Germany"), ("name", "Bob Miller")]),
        ("The USA and NATO agree.", [("name", "USA"), ("name", "NATO")]),
        ("Sales of FooBar fell.", [("name", "FooBar")]),
        ("The release is 3.11.24.", [("number", "3.11.24")]),
    ],
)
def test_what_is_not_in_the_source(summary: str, expected: list[tuple[str, str]]) -> None:
    """What was changed or made up is told, with its kind."""
    assert _found(summary) == expected


def test_a_german_source() -> None:
    """Nouns are no names, and small numbers may be words of another language."""
    source = (
        "Der Vorstand der Siemens AG tagte am 12. März 2024 in München. Der Umsatz stieg um zwölf "
        "Prozent auf 1.204 Millionen Euro. Das sagte Roland Busch, der das Werk in Köln schließt."
    )
    summary = (
        "Die Schließung der Kölner Fabrik wurde am 12.03.2024 von Roland Busch verkündet; der "
        "Erlös stieg um 12 % auf 1,204 Milliarden Euro. Das Kanzleramt und Olaf Scholz haben "
        "die 450 Kündigungen kritisiert."
    )
    assert _found(summary, source) == [("name", "Olaf Scholz"), ("number", "450")]


def test_a_chinese_source() -> None:
    """Numbers in Chinese characters and dates with 年月日 are read; there are no capitals."""
    source = "公司第三季度收入增长了百分之十二，达到4亿元。2024年3月12日，张伟说产品将上市。"
    summary = "收入增长12%，达到400,000,000元。3月12日和2023年3月12日，王芳说裁员300人。"
    assert _found(summary, source) == [("date", "2023年3月12日"), ("number", "300")]


def test_a_russian_source() -> None:
    """Inflected names and months are known again."""
    source = "Наполеон вошёл в Москву 26 августа 1812 года. Кутузов отступил с 80 000 солдат."
    summary = (
        "Армия Кутузова ушла. По словам Наполеона, в Москве было 80000 солдат; рядом стоял "
        "Багратион. Это было в августе 1812 года, а не 3 мая 1813 года."
    )
    assert _found(summary, source) == [("name", "Багратион"), ("date", "3 мая 1813")]


def test_names_in_another_script_are_not_judged() -> None:
    """A summary in English of a Russian text spells every name otherwise."""
    assert _found("Then Kutuzov met Bagration.", "Кутузов встретил Багратиона в Москве.") == []
    assert _found("Then Kutuzov left.", "\u0301 'n' \u0301") == [("name", "Kutuzov")]


def test_coverage_by_fragments() -> None:
    """The share of the words that stand in the source; nothing leaves nothing uncovered."""
    assert grusky_coverage("the cat sat", "The dog sat on the mat.") == pytest.approx(2 / 3)
    assert grusky_coverage("", "anything") == 1
    assert grusky_coverage("word", "") == 0


@given(proses(20), proses(20))
def test_coverage_is_that_of_the_greedy_fragments(summary: str, source: str) -> None:
    """The longest fragments of the source, cut one after the other as published, give the same."""
    said, known = terms(summary), terms(source)
    covered = at = 0
    while at < len(said):
        lengths = (_common(said[at:], known[start:]) for start in range(len(known)))
        longest = max(lengths, default=0)
        covered += longest
        at += max(1, longest)
    assert grusky_coverage(summary, source) == (covered / len(said) if said else 1)


def _common(one: list[str], other: list[str]) -> int:
    """Return how many words two lists begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
