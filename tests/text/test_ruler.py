"""The ruler counts any stretch as if it were encoded alone."""

from __future__ import annotations

from pydoc_data.topics import topics

from hypothesis import given
from hypothesis import strategies as st

from minikit.text.ruler import Ruler
from minikit.tokens.counting import count_text
from strategies import texts

ENGLISH = "\n".join(topics.values())


@given(text=texts().filter(bool), data=st.data())
def test_stretches_count_exactly(text: str, data: st.DataObject) -> None:
    """Whatever the blocks, a stretch has the tokens that it has by itself."""
    ruler = Ruler(text, "o200k_base", data.draw(st.integers(1, 30)))
    offsets = st.integers(0, len(text))
    for _ in range(4):
        start, end = sorted([data.draw(offsets), data.draw(offsets)])
        assert count_text(text[start:end], "o200k_base") == ruler.count(start, end)


@given(text=texts().filter(bool), data=st.data())
def test_offsets_and_tokens_go_up_together(text: str, data: st.DataObject) -> None:
    """An estimate lies within the text, and more tokens never lie before fewer."""
    ruler = Ruler(text, "cl100k_base", data.draw(st.integers(1, 30)))
    tokens = sorted(data.draw(st.lists(st.floats(-5, ruler.total + 5))))
    offsets = [ruler.offset(each) for each in tokens]
    assert offsets == sorted(offsets)
    assert all(0 <= offset <= len(text) for offset in offsets)
    assert ruler.offset(ruler.total) == len(text)


def test_long_text_is_counted_in_two_threads() -> None:
    """A text of more than a megabyte has the same count."""
    text = ENGLISH * 3
    ruler = Ruler(text, "o200k_base", 300)
    assert len(text) > 1_000_000
    assert count_text(text, "o200k_base") == ruler.total == ruler.count(0, len(text))
