from __future__ import annotations

from pydoc_data.topics import topics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.errors import ArgumentError
from minikit.text.extractive import extract
from minikit.text.ranking import rank, term_rows
from minikit.text.stopwords import guess_language, stop_words
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
    return [text[each.start : each.end] for each in extract(text, max_words=max_words)]


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
    spans = [(each.start, each.end) for each in extract(text, max_words=max_words)]
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
    [excerpt] = extract(text, max_words=4)
    sentence = text[excerpt.start : excerpt.end]
    assert not excerpt.is_whole
    assert count_words(sentence) == 3
    assert text.count(sentence + " ") == 1


@pytest.mark.parametrize(
    "text",
    [
        "a" * 300_000,
        "word " * 60_000,
        ". " * 50_000,
        "\n" * 200_000 + "x",
        "好。" * 50_000,
        '"' * 300_000,
        "x\n" * 50_000,
    ],
    ids=["letters", "words", "dots", "blanks", "stops", "quotes", "lines"],
)
def test_texts_without_shape(text: str) -> None:
    """A long run of anything is summarized by a little of it."""
    spans = extract(text, max_words=150)
    assert 0 < sum(each.end - each.start for each in spans) <= 150 * 32


def _manual(topics: int) -> str:
    """Prose in paragraphs, each with a heading, a list of flags, a session and a table row."""
    return "\n\n".join(
        f"Topic number {n}\n\n"
        f"The {noun} of kind {n} holds as many entries of the {noun} register as the user asks "
        f"for. As a result, no {noun} register number {n} is ever left without an entry for users."
        f"\n\n>>> open_{noun}({n}, mode='r').\n\n| {noun} {n} | the register of {n} entries. |\n\n"
        f"* The option number {n} turns the {noun} register into a table of all its entries."
        for n, noun in ((n, ("file", "socket", "thread", "timer")[n % 4]) for n in range(topics))
    )


def test_sentences_before_all_else() -> None:
    """Headings, code, table rows and the marks of lists are no part of a summary of prose."""
    chosen = _chosen(_manual(40), 120)
    assert chosen
    assert all(sentence.startswith("The ") and sentence.endswith(".") for sentence in chosen)


def test_a_few_sentences_among_lines() -> None:
    """A remark or two among many lines are no summary of the lines."""
    log = "\n".join(
        f"12:{n % 60} INFO worker {n % 7} request {n}: {n * 7 % 91} ms" for n in range(400)
    )
    text = "The log of the worker follows here and tells of every request.\n" + log
    assert sum("INFO" in line for line in _chosen(text, 40)) > 3


def test_few_sentences_and_nothing_else() -> None:
    """Where sentences fill half of what was asked for, nothing else is added to them."""
    code = "\n".join(f"name_{n} = compute(name_{n + 1})" for n in range(20))
    text = f"The program computes every name from the name that follows it in the list.\n{code}"
    assert _chosen(text, 25) == [text.partition("\n")[0]]


def test_the_licence_of_an_ebook_is_passed_over() -> None:
    """What stands before and after the book itself is left out."""
    licence = " ".join(
        f"You may copy the work number {n} under the terms of the licence for the work."
        for n in range(30)
    )
    book = " ".join(f"The sailor saw island {n} far in the north that morning." for n in range(30))
    text = (
        f"{licence}\n*** START OF THIS PROJECT GUTENBERG EBOOK A ***\n{book}\n"
        f"*** END OF THIS PROJECT GUTENBERG EBOOK A ***\n{licence}"
    )
    chosen = _chosen(text, 60)
    assert chosen
    assert all("sailor" in sentence for sentence in chosen)


def test_neighbours_are_one_excerpt() -> None:
    """Sentences that follow each other in a passage stay together, those of two do not."""
    assert _chosen("One is here. Two is here.\nThree is here.", 100) == [
        "One is here. Two is here.",
        "Three is here.",
    ]


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
    for _ in range(6):
        given_ = [ranks[n] / max(sum(edges[n]), 1e-9) for n in range(size)]
        ranks = [
            0.15 + 0.85 * sum(edges[a][b] * given_[b] for b in range(size)) for a in range(size)
        ]
    ranks = [own if row else 0.0 for own, row in zip(ranks, rows, strict=True)]
    highest = max(ranks, default=0.0) or 1.0
    assert rank(term_rows(sentences)) == pytest.approx(
        [own / highest for own in ranks], rel=1e-3, abs=1e-3
    )
