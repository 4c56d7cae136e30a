"""Facts that are made up, and what counts as an answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.text.needles import Needle, is_answered, make_needles
from strategies import texts

NUMBER = Needle(fact="It opens with the code 4817.", question="With which?", answer="4817")
PERSON = Needle(fact="It went to Ilse Velrick.", question="To whom?", answer="Ilse Velrick")


def test_the_same_seed_gives_the_same_facts() -> None:
    """A test can be made again, and another seed is another test."""
    assert make_needles(20, seed=7) == make_needles(20, seed=7)
    assert make_needles(20, seed=7) != make_needles(20, seed=8)
    assert make_needles(0, seed=7) == []


@settings(max_examples=30)
@given(st.integers(), texts())
def test_facts_are_of_no_text(seed: int, text: str) -> None:
    """What is asked for stands in its fact alone: in no question, other fact or text."""
    needles = make_needles(12, seed=seed, text=text)
    assert len({needle.answer for needle in needles}) == len({n.question for n in needles}) == 12
    for needle in needles:
        assert needle.answer in needle.fact
        assert needle.answer.casefold() not in text.casefold()
        assert is_answered(needle, needle.fact)
        assert not is_answered(needle, needle.question)
        assert not is_answered(needle, text)
        assert sum(is_answered(needle, other.fact) for other in needles) == 1


def test_a_text_of_all_short_numbers_gets_longer_ones() -> None:
    """Where each short name or number is taken, longer ones are made up."""
    text = " ".join(map(str, range(3000, 10_000)))
    answers = [needle.answer for needle in make_needles(30, seed=1, text=text)]
    numbers = [answer for answer in answers if answer.isdecimal()]
    assert numbers
    assert min(map(len, numbers)) > 4


@pytest.mark.parametrize(
    "reply",
    [
        "4817",
        "It is 4,817.",
        "**4 817**",
        "4.817",
        "4’817",
        "٤٨١٧",
        "４８１７",
        "No. 4817; ask again",
        "four thousand eight hundred and seventeen",
    ],
)
def test_a_number_is_known_however_it_is_written(reply: str) -> None:
    """Signs between thousands, digits of other scripts and English words are the same number."""
    assert is_answered(NUMBER, reply)


@pytest.mark.parametrize("reply", ["", "481", "14817", "48170", "4817.5", "The document says no."])
def test_another_number_is_no_answer(reply: str) -> None:
    """A number that holds the digits is another number."""
    assert not is_answered(NUMBER, reply)


@pytest.mark.parametrize(
    "reply", ["Ilse Velrick", "ilse  VELRICK's ferry", "_Ilse_ **Velrick**.", "Ilse\nVelrick"]
)
def test_a_name_is_known_in_any_case(reply: str) -> None:
    """Case, white space, markup and an ending after an apostrophe do not matter."""
    assert is_answered(PERSON, reply)


@pytest.mark.parametrize("reply", ["Ilse", "Velrick", "Ilse Velricks", "Ilse van Velrick"])
def test_half_a_name_is_no_answer(reply: str) -> None:
    """Parts of an answer count for nothing."""
    assert not is_answered(PERSON, reply)


def test_long_replies_take_linear_time() -> None:
    """A reply of signs alone, as of a broken model, is no trouble."""
    assert not is_answered(PERSON, "ilse" + "_" * 200_000)
    assert not is_answered(NUMBER, "4" * 200_000)
