"""Passages are found in any script, follow what stands around them, and fill the room that is."""

from __future__ import annotations

import sqlite3
from collections import Counter
from itertools import pairwise
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.errors import MissingExtraError
from minikit.text.document import Document, Span
from minikit.text.retrieval import PassageIndex, Ranked, edges_first, filling, stretches
from strategies import texts

if TYPE_CHECKING:
    from collections.abc import Iterable

FILLER = "The weather stayed mild and nobody had anything of note to tell about it that day. " * 12
FACT = "The boiler in the cellar was replaced by a heat pump from Norway in May."


def best(question: str, *documents: Document, earlier: tuple[str, ...] = ()) -> str:
    """Return the passage that ranks first."""
    first = PassageIndex(documents).rank(question, earlier=earlier)[0]
    return documents[first.document][first.span]


def test_a_fact_is_found_amid_other_sentences() -> None:
    """The passage that answers ranks first, and its score is the highest."""
    document = Document(text=FILLER + FACT + " " + FILLER)
    ranked = PassageIndex([document]).rank("What replaced the boiler?")
    assert FACT in document[ranked[0].span]
    assert [ranked[0].score, all(a.score >= b.score for a, b in pairwise(ranked))] == [1.0, True]


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        ("今天天气很好。" * 40 + "锅炉在五月被换成了热泵。" + "明天会下雨。" * 40, "锅炉", "热泵"),
        ("วันนี้อากาศดีมาก\n" * 40 + "หม้อไอน้ำถูกเปลี่ยนเป็นปั๊มความร้อน\n" * 1, "หม้อไอน้ำ", "ปั๊ม"),
        (
            "Погода была хорошая. " * 40 + "Котёл заменили насосом.",
            "Чем заменили котёл?",
            "насосом",
        ),
        ("الطقس جميل اليوم. " * 40 + "تم استبدال الغلاية بمضخة حرارية.", "الغلاية", "بمضخة"),
        ("Nothing was said. " * 40 + "See plan B for the pump.", "plan B", "pump"),
        ("茶 水 " * 30 + "酒 here", "酒", "here"),
    ],
)
def test_every_script_is_searched(text: str, question: str, answer: str) -> None:
    """Words are found in scripts with spaces and without, and single characters too."""
    assert answer in best(question, Document(text=text))


def test_words_are_known_by_how_they_begin() -> None:
    """A question may inflect a word in another way than the document does."""
    text = FILLER + "They are negotiating with the landlord. " + FILLER
    assert "landlord" in best("negotiated", Document(text=text))


def test_names_with_digits_differ_by_their_ends() -> None:
    """A word with a number at its end is that word, and none that begins like it."""
    names = [f"Pay the account{number} for the month." for number in range(30)]
    assert best("Which is account17?", Document(text=f"\n{FILLER}".join(names))).endswith(names[17])
    assert "dog's" in best("of the dog's", Document(text=f"{FILLER}\nThe dog's was lost."))


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Rosto\u0301v lost the game.", "Rostov"),
        ("Rostov lost the game.", "Rost\u00f3v"),
        ("Ёлка стоит в углу.", "елка"),
        ("A\u0303o mar foi cedo.", "Ão"),
    ],
)
def test_words_are_known_without_their_accents(text: str, question: str) -> None:
    """Who has no accents on the keyboard finds what has them, and the other way round."""
    assert text in best(question, Document(text=FILLER + "\n" + text))


def test_the_title_of_a_document_counts_for_all_of_it() -> None:
    """Of two documents that say the same, the one that the question names comes first."""
    documents = [
        Document(text=FACT + " " + FILLER, title=f"{name}.txt") for name in ("alpha", "omega")
    ]
    ranked = PassageIndex(documents).rank("When was the boiler of omega replaced?")
    assert (1, Span(0, ranked[0].span.end)) == (ranked[0].document, ranked[0].span)


def test_a_follow_up_is_understood_by_the_questions_before_it() -> None:
    """Words of earlier questions decide where those of the last one do not."""
    pump, roof = "In total it cost 90,000 euros.", "In total it cost 7,000 euros."
    text = f"{FILLER}The heat pump came in May. {pump}\n\n{FILLER}The roof was tiled. {roof}"
    document = Document(text=text)
    follow_up = "What did it cost in total?"
    assert roof in best(follow_up, document, earlier=("And the heat pump?", "Tell of the roof."))
    assert pump in best(follow_up, document, earlier=("And the roof?", "Tell of the heat pump."))


def test_neighbours_of_a_match_rank_before_what_is_far() -> None:
    """What stands around the best passage comes next, since answers run on."""
    document = Document(text=FILLER + FACT + " " + FILLER)
    ranked = PassageIndex([document]).rank("boiler cellar")
    assert [abs(each.number - ranked[0].number) for each in ranked[1:3]] == [1, 1]


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Section {} says what the owner of the house owes.", "What does section {} say?"),
        ("El artículo {} dice lo que debe el dueño de la casa.", "¿Qué dice el artículo {}?"),
        ("제 {} 조는 집주인이 무엇을 해야 하는지 말한다.", "제 {} 조는 무엇을 말하는가?"),
    ],
)
@pytest.mark.parametrize("number", [5, 10, 39])
def test_a_number_is_never_a_stop_word(text: str, question: str, number: int) -> None:
    """Lists of stop words hold some; who asks about section 39 means that one."""
    documents = [Document(text=text.format(each) * 4) for each in range(1, 41)]
    assert best(question.format(number), *documents) in documents[number - 1].text


def test_without_a_word_in_common_all_scores_are_zero() -> None:
    """Nothing matches a question in other words, or without any."""
    index = PassageIndex([Document(text=FILLER), Document(text="")])
    for question in ("Quelle chaudière ?", "", "?!"):
        assert {0.0} == {each.score for each in index.rank(question)}
    assert len(index) == len(index.rank(""))


def test_a_question_of_stop_words_alone_is_still_searched() -> None:
    """Where no word says something, all of them count."""
    document = Document(text=FILLER + "To be or not to be. " + FILLER)
    assert "To be or not" in best("to be or not to be", document)


def test_a_very_long_question_is_searched_by_its_first_words() -> None:
    """A question of any length is taken."""
    question = "boiler " + " ".join(f"word{number}" for number in range(5_000))
    assert FACT in best(question, Document(text=FILLER + FACT))


def test_no_documents_have_no_passages() -> None:
    """Nothing is found in nothing."""
    assert PassageIndex([]).rank("boiler") == []


def test_an_index_is_used_from_another_thread() -> None:
    """What one thread made another may ask."""
    index, found = PassageIndex([Document(text=FACT)]), list[Ranked]()
    thread = Thread(target=lambda: found.extend(index.rank("boiler")))
    thread.start()
    thread.join()
    assert [Span(0, len(FACT))] == [each.span for each in found]


def test_an_sqlite_without_full_text_search_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what is missing and where to get it."""

    class Bare(sqlite3.Connection):
        def execute(self, *_: object) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("no such module: fts5")

    bare = sqlite3.connect(":memory:", factory=Bare)
    monkeypatch.setattr(sqlite3, "connect", lambda *_, **__: bare)
    with pytest.raises(MissingExtraError, match=r"without FTS5.*no such module.*python\.org"):
        PassageIndex([])


@settings(max_examples=40)
@given(st.lists(texts(20), max_size=3), texts(6))
def test_passages_are_all_of_the_documents(sources: list[str], question: str) -> None:
    """Each passage ranks once; together they hold all but white space; they do not overlap."""
    documents = [Document(text=text, title=text[:20]) for text in sources]
    ranked = sorted(PassageIndex(documents).rank(question), key=lambda each: each.number)
    assert list(range(len(ranked))) == [each.number for each in ranked]
    assert all(0 <= each.score <= 1 for each in ranked)
    for number, document in enumerate(documents):
        spans = [each.span for each in ranked if each.document == number]
        assert all(one.end <= other.start for one, other in pairwise(spans))
        told = "".join("".join(document[span].split()) for span in spans)
        assert told == "".join(document.text.split())


@settings(max_examples=40)
@given(texts(30), st.sets(st.integers(0, 30)))
def test_stretches_hold_what_was_chosen_and_no_more(text: str, numbers: set[int]) -> None:
    """Joining adds white space alone, and the best come first."""
    document = Document(text=text)
    ranked = PassageIndex([document]).rank("the House")
    chosen = [each for each in ranked if each.number in numbers]
    joined = stretches(chosen)
    assert _signs(document[each.span] for each in chosen) == _signs(
        document[each.span] for each in joined
    )
    assert all(one.score >= other.score for one, other in pairwise(joined))


def _signs(pieces: Iterable[str]) -> Counter[str]:
    return Counter("".join("".join(pieces).split()))


def test_passages_that_touch_are_joined_within_a_document() -> None:
    """Neighbours are one stretch; passages of two documents, or far apart, are not."""
    documents = [Document(text=FILLER), Document(text="One.\n" * 120 + "\n" * 50 + "Two.\n" * 120)]
    ranked = PassageIndex(documents).rank("weather")
    joined = stretches(ranked)
    assert [each.document for each in joined] == [0, 1, 1]
    assert Span(0, len(FILLER.rstrip())) == joined[0].span
    some = stretches([each for each in ranked if each.number in (0, 2)])
    assert len(some) == 2


def test_a_room_is_filled_with_the_best() -> None:
    """Passages are taken until one does not fit, and what is left is told."""
    ranked = PassageIndex([Document(text=FILLER)]).rank("weather")
    taken, left = filling(ranked, 250, lambda _: 100)
    assert (ranked[:2], 50) == (taken, left)
    assert (ranked, 0) == filling(ranked, len(ranked), lambda _: 1)


def test_the_best_stand_at_the_edges() -> None:
    """Best first, second best last, and so on inwards."""
    assert edges_first([1, 2, 3, 4, 5]) == [1, 3, 5, 4, 2]
    assert edges_first(list[int]()) == []
