from __future__ import annotations

from pydoc_data.topics import topics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.errors import ArgumentError
from minikit.text.extractive import extract
from minikit.text.ranking import rank, term_rows
from minikit.text.stopwords import guess_language, stop_words
from minikit.text.units import units
from minikit.text.words import count_words, end_of_words, terms

GREEK = ["alpha", "beta", "gamma", "delta", "epsilon"]
pieces = st.sampled_from(
    [
        "The captain of the ship wrote a long letter to the owner of the harbour about the storm. ",
        "Ja. ",
        "今天天气很好，我们去公园。",
        "x" * 400,
        "\u3000",
        "\n",
        "\n\n",
        "def f(x):\n    return x\n",
        "word " * 130,
        "a, " * 130,
    ]
)
texts = st.lists(pieces | st.text(st.characters(), max_size=20), max_size=12).map("".join)


def _chosen(text: str, max_words: int) -> list[str]:
    return [text[start:end] for start, end in extract(text, max_words=max_words)]


def _meeting(turns: int) -> str:
    """A transcript without paragraphs: mostly noise, and in each quarter a turn of substance."""
    lines = [f"Speaker {turn % 3}: Uh , yeah , okay {turn} ." for turn in range(turns)]
    for quarter, subject in enumerate(("budget", "battery", "casing", "launch")):
        for n in range(6):
            lines[quarter * turns // 4 + 3 * n + 2] = (
                f"Speaker {n % 3}: I think the {subject} needs a decision today because the "
                f"{subject} supplier number {n} asks for the {subject} contract before winter ."
            )
    return "\n".join(lines)


@given(texts, st.integers(1, 60))
@settings(max_examples=150, deadline=None)
def test_what_is_chosen(text: str, max_words: int) -> None:
    """Choices are in order, apart, tight, within the limit, and there is one for any text."""
    spans = extract(text, max_words=max_words)
    flat = [offset for span in spans for offset in span]
    assert flat == sorted(set(flat))
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)
    assert sum(count_words(text[start:end]) for start, end in spans) <= max_words
    assert bool(spans) == bool(text.strip())


@given(texts)
@settings(deadline=None)
def test_all_of_a_short_text(text: str) -> None:
    """Where everything fits, everything is chosen; white space alone is left out."""
    chosen = _chosen(text, 100_000)
    assert "".join("".join(chosen).split()) == "".join(text.split())


def test_the_same_text_gets_the_same_summary() -> None:
    """Nothing is left to chance or to the order of a set."""
    text = topics["typesmapping"]
    assert extract(text, max_words=100) == extract(text, max_words=100)


def test_sentences_of_substance_from_every_quarter() -> None:
    """A transcript is summarized by what was said at length, from its whole course."""
    chosen = _chosen(_meeting(200), 110)
    assert len(chosen) == 4
    for sentence, subject in zip(chosen, ("budget", "battery", "casing", "launch"), strict=True):
        assert f"the {subject} needs a decision" in sentence


def test_no_sentence_twice() -> None:
    """A sentence that a text repeats is chosen once, and so is one that is nearly the same."""
    repeated = "The lighthouse keeper counts every vessel passing the northern reef at dawn today."
    nearly = repeated.replace("today", "again")
    others = [
        f"Item {n} covers w{n % 41} w{n % 37} with notes about c{n % 31} c{n % 29} during spring."
        for n in range(60)
    ]
    text = " ".join(
        f"{other} {(repeated, nearly)[n % 2]}" if n % 15 == 0 else other
        for n, other in enumerate(others)
    )
    chosen = _chosen(text, 120)
    assert sum("lighthouse keeper" in sentence for sentence in chosen) <= 1


def test_a_sentence_longer_than_the_limit_is_cut() -> None:
    """Where no sentence fits, the beginning of the best one stands for the text."""
    text = " ".join(
        f"The {noun} of the old harbour was sold to the merchant from the south in spring."
        for noun in ("ship", "anchor", "lantern")
    )
    [sentence] = _chosen(text, 4)
    assert count_words(sentence) == 4
    assert text.count(sentence + " ") == 1


def test_a_text_without_end_is_cut_into_pieces() -> None:
    """Words without any sentence end give pieces of at most 50 words, cut at clauses."""
    text = ", and then ".join(f"we saw town {n} where people number {n} live" for n in range(100))
    found = units(text)
    assert len(found) > 10
    assert all(count_words(text[start:end]) <= 50 for start, end in found)
    assert all(text[start:end].endswith(",") for start, end in found[:-1])


@pytest.mark.parametrize(
    "text",
    ["a" * 300_000, "word " * 60_000, ". " * 50_000, "\n" * 200_000 + "x", "好。" * 50_000],
    ids=["letters", "words", "dots", "lines", "stops"],
)
def test_texts_without_shape(text: str) -> None:
    """A long run of anything is summarized by a little of it."""
    spans = extract(text, max_words=150)
    assert 0 < sum(end - start for start, end in spans) <= 150 * 32


def test_wrapped_prose_and_lines() -> None:
    """A line end closes a sentence in a list or in code, but not in wrapped prose."""
    wrapped = (
        "The captain of the ship wrote a letter to\nthe owner of the harbour about the storm\n"
        "which came.\nThen he went to bed in the small cabin and\nslept.\n\nA heading\n\nEnd."
    )
    assert [" ".join(wrapped[start:end].split())[:12] for start, end in units(wrapped)] == [
        "The captain ",
        "Then he went",
        "A heading",
        "End.",
    ]
    code = "import os\nvalue = compute(first_argument, second_argument, third)\n    indented = 1\n"
    assert len(units(code)) == 3


def test_code_gives_whole_lines() -> None:
    """What is chosen from code is whole lines."""
    code = "\n".join(
        f"    value_{n} = compute_{n % 7}(first_{n}, second_{n})  # keeps {n} of the {n % 5} rows"
        for n in range(200)
    )
    lines = {line.strip() for line in code.split("\n")}
    assert set(_chosen(code, 40)) <= lines


def test_scripts_without_spaces() -> None:
    """Chinese is ranked by character pairs and measured in half characters."""
    text = "".join(f"第{n}章讲述了商人王小明在北方城市买卖丝绸和茶叶的故事。" for n in range(50))
    chosen = "".join(_chosen(text, 60))
    assert 60 <= len(chosen) <= 120
    assert chosen.endswith("。")


@pytest.mark.parametrize("max_words", [0, -1, True, 1.5, "9"])
def test_a_limit_that_is_none(max_words: int) -> None:
    """A limit is an int of at least 1."""
    with pytest.raises(ArgumentError, match="max_words is an int of at least 1, not"):
        extract("text", max_words=max_words)


def test_the_terms_of_a_text() -> None:
    """Terms are folded words; accents, vowel signs and apostrophes belong to them."""
    assert terms("Don’t STOP: snake_case, हिन्दी, cafe\u0301!") == [
        "don't",
        "stop",
        "snake",
        "case",
        "हिन्दी",
        "cafe\u0301",
    ]
    assert terms("我爱你。好 สวัส") == ["我爱", "爱你", "好", "สว", "วั", "ัส"]


def test_words_are_counted() -> None:
    """Two characters without spaces, and 32 letters of a long run, are a word each."""
    assert count_words("one, two  three\n") == 3
    assert count_words("今天天气好。") == 3
    assert count_words("a" * 64) == 2
    assert end_of_words("one two three", 0, 13, 2) == 7
    assert end_of_words("one two three", 0, 13, 9) == 13


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The cat sat on the mat and this is all.", "en"),
        ("Der Hund ist nicht so groß, aber er hat die Katze gesehen.", "de"),
        ("El perro es de la casa y no está.", "es"),
        ("Это был не он, а она и все это", "ru"),
        ("今天天气很好，我们去公园玩，因为他们都不在。", "zh"),
        ("私はそれを見たことがあります。", "ja"),
        ("12 345", None),
    ],
)
def test_the_language_of_a_text(text: str, language: str | None) -> None:
    """A language shows by its stop words."""
    frequencies = {term: terms(text).count(term) for term in terms(text)}
    assert guess_language(frequencies) == language


def test_stop_words_of_many_languages() -> None:
    """There are lists for 58 languages, and none for what is no language."""
    assert {"the", "and", "don't"} <= stop_words("en")
    assert stop_words(None) == stop_words("xx") == frozenset()
    codes = "af ar bg bn br ca cs da de el en eo es et eu fa fi fr ga gl gu ha he hi hr hu hy id "
    codes += "it ja ko ku la lt lv mr ms nl no pl pt ro ru sk sl so st sv sw th tl tr uk ur vi yo "
    assert all(map(stop_words, (codes + "zh zu").split()))
    assert len((codes + "zh zu").split()) == 58


@given(st.lists(st.lists(st.sampled_from(GREEK)), max_size=8))
def test_rank_equals_textrank_on_the_graph(sentences: list[list[str]]) -> None:
    """The product that never builds the graph gives what the graph gives."""
    rows = [dict(zip(*row, strict=True)) for row in term_rows(sentences)]
    size = len(rows)
    edges = [
        [
            sum(weight * rows[b].get(term, 0.0) for term, weight in rows[a].items()) * (a != b)
            for b in range(size)
        ]
        for a in range(size)
    ]
    ranks = [1.0] * size
    for _ in range(10):
        given_ = [ranks[n] / max(sum(edges[n]), 1e-9) for n in range(size)]
        ranks = [
            0.15 + 0.85 * sum(edges[a][b] * given_[b] for b in range(size)) for a in range(size)
        ]
    ranks = [own if row else 0.0 for own, row in zip(ranks, rows, strict=True)]
    highest = max(ranks, default=0.0) or 1.0
    assert rank(term_rows(sentences)) == pytest.approx(
        [own / highest for own in ranks], rel=1e-3, abs=1e-3
    )
