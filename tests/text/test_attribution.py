from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.text.attribution import attribute, evidence
from minikit.text.document import Span
from minikit.text.units import units
from minikit.text.words import count_words
from strategies import hostile_texts, proses, texts

ENGLISH = (
    "The board met on Monday in the old harbour. Sales of the company rose by twelve percent last "
    "year, mostly in Asia. The plant in Cologne will be closed in spring. All workers keep their "
    "jobs until then. A new battery was shown to the press. It lasts for two days."
)
GERMAN = (
    "Der Vorstand tagte am Montag. Die Umsätze des Unternehmens stiegen im letzten Jahr um zwölf "
    "Prozent. Das Werk in Köln wird geschlossen. Alle Mitarbeiter behalten ihre Stellen."
)
CHINESE = (
    "今天天气很好，我们去公园散步。公司第三季度收入增长了百分之十二，达到了四亿元。张伟说，新产品将在明年"
    "春天上市。董事会决定关闭上海的工厂，因为成本太高。会议在下午五点结束。"
)
RUSSIAN = (
    "Князь Андрей лежал на поле. Наполеон остановился над ним. Кутузов принял решение оставить "
    "Москву. Пьер остался в городе, чтобы убить императора. Наташа ухаживала за раненым."
)


def _best(sentence: str, text: str) -> str:
    (matches,) = attribute([sentence], text)
    return text[matches[0].span.start : matches[0].span.end] if matches else ""


def _spans(text: str) -> st.SearchStrategy[list[Span]]:
    offsets = st.integers(0, len(text) + 5)
    pair = st.tuples(offsets, offsets).map(lambda ends: Span(min(ends), max(ends)))
    return st.lists(pair, max_size=4)


@given(st.lists(texts(8), max_size=4), texts(), st.integers(1, 4), st.data())
@settings(max_examples=200)
def test_what_is_found(sentences: list[str], text: str, most: int, data: st.DataObject) -> None:
    """For any texts: tight passages within the spans, the best first, apart, and not too many."""
    spans = data.draw(st.none() | _spans(text))
    found = attribute(sentences, text, spans=spans, most=most)
    assert len(found) == len(sentences)
    assert found == attribute(sentences, text, spans=spans, most=most)
    for matches in found:
        assert len(matches) <= most
        scores = [match.score for match in matches]
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score <= 100 for score in scores)
        for match in matches:
            passage = text[match.span.start : match.span.end]
            assert passage == passage.strip() != ""
            assert _within(match.span, spans, text)
        assert not any(_overlap(a.span, b.span) for a, b in combinations(matches, 2))


def _within(span: Span, spans: list[Span] | None, text: str) -> bool:
    """Tell whether each character of `span` is in one of `spans`."""
    covered = set(range(len(text))) if spans is None else set[int]()
    covered.update(*(range(each.start, each.end) for each in spans or []))
    return covered.issuperset(range(span.start, span.end))


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


@given(proses(), st.data())
def test_sentences_of_the_text_are_found_in_their_place(text: str, data: st.DataObject) -> None:
    """A sentence that stands in the text comes first, with the top score, whatever its spaces."""
    sentences = [text[unit.start : unit.end] for unit in units(text)]
    if sentences:
        sentence = data.draw(st.sampled_from(sentences))
        (matches,) = attribute(["  \n".join(sentence.split(" "))], text)
        passage = text[matches[0].span.start : matches[0].span.end]
        assert passage.split() == sentence.split()
        assert matches[0].score == 100


@pytest.mark.parametrize(
    ("sentence", "text", "passage"),
    [
        (
            "The company sold twelve percent more.",
            ENGLISH,
            "Sales of the company rose by twelve percent last year, mostly in Asia.",
        ),
        (
            "In spring Cologne loses its plant, but workers keep their jobs.",
            ENGLISH,
            "The plant in Cologne will be closed in spring. All workers keep their jobs until "
            "then.",
        ),
        (
            "Der Umsatz stieg um zwölf Prozent.",
            GERMAN,
            "Die Umsätze des Unternehmens stiegen im letzten Jahr um zwölf Prozent.",
        ),
        ("Das Kölner Werk schließt.", GERMAN, "Das Werk in Köln wird geschlossen."),
        ("上海工厂将关闭", CHINESE, "董事会决定关闭上海的工厂，因为成本太高。"),
        ("季度收入增长百分之十二", CHINESE, "公司第三季度收入增长了百分之十二，达到了四亿元。"),
        (
            "Решение об оставлении Москвы было принято Кутузовым.",
            RUSSIAN,
            "Кутузов принял решение оставить Москву.",
        ),
    ],
)
def test_passages_by_hand(sentence: str, text: str, passage: str) -> None:
    """A sentence in other words leads to the sentence, or the sentences, that it tells of."""
    assert _best(sentence, text) == passage


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("The cat sleeps on the mat.", ENGLISH),
        ("It is what it was.", ENGLISH),
        ("", ENGLISH),
        ("...", ENGLISH + " ..."),
        ("The board met.", ""),
        ("猫喜欢鱼。", CHINESE),
    ],
)
def test_nothing_is_like_it(sentence: str, text: str) -> None:
    """Where at most a few common words are shared, nothing is found."""
    assert attribute([sentence], text) == [()]


def test_only_whole_words_stand_word_for_word() -> None:
    """What goes on in the text is not the sentence; in scripts without spaces it may be."""
    text = "The battlements. The battle. " * 2
    (matches,) = attribute(["The battle"], text)
    assert matches[0].span == Span(17, 27)
    (matches,) = attribute(["公园散步"], CHINESE)
    assert CHINESE[matches[0].span.start : matches[0].span.end] == "公园散步"


def test_a_sentence_across_a_gap_does_not_stand_there() -> None:
    """The end of one stretch and the start of another are no sentence."""
    text = "Alpha beta gamma delta. Alpha beta xx yy gamma delta."
    (matches,) = attribute(["Alpha beta gamma delta."], text, spans=[Span(24, 34), Span(41, 53)])
    assert all(match.score < 100 for match in matches)
    assert {text[match.span.start : match.span.end] for match in matches} == {
        *("Alpha beta", "gamma delta.")
    }


def test_what_seems_to_stand_everywhere_is_given_up() -> None:
    """A text of one letter costs no more than any other; what is like it is found all the same."""
    (matches,) = attribute(["a" * 50], "a" * 5_000)
    assert matches
    assert matches[0].score < 100


def test_a_long_window_stops_at_eighty_words() -> None:
    """Sentences are joined while they add to the passage, but to no more than 80 words."""
    text = " ".join(f"word{n} alpha beta gamma delta epsilon zeta eta theta." for n in range(30))
    (matches,) = attribute([" ".join(f"word{n}" for n in range(30))], text)
    assert 60 < count_words(text[matches[0].span.start : matches[0].span.end]) <= 80


@pytest.mark.parametrize("name", sorted(hostile_texts(10)))
def test_hostile_texts(name: str) -> None:
    """A long text of any kind is searched."""
    text = hostile_texts(60_000)[name]
    sentences = ["The battle of Borodino, 1812. " + text[:200], text[1_000:1_100]]
    for matches in attribute(sentences, text):
        assert all(text[match.span.start : match.span.end].strip() for match in matches)
    within = Span(100, len(text) - 100)
    for span in evidence(sentences[0], text, within, max_characters=1_000):
        assert within.start <= span.start < span.end <= within.end


@given(texts(10), texts(), st.integers(0, 300), st.data())
def test_evidence_fits(text: str, source: str, limit: int, data: st.DataObject) -> None:
    """For any texts: tight passages within the part, in order, apart, no longer than allowed."""
    ends = sorted(data.draw(st.tuples(*[st.integers(0, len(source))] * 2)))
    within = Span(*ends)
    spans = evidence(text, source, within, max_characters=limit)
    assert sum(map(len, spans)) <= limit
    assert list(spans) == sorted(spans)
    assert not any(_overlap(a, b) for a, b in combinations(spans, 2))
    for span in spans:
        assert within.start <= span.start < span.end <= within.end
        assert source[span.start : span.end] == source[span.start : span.end].strip()


def _long_source() -> tuple[str, str]:
    """Return a text of 400 sentences, and a summary of one in twenty."""
    sentences = [
        f"The traveller number{n} reached village{n} with cargo{n} and told the story{n} of it."
        for n in range(400)
    ]
    summary = " ".join(f"Traveller number{n} brought cargo{n}." for n in range(0, 400, 20))
    return " ".join(sentences), summary


def test_evidence_backs_each_sentence() -> None:
    """Where there is room, each sentence of the summary brings its own."""
    source, summary = _long_source()
    spans = evidence(summary, source, Span(0, len(source)), max_characters=10_000)
    found = [source[span.start : span.end] for span in spans]
    assert len(found) == 20
    assert all(f"number{20 * n} " in passage for n, passage in enumerate(found))


def test_evidence_is_spread() -> None:
    """Where there is not, each quarter of the part has its share."""
    source, summary = _long_source()
    within = Span(len(source) // 4, len(source))
    spans = evidence(summary, source, within, max_characters=800)
    quarters = [(span.start - within.start) * 4 // len(within) for span in spans]
    assert all(quarters.count(quarter) >= 2 for quarter in range(4))
    assert all(within.start <= span.start for span in spans)


def test_evidence_for_what_was_put_in_other_words() -> None:
    """A sentence that stands in the source is its own evidence; one that hardly does has none."""
    source, _ = _long_source()
    copied = "The traveller number7 reached village7 with cargo7 and told the story7 of it."
    retold = "Village9 was reached by traveller number9 with cargo9."
    vague = "A traveller told a story."
    spans = evidence(f"{copied} {retold} {vague}", source, Span(0, len(source)), max_characters=900)
    assert [source[span.start : span.end] for span in spans] == [copied.replace("7", "9")]
