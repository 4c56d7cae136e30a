"""Chunks are lossless, exact, even, and cut where a reader would cut."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from pydoc_data.topics import topics
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minikit.errors import ArgumentError, ChunkTooSmallError, SourceError
from minikit.models.model import Model
from minikit.text.document import Document, Span
from minikit.text.split import Chunk, split, split_evenly
from minikit.tokens.counting import count_text
from strategies import hostile_texts, proses, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

regex: Any = import_module("regex")  # comes with tiktoken; knows Unicode's rules in full

ENGLISH = "\n".join(topics.values())
MODEL = Model(id="mine", context_window=1000, max_output_tokens=100)
OLD_MODEL = Model(id="old", context_window=1000, max_output_tokens=100, encoding="cl100k_base")
HOSTILE = hostile_texts(60_000)


def words(count: int, seed: int = 1) -> str:
    """Make prose of so many words, without line ends."""
    draw = random.Random(seed)  # noqa: S311 - test data
    made = ["".join(draw.choices("aeinorst", k=draw.randint(2, 9))) for _ in range(count)]
    return " ".join(word.capitalize() + "." if draw.random() < 0.07 else word for word in made)


def assert_partition(chunks: Sequence[Chunk], text: str) -> None:
    """Check that the chunks are contiguous, not empty, and joined give `text`."""
    assert "".join(chunk.text for chunk in chunks) == text
    assert all(chunk.text == text[chunk.start : chunk.end] for chunk in chunks)
    assert all(chunk.text for chunk in chunks)
    assert all(before.end == after.start for before, after in pairwise(chunks))


def cuts(chunks: Sequence[Chunk]) -> list[int]:
    """Return where the chunks but the first start."""
    return [chunk.start for chunk in chunks[1:]]


@given(text=texts(), limit=st.integers(3, 300), model=st.sampled_from([MODEL, OLD_MODEL]))
@example(text="\r\n" * 30, limit=3, model=MODEL)
@example(text="\U0001f1e9\U0001f1ea" * 40, limit=9, model=MODEL)
def test_any_text(text: str, limit: int, model: Model) -> None:
    """Chunks partition any text, obey the limit, count exactly, and keep CRLF and pairs whole."""
    try:
        chunks = split(text, limit, model=model)
    except ChunkTooSmallError:
        assert any(count_text(sign, model.encoding) > limit for sign in text)
        return
    assert_partition(chunks, text)
    for chunk in chunks:
        assert chunk.tokens == count_text(chunk.text, model.encoding) <= limit
    for cut in cuts(chunks):
        assert text[cut - 1 : cut + 1] != "\r\n"
        assert not ("\ud800" <= text[cut - 1] < "\udc00" <= text[cut] <= "\udfff")


@pytest.mark.parametrize("limit", [100, 4000])
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text(kind: str, limit: int) -> None:
    """Runs of one kind of character are cut into not many more chunks than needed."""
    text = HOSTILE[kind]
    chunks = split(text, limit)
    assert_partition(chunks, text)
    assert all(chunk.tokens == count_text(chunk.text, "o200k_base") <= limit for chunk in chunks)
    assert sum(chunk.tokens for chunk in chunks) >= 0.4 * limit * (len(chunks) - 1)


@given(text=proses(), limit=st.integers(40, 120))
def test_words_are_whole(text: str, limit: int) -> None:
    """No cut of prose lies within a word."""
    for cut in cuts(split(text, limit)):
        assert not (text[cut - 1].isalnum() and text[cut].isalnum())


@given(
    clusters=st.lists(
        st.sampled_from(["e\u0301\u0301", "👨‍👩‍👧‍👦", "👍🏽", "🇩🇪", "각", "a", " ", "क्ष", "\r\n"])
    ),
    limit=st.integers(40, 80),
)
def test_clusters_are_whole(clusters: list[str], limit: int) -> None:
    """No cut lies within a grapheme cluster that fits into a chunk."""
    text = "".join(clusters)
    ends = {match.end() for match in regex.finditer(r"\X", text)}
    assert ends.issuperset(cuts(split(text, limit)))


@given(text=texts(), limit=st.integers(12, 200), data=st.data())
def test_overlap(text: str, limit: int, data: st.DataObject) -> None:
    """What is repeated obeys the overlap, and the whole chunk the limit."""
    overlap = data.draw(st.integers(0, limit - 8))
    chunks = split(text, limit, overlap=overlap)
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end]
        assert chunk.tokens == count_text(chunk.text, "o200k_base") <= limit
    for before, after in pairwise(chunks):
        assert before.start <= after.start <= before.end < after.end
        assert count_text(text[after.start : before.end], "o200k_base") <= overlap
    assert [chunk.end for chunk in chunks[-1:]] == [len(text)][: len(chunks)]


def test_overlap_is_nearly_used_up() -> None:
    """About as many tokens are repeated as are allowed, from the start of a word."""
    chunks = split(ENGLISH[:50_000], 400, overlap=50)
    repeated = [ENGLISH[after.start : before.end] for before, after in pairwise(chunks)]
    counts = [count_text(text, "o200k_base") for text in repeated]
    assert sum(counts) > 35 * len(counts)
    assert not any(
        ENGLISH[chunk.start - 1].isalnum() and ENGLISH[chunk.start].isalnum()
        for chunk in chunks[1:]
    )


def test_overlap_takes_no_cluster_apart() -> None:
    """Nothing is repeated where that would begin within a cluster."""
    chunks = split("e" + "\u0301" * 200 + "x", 60, overlap=20)
    assert all(before.end == after.start for before, after in pairwise(chunks))


@pytest.mark.parametrize("limit", [512, 4000])
def test_chunks_are_few_and_even(limit: int) -> None:
    """At most 8 in 100 chunks more than needed, and all within a tenth of the same size."""
    chunks = split(ENGLISH, limit)
    tokens = [chunk.tokens for chunk in chunks]
    assert len(chunks) <= -(-sum(tokens) // limit) / 0.92
    assert min(tokens) > 0.75 * max(tokens)
    assert sum(tokens) / len(tokens) > 0.92 * limit


def test_two_chunks_share_evenly() -> None:
    """A text a little over the limit is halved."""
    text = words(1100)
    limit = count_text(text, "o200k_base") - 10
    first, second = split(text, limit)
    assert abs(first.tokens - second.tokens) < 100


def test_prose_is_cut_at_ends_of_sentences() -> None:
    """At least 95 of 100 cuts of prose without line ends follow a full stop."""
    text = words(30_000)
    found = cuts(split(text, 512))
    assert sum(text[cut - 1] == "." for cut in found) >= 0.95 * len(found)


def test_crlf_is_as_good_as_lf() -> None:
    """With CRLF about as many cuts follow blank lines."""
    limits = range(480, 600, 20)
    found = {
        newline: sum(
            text[:cut].endswith(newline * 2) for limit in limits for cut in cuts(split(text, limit))
        )
        for newline in ("\n", "\r\n")
        if (text := ENGLISH[:200_000].replace("\n", newline))
    }
    assert abs(found["\n"] - found["\r\n"]) < 0.1 * found["\n"]


def test_headings_are_cut_before_and_known() -> None:
    """A chunk begins with its heading and knows those above it."""
    sections = [f"## Part {number}\n\n{words(300, number)}\n\n" for number in range(4)]
    text = "# Book\n\n" + "".join(sections)
    chunks = split(text, max(count_text(section, "o200k_base") for section in sections) + 20)
    assert [chunk.headings for chunk in chunks] == [
        ("Book",),
        ("Book", "Part 1"),
        ("Book", "Part 2"),
        ("Book", "Part 3"),
    ]
    assert all(chunk.text.startswith("## Part") for chunk in chunks[1:])


def test_overlap_does_not_change_the_headings() -> None:
    """The path is that of the new text, not of what is repeated."""
    text = f"# One\n\n{words(100)}\n\n# Two\n\n{words(100)}"
    limit = count_text(text, "o200k_base") - 60
    assert [chunk.headings for chunk in split(text, limit, overlap=30)] == [("One",), ("Two",)]


def test_blank_start_belongs_to_the_heading_below() -> None:
    """White space before the first sign does not hide a heading."""
    assert split("\n\n# One\n\nText.", 100)[0].headings == ("One",)
    assert split("# One\n" + " \n" * 500, 7)[-1].headings == ("One",)


@given(text=proses(), chunks=st.integers(1, 9))
def test_split_evenly(text: str, chunks: int) -> None:
    """At least as many chunks as asked for, none over the limit."""
    found = split_evenly(text, 100, model=MODEL, chunks=chunks)
    assert_partition(found, text)
    assert len(found) >= min(chunks, count_text(text, "o200k_base") // 4)
    assert all(chunk.tokens <= 100 for chunk in found)


def test_split_evenly_makes_chunks_of_one_size() -> None:
    """Chunks of a text that would fit at once differ little."""
    tokens = [chunk.tokens for chunk in split_evenly(ENGLISH, 100_000, model=MODEL, chunks=16)]
    assert len(tokens) == 16
    assert max(tokens) < 1.1 * min(tokens)


def test_split_evenly_of_few_characters() -> None:
    """There cannot be more chunks than characters."""
    assert [chunk.text for chunk in split_evenly("ab", 10, model=MODEL, chunks=5)] == ["a", "b"]


def test_empty_text_has_no_chunk() -> None:
    """Nothing gives nothing."""
    assert split("", 10) == []


def test_document_is_split_like_its_text() -> None:
    """Offsets are those of the document's text."""
    assert split(Document(text=ENGLISH), 4000) == split(ENGLISH, 4000)


def test_short_text_loads_no_vocabulary() -> None:
    """A text whose bytes fit is not counted until its tokens are asked for."""
    program = (
        "import sys\n"
        "from minikit.text.split import split\n"
        "(chunk,) = split('# Title\\n\\nshort', 1000)\n"
        "assert 'tiktoken' not in sys.modules\n"
        "print(chunk.tokens, chunk.headings)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "4 ('Title',)\n", "")


def test_chunk_is_a_value() -> None:
    """A chunk compares by what it shows, cannot be changed, and pickles."""
    (chunk,) = split("Some text.", 100)
    same = Chunk(text="Some text.", start=0, end=10)
    assert chunk == same
    assert chunk.tokens == 3
    assert (chunk, hash(chunk)) == (same, hash(same))
    assert pickle.loads(pickle.dumps(chunk)) == chunk  # noqa: S301 - our own data
    assert chunk.span == Span(0, 10)
    assert repr(same) == (
        "Chunk(text='Some text.', start=0, end=10, headings=(), encoding_name='o200k_base')"
    )
    with pytest.raises(AttributeError, match="start"):
        chunk.start = 1  # type: ignore[misc]


@pytest.mark.parametrize("limit", [True, 0, -1, 1.5, "7", None])
def test_bad_limit(limit: object) -> None:
    """The limit is an int of 1 or more."""
    with pytest.raises(ArgumentError, match="max_tokens must be an int of 1 or more, not"):
        split("text", limit)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="max_tokens must be an int of 1 or more, not"):
        split_evenly("text", limit, model=MODEL, chunks=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("chunks", [True, 0, 2.0])
def test_bad_number_of_chunks(chunks: object) -> None:
    """The number of chunks is an int of 1 or more."""
    with pytest.raises(ArgumentError, match="chunks must be an int of 1 or more, not"):
        split_evenly("text", 5, model=MODEL, chunks=chunks)  # type: ignore[arg-type]


def test_bad_overlap() -> None:
    """The overlap is an int from 0 to below the limit."""
    with pytest.raises(ArgumentError, match="overlap must be an int of 0 or more, not -1"):
        split("text", 5, overlap=-1)
    with pytest.raises(ArgumentError, match="less than max_tokens=5, not 5"):
        split("text", 5, overlap=5)


def test_bad_source(tmp_path: Path) -> None:
    """What is no text is refused before anything is counted."""
    with pytest.raises(SourceError, match="not int"):
        split(7, 5)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="no such file"):
        split(tmp_path / "missing.txt", 5)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["ab𒀀", "𒀀", "\ud808\udc00", "𒀀" * 50])
def test_character_larger_than_a_chunk(text: str) -> None:
    """The error names the place, the need and the limit."""
    with pytest.raises(ChunkTooSmallError, match=r"offset [02] needs 4 tokens.* may have 2; allow"):
        split(text, 2)


def test_overlap_gives_way_to_what_must_fit() -> None:
    """A character that needs more than what overlap leaves is no reason to fail."""
    text = "abc \U00012000 def " * 10
    chunks = split(text, 10, overlap=8)
    assert all(count_text(chunk.text, "o200k_base") <= 10 for chunk in chunks)
    assert all(after.start <= before.end for before, after in pairwise(chunks))
    assert chunks[-1].end == len(text)
