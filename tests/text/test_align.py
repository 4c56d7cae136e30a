"""What quotes of a text are taken for, and where they are found."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from minikit.text.align import Alignment, QuoteFinder
from minikit.text.document import Span
from minikit.text.quotation import Wording
from strategies import hostile_texts, proses, texts

STORY = """\
Professor E: So . OK . It does n't look like it crashed .
Grad G: I think what 's causing it is that I keep starting it {disfmarker} and stopping it .

In 1812 the army of Napoleon crossed the river Niemen, and Kutuzov did not attack them. The \
revenue rose to 1.5 million dollars — a well-known re-
sult — which nobody had expected. “We cannot go on like this,” said Pierre Bezukhov, and he was \
right about that.

Then he went to the window... and looked out at the snow that was falling on the town. It was \
minus (-5 degrees) outside. Nobody could say whether it was good or not.
"""
CHINESE = (
    "会议决定在明年三月开始新的项目，但是预算还没有批准。张三认为这个计划不可行，需要更多的时间。"
)


THAI = "ภาษาไทยเป็นภาษาที่มีระดับเสียงของคำแน่นอนหรือวรรณยุกต์ เช่นเดียวกับภาษาจีน"
ARABIC = "اجتمع المجلس وقرر بناء جسر جديد فوق النهر لأن الجسر القديم لم يعد آمنا للعبور."
HINDI = "समिति ने नया पुल बनाने का निर्णय लिया क्योंकि पुराना पुल अब सुरक्षित नहीं है।"
RUSSIAN = (
    "Комитет решил построить новый мост, потому что старый мост больше не безопасен для людей."
)


def verdict(quote: str, text: str = STORY, within: Span | None = None) -> str:
    """Return the verdict of a quote."""
    return QuoteFinder(text).align(quote, within).verdict


def cited(quote: str, text: str = STORY, within: Span | None = None) -> list[str]:
    """Return the words of the source that were found."""
    return [text[span.start : span.end] for span in QuoteFinder(text).align(quote, within).spans]


@pytest.mark.parametrize(
    ("quote", "source"),
    [
        ("the army of Napoleon crossed the river", "the army of Napoleon crossed the river"),
        ("“The army of NAPOLEON”", "the army of Napoleon"),
        ("and Kutuzov did not attack them.", "and Kutuzov did not attack them."),
        ("the army of Napoleon.", "the army of Napoleon"),
        ("It doesn't look like it crashed", "It does n't look like it crashed"),
        ("Professor E: So. OK.", "Professor E: So . OK ."),
        ("Prof. E: It doesn't look like it crashed.", "It does n't look like it crashed ."),
        ("starting it and stopping it", "starting it {disfmarker} and stopping it"),
        ("a well-known result", "a well-known re-\nsult"),
        ("well-known result -- which nobody", "well-known re-\nsult — which nobody"),
        ("to the window … and looked out", "to the window... and looked out"),
        ("(-5 degrees) outside", "(-5 degrees) outside"),
        ("*Pierre* **Bezukhov**", "Pierre Bezukhov"),
    ],
)
def test_found(quote: str, source: str) -> None:
    """A quote that differs in nothing but how it is set is found, where it stands."""
    alignment = QuoteFinder(STORY).align(quote)
    assert (alignment.verdict, alignment.score) == ("found", 100)
    assert cited(quote) == [source]


@pytest.mark.parametrize(
    ("quote", "source"),
    [
        ("the armmy of Napoleon crosed the river", "the army of Napoleon crossed the river"),
        ("In 1812 army of Napoleon crossed", "In 1812 the army of Napoleon crossed"),
        ("We can not go on like this", "We cannot go on like this"),
        ("crossed the big river Niemen, and Kutuzov", "crossed the river Niemen, and Kutuzov"),
        ("looked out at the snow that was faling", "looked out at the snow that was falling"),
        ("loked out at the snow that was falling", "looked out at the snow that was falling"),
        ("nd Kutuzov did not attack them", "and Kutuzov did not attack them"),
    ],
)
def test_fuzzy(quote: str, source: str) -> None:
    """A quote that is nearly the same is fuzzy, and leads to whole words."""
    alignment = QuoteFinder(STORY).align(quote)
    assert alignment.verdict == "fuzzy"
    assert 90 <= alignment.score < 100
    assert cited(quote) == [source]


@pytest.mark.parametrize(
    "quote",
    [
        "In 1813 the army of Napoleon crossed the river Niemen",
        "the army of Alexander crossed the river Niemen",
        "and Kutuzov did attack them",
        "The revenue rose to 2.5 million dollars",
        "Nobody could say whether it was not good",
        "whether it was good or",
        "Kutuzov did ... attack them",
    ],
)
def test_changed_facts_are_fabricated(quote: str) -> None:
    """Another number, name or negation makes a quote none; the score tells how near it is."""
    alignment = QuoteFinder(STORY).align(quote)
    assert (alignment.verdict, alignment.spans) == ("fabricated", ())
    assert alignment.score >= 90


@pytest.mark.parametrize(
    "quote",
    [
        "He shot the general in cold blood at the gate of the town",
        "Then he went to the window and shot the general in cold blood",
        "the",
        "",
        "“” … ?!",
        "5 million dollars",
        "5 degrees",
        "We can",
        "attack them. The rev",
        "a b c d",
        "OK ... it crashed",
        "Kutuzov ... not ... the snow that was falling",
        "the revenue rose ... but nobody was there to see it",
        "xx yy zz qq ... the army of Napoleon",
        "x ... y",
        "the army of Napoleon ... and Kutuzov zzz",
    ],
)
def test_fabricated(quote: str) -> None:
    """What stands nowhere, proves nothing or is cut out of a word or number is fabricated."""
    expected = Alignment(verdict="fabricated", spans=(), score=0.0)
    assert expected == QuoteFinder(STORY).align(quote)


@pytest.mark.parametrize(
    ("quote", "pieces"),
    [
        (
            "the army of Napoleon crossed the river and looked out at the snow",
            ["the army of Napoleon crossed the river", "and looked out at the snow"],
        ),
        (
            "looked out at the snow the army of Napoleon",
            ["looked out at the snow", "the army of Napoleon"],
        ),
        (
            "Then he went to the window ... the army of Napoleon crossed",
            ["Then he went to the window", "the army of Napoleon crossed"],
        ),
        (
            "the army of Napoleon crossed the river Niemen, oh and looked out at the snow",
            ["the army of Napoleon crossed the river Niemen", "and looked out at the snow"],
        ),
    ],
)
def test_spliced(quote: str, pieces: list[str]) -> None:
    """Pieces that stand apart, or in another order, are spliced; all of them are told."""
    alignment = QuoteFinder(STORY).align(quote)
    assert alignment.verdict == "spliced"
    assert 90 <= alignment.score <= 100
    assert cited(quote) == pieces


@pytest.mark.parametrize(
    ("quote", "source", "expected"),
    [
        ("The council [never] approved the plan", "The council approved the plan", "fabricated"),
        ("the council approved the plan", "the council [not] approved the plan", "fabricated"),
        ("They met [Pierre] in the town hall", "They met in the town hall", "fabricated"),
        ("some [900] men were lost there", "some [300] men were lost there", "fabricated"),
        ("some men were lost there [9]", "some men were lost there.", "fabricated"),
        ("some men were lost there [9]", "some men were lost there.[9]", "found"),
        ("some men were lost there", "some men [9] were lost there", "found"),
        ("some men were lost there", "some men [laughter] were {pause} lost there", "found"),
        ("some [sic] men were lost there", "some men were lost there", "found"),
        ("the council [never] approved it", "the council [never] approved it", "found"),
    ],
)
def test_words_in_brackets(quote: str, source: str, expected: str) -> None:
    """Words in brackets count, but for remarks and for the numbers of notes left out."""
    assert verdict(quote, source) == expected


@pytest.mark.parametrize(
    ("quote", "source"),
    [
        ("five men were lost", "In all thirty-five men were lost."),
        ("smokers are welcome", "Here non-smokers are welcome."),
        ("they lost five", "In all they lost five-and-thirty men."),
        ("500 men were lost", "There 1 500 men were lost."),
        ("500 men were lost", "There 1\u00a0500 men were lost."),
        ("500 men were lost", "There 1\u2009500 men were lost."),
        ("they lost 1", "There they lost 1 500 men."),
        ("thousand men were lost", "There five thousand men were lost."),
        ("they lost five", "There they lost five thousand men."),
        ("they lost 5", "There they lost 5 million."),
        ("the share fell by 5", "There the share fell by 5 %."),
        ("5 was lost there", "In all $5 was lost there."),
        ("they met at 5", "There they met at 5 p.m."),
        ("百人在那里失踪了", "一共三百人在那里失踪了。"),
    ],
)
def test_cut_out_of_a_word_or_number(quote: str, source: str) -> None:
    """A quote begins and ends within no word with a hyphen, and within no number."""
    assert verdict(quote, source) == "fabricated"


@pytest.mark.parametrize(
    ("quote", "source"),
    [
        ("One day he went", "Chapter twenty\n\nOne day he went."),
        ("he went", "One day--he went."),
        ("500 men were lost", "In 1812 500 men were lost."),
        ("He lost thirty", "He lost thirty. Five days later he went."),
    ],
)
def test_beside_a_word_or_number(quote: str, source: str) -> None:
    """What stands beside a number or a dash is no part of it."""
    assert verdict(quote, source) == "found"


@pytest.mark.parametrize(
    ("quote", "expected"),
    [
        ("Alice: I have stolen the money", "found"),
        ("ALICE: I have stolen the money", "found"),
        ("Alice Smith: I have stolen the money", "found"),
        ("Bob: I have stolen the money", "fabricated"),
        ("Bob: I have stollen the money", "fabricated"),
        ("I have stolen the money", "found"),
        ("Bob: Nobody else was there then", "found"),
    ],
)
def test_label_of_another_speaker(quote: str, expected: str) -> None:
    """What one speaker says is no quote of another; where no speaker is named, it may be anyone."""
    text = "Bob: What is it?\nAlice: Well, I have stolen the money.\nNobody else was there then.\n"
    assert verdict(quote, text) == expected


def test_pieces_that_stand_together_are_not_spliced() -> None:
    """A word put into a sentence parts it in two, but both stand in one place."""
    text = "The members of the council met in the old town hall on a cold day."
    quote = "members of the council xylophonically met in the old town hall"
    assert verdict(quote, text) == "fabricated"


def test_splice_of_sentences_that_are_alike() -> None:
    """Where one sentence is much like the other, two of them are spliced all the same."""
    fleet = "In the year {} the fleet of the northern king was seen."
    text = " ".join(map(fleet.format, (1807, 1815, 1829, 1834)))
    assert verdict(f"{fleet.format(1807)} {fleet.format(1834)}", text) == "spliced"
    assert verdict(f"{fleet.format(1807)} {fleet.format(1815)}", text) == "found"
    assert verdict(f"{fleet.format(1807)} {fleet.format(1999)}", text) == "fabricated"


def test_changed_fact_that_stands_elsewhere() -> None:
    """A quote with another number is fabricated, though a few words with it stand elsewhere."""
    text = (
        "Some twenty men of the sixth company who came into the village joined the others. "
        "Much later some ten men of the sixth regiment left."
    )
    quote = "Some ten men of the sixth company who came into the village joined the others"
    alignment = QuoteFinder(text).align(quote)
    assert (alignment.verdict, alignment.spans) == ("fabricated", ())
    assert alignment.score > 90


@pytest.mark.parametrize("length", [5, 400])
def test_quotes_of_too_many_pieces_are_fabricated(length: int) -> None:
    """What is put together of pieces from all over a text is no quote of it."""
    words = [f"w{number}" for number in range(4 * length)]
    fours = [" ".join(words[at : at + 4]) for at in range(0, len(words), 4)]
    expected = "spliced" if length == 5 else "fabricated"
    assert verdict(" ".join(reversed(fours)), " ".join(words)) == expected


@pytest.mark.parametrize(
    ("quote", "pieces"),
    [
        (
            "The revenue rose … which nobody had expected",
            ["The revenue rose", "which nobody had expected"],
        ),
        (
            "In 1812 the army [...] Kutuzov did not attack them ... went to the window",
            ["In 1812 the army", "Kutuzov did not attack them", "went to the window"],
        ),
        (
            "In 1812 (...) Napoleon crossed ... the river",
            ["In 1812", "Napoleon crossed", "the river"],
        ),
        ("... the army of Napoleon ...", ["the army of Napoleon"]),
    ],
)
def test_ellipsis_leaves_words_out(quote: str, pieces: list[str]) -> None:
    """Pieces that stand in order, not far apart, are found."""
    assert verdict(quote) == "found"
    assert cited(quote) == pieces


def test_ellipsis_between_pieces_that_are_nearly_the_same() -> None:
    """A quote is as true as the weakest of its pieces."""
    quote = "the armmy of Napoleon crosed ... which nobody had expected"
    alignment = QuoteFinder(STORY).align(quote)
    assert (alignment.verdict, round(alignment.score)) == ("fuzzy", 96)
    assert cited(quote) == ["the army of Napoleon crossed", "which nobody had expected"]


@pytest.mark.parametrize(
    ("quote", "expected"),
    [
        ("Prince Andrew ... fell from the horse", "fabricated"),
        ("Prince Andrew rode home ... fell from the horse", "found"),
        ("Prince Andrew rode ... through the wood ... fell from the horse", "found"),
        ("Prince Andrew ... through the wood", "found"),
        ("Prince Andrew ... Pierre", "fabricated"),
        ("through the wood, and as it was late ... harm to either of them", "spliced"),
        ("the horse, which did ... to either of them", "spliced"),
    ],
)
def test_pieces_that_an_ellipsis_joins(quote: str, expected: str) -> None:
    """Pieces that prove nothing must stand close to others, and no negation between them."""
    text = (
        "Prince Andrew rode home through the wood, and as it was late in the day and dark Pierre "
        "fell from the horse, which did no great harm to either of them."
    )
    assert verdict(quote, text) == expected


def test_ellipsis_does_not_reach_far() -> None:
    """What stands far apart was joined, and not shortened."""
    text = f"The first thing was good. {'Then it rained. ' * 200}The last thing was bad."
    assert verdict("The first thing was good ... The last thing was bad", text) == "spliced"


def test_ellipsis_around_a_later_occurrence() -> None:
    """Where a piece stands more than once, the others decide which is meant."""
    text = f"He said that it was so. {'It rained. ' * 300}He said that it was so, and she knew."
    start = text.rindex("He said")
    alignment = QuoteFinder(text).align("He said that it was ... she knew")
    assert alignment.verdict == "found"
    assert alignment.spans[0].start == start


def test_another_part_is_misattributed() -> None:
    """A quote that stands in the text, but not in the part it is said to be from, is told so."""
    part = Span(0, STORY.index("In 1812"))
    for quote, score in (("the army of Napoleon crossed", 100), ("the armmy of Napoleon", 97.5)):
        alignment = QuoteFinder(STORY).align(quote, part)
        assert alignment.verdict == "misattributed"
        assert alignment.score == pytest.approx(score, abs=1)
        assert alignment.spans
    assert verdict("In 1812 the army ... crossed the river", within=part) == "misattributed"
    assert verdict("In 1813 the army of Napoleon crossed", within=part) == "fabricated"
    assert verdict("Pierre Bezukhov", within=part) == "fabricated"  # may be anyone's


def test_changed_in_the_part_and_true_elsewhere() -> None:
    """A quote is true elsewhere even if the part has the same with another number."""
    text = "In 1812 they all met at the river. It rained. In 1813 they all met at the river."
    part = Span(0, 40)
    assert verdict("In 1813 they all met at the river", text, part) == "misattributed"
    assert verdict("In 1814 they all met at the river", text, part) == "fabricated"


def test_the_first_of_equal_passages() -> None:
    """A passage that stands twice is found where it stands first in the part."""
    text = "It was a cold day. We met. It was a cold day."
    finder = QuoteFinder(text)
    assert finder.align("it was a cold day").spans == (Span(0, 17),)
    assert finder.align("it was a cold day", Span(10, len(text))).spans == (Span(27, 44),)


@pytest.mark.parametrize("part", [Span(0, 0), Span(30, 30), Span(10_000, 20_000)])
def test_an_empty_part_has_no_quote(part: Span) -> None:
    """In a part without text nothing is found but elsewhere."""
    assert verdict("the army of Napoleon crossed", within=part) == "misattributed"
    assert verdict("the cavalry of Alexander the Great", within=part) == "fabricated"


def test_a_part_shorter_than_the_quote() -> None:
    """A quote that goes on beyond the part does not stand in it."""
    text = "It was a cold day at the river."
    assert verdict("It was a cold day at the river and beyond the hills", text) == "fabricated"
    assert verdict("It was a colld day at the river", text) == "fuzzy"
    assert verdict("was a cold day at the river", text, Span(5, 12)) == "misattributed"


@pytest.mark.parametrize(
    ("text", "quote", "expected"),
    [
        (CHINESE, "会议决定在明年三月开始新的项目", "found"),
        (CHINESE, "张三：预算 还没有\n批准", "found"),
        (CHINESE, "会议决定在明年三月开始新项目，但是预算还没有批准。", "fuzzy"),
        (CHINESE, "会议决定在明年四月开始新的项目，但是预算还没有批准", "fabricated"),
        (CHINESE, "张三认为这个计划可行，需要更多的时间", "fabricated"),
        (CHINESE, "会议决定在明年三月开始张三认为这个计划", "spliced"),
        (CHINESE, "会议决定在明年三月……预算还没有批准", "found"),
        (CHINESE, "会议", "fabricated"),
        (THAI, "ภาษาไทยเป็นภาษา ที่มีระดับเสียง", "found"),
        (THAI, "ภาษาไทยเปนภาษาที่มีระดับเสียงของคำแน่นอน", "fuzzy"),
        (THAI, "ภาษาไทยเป็นภาษาที่มีระดับเสียงของคำไม่แน่นอน", "fabricated"),
        (ARABIC, "وقرر بناء جسر جديد فوق النهر", "found"),
        (ARABIC, "وقرر بناء جسرر جديد فوق النهر", "fuzzy"),
        (ARABIC, "لأن الجسر القديم يعد آمنا للعبور", "fabricated"),
        (HINDI, "नया पुल बनाने का निर्णय लिया", "found"),
        (HINDI, "नया पुल बननाने का निर्णय लिया", "fuzzy"),
        (HINDI, "क्योंकि पुराना पुल अब सुरक्षित है", "fabricated"),
        (RUSSIAN, "РЕШИЛ ПОСТРОИТЬ НОВЫЙ МОСТ", "found"),
        (RUSSIAN, "потому что старый больше безопасен для людей", "fabricated"),
    ],
)
def test_scripts(text: str, quote: str, expected: str) -> None:
    """All verdicts are told in scripts of all kinds."""
    assert verdict(quote, text) == expected


def test_long_quotes() -> None:
    """A long quote is found with a slip at either end or in the middle, but not too long a one."""
    draw = random.Random(3)  # noqa: S311 - test data
    words = ["".join(draw.choices("abcdefghij", k=draw.randint(2, 9))) for _ in range(6_000)]
    text = " ".join(words)
    for at in (1, 500, 998):
        changed = [*words[3_000:4_000]]
        changed[at] += "x"
        alignment = QuoteFinder(text).align(" ".join(changed))
        assert alignment.verdict == "fuzzy"
        (span,) = alignment.spans
        assert text[span.start : span.end] == " ".join(words[3_000:4_000])
    assert verdict(" ".join(words[:5_000]), text) == "found"
    assert verdict(" ".join([*words[:5_000], "xxx"]), text) == "fabricated"


def test_probe_that_leads_elsewhere() -> None:
    """A long quote that begins as another passage does is found where the rest of it stands."""
    draw = random.Random(4)  # noqa: S311 - test data

    def some(count: int) -> str:
        return " ".join("".join(draw.choices("abcdefghij", k=6)) for _ in range(count))

    head, first, second = some(30), some(60), some(60)
    text = f"{head} {first}. {head} {second}."
    alignment = QuoteFinder(text).align(f"{head} {second}".replace("a", "aa", 1))
    assert alignment.verdict == "fuzzy"
    assert alignment.spans[0].start == text.rindex(head)


@given(proses(30), st.data())
def test_what_stands_in_a_text_is_found(text: str, data: st.DataObject) -> None:
    """Words of a text are found however they are set, with spans that hold nothing else."""
    gaps = [0, *(at for at, sign in enumerate(text) if sign.isspace()), len(text)]
    start, end = sorted(data.draw(st.tuples(*[st.sampled_from(gaps)] * 2)))
    assume(not text[:start].rstrip().endswith("n't"))  # "don't | go" is not quoted as "go"
    quote = text[start:end].replace('"', "”").replace("'", "’").upper()
    space = data.draw(st.sampled_from([" ", "  ", "\u00a0", "\r\n"]))
    quote = f"“{space.join(quote.split())}”"
    wording = Wording.of(quote)
    alignment = QuoteFinder(text).align(quote)
    if not wording.proves:
        assert alignment.verdict == "fabricated"
    else:
        assert (alignment.verdict, alignment.score) == ("found", 100)
        (span,) = alignment.spans
        assert Wording.of(text[span.start : span.end]).bare == wording.bare


@given(texts(), texts(10), st.data())
def test_any_texts_are_aligned(text: str, other: str, data: st.DataObject) -> None:
    """Any str is a text and a quote; spans lie within the text, and within the part if found."""
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text) + 9)] * 2)))
    middle = text[len(text) // 4 : len(text) // 2]
    for quote in (other, middle, f"{middle} … {other}", f"{other[::-1]}{middle}"):
        alignment = QuoteFinder(text).align(quote, Span(start, end))
        assert alignment == QuoteFinder(text).align(quote, Span(start, end))
        assert bool(alignment.spans) == (alignment.verdict != "fabricated")
        assert 0 <= alignment.score <= 100
        assert all(span.start < span.end <= len(text) for span in alignment.spans)
        if alignment.verdict in ("found", "fuzzy"):
            assert all(start <= span.start and span.end <= end for span in alignment.spans)


@pytest.mark.parametrize("name", hostile_texts(1))
def test_hostile_texts_and_quotes(name: str) -> None:
    """Long runs of whatever are aligned with themselves and with each other."""
    text = hostile_texts(50_000)[name]
    finder = QuoteFinder(text)
    quotes = (
        *(text, text[1_000:1_500], f"{text[:300]} not here {text[-300:]}"),
        *("a" * 50_000, "aaaaaaaaaaaab" * 40, "(a+)+$ [^x]* (?:" * 1_000, "a b … " * 5_000),
    )
    for quote in quotes:
        alignment = finder.align(quote, Span(10, len(text) // 2))
        assert all(span.end <= len(text) for span in alignment.spans)
