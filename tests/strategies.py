"""Hypothesis strategies for texts, from prose to what breaks tokenizers and splitters."""

from __future__ import annotations

from random import Random

from hypothesis import settings
from hypothesis import strategies as st

__all__ = ["hostile_texts", "pieces", "proses", "texts"]

settings.register_profile("untimed", deadline=None)  # a machine may be busy
settings.load_profile("untimed")

_WORDS = ["a", "the", "House", "naïve", "don't", "I'LL", "x86", "2026", "3.14", "ROOM", "camelCase"]
_ENDS = [". ", "! ", "?\n", '." ', ".\n\n", "; ", ",\t", " - ", "...", "\r\n", "\n\n\n", " "]
_SCRIPTS = [
    "東京は晴れです。",
    "你好，世界！",
    "안녕하세요. ",
    "नमस्ते। ",
    "مرحبا؟ ",
    "Привет, мир. ",
    "ไทยแลนด์",
]
_EMOJI = ["👨‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇩🇪🇫🇷", "❤️", "😀"]
_ODD = [
    *("<|endoftext|>", "<|im_start|>", "\x00", "\ud800", "\udc00", "\ud83d\ude00"),
    *("e\u0301\u0301\u0301", "ſ's", "'ſ", "\u2028", "\u3000", "\xa0", "\x85", "\x1c"),
    *("\u200b", "\ufeff", "\ufffd", "//\n//", "/\r\n", "\x0b\x0c"),
]
_MARKDOWN = [
    "# One\n",
    "## Two ##\n",
    "Title\n=====\n",
    "```\n# code\n```\n",
    "- item\n",
    "CHAPTER I\n\n",
]


def pieces() -> st.SearchStrategy[str]:
    """Words, ends, scripts, emoji, headings, odd characters, and runs of one of them."""
    sample = st.sampled_from([*_WORDS, *_ENDS, *_SCRIPTS, *_EMOJI, *_ODD, *_MARKDOWN])
    runs = st.builds(
        lambda unit, times: unit * times,
        st.sampled_from(
            [" ", "\n", "\r\n", "\t", "a", "A", "=", "/", "'", "1", "漢", "\u0301", "\u3000"]
        ),
        st.integers(1, 300),
    )
    letters = st.text("abcdefghijklmnopqrstuvwxyzABC", min_size=1, max_size=200)
    return st.one_of(sample, sample, runs, letters, st.text(st.characters(codec=None), max_size=8))


def texts(max_pieces: int = 40) -> st.SearchStrategy[str]:
    """Any text, lone surrogates included; mostly of `pieces` side by side."""
    return st.lists(pieces(), max_size=max_pieces).map("".join)


def proses(max_sentences: int = 60) -> st.SearchStrategy[str]:
    """Sentences of words, in paragraphs, with LF or CRLF."""
    sentence = st.builds(
        lambda words, end: " ".join(words) + end,
        st.lists(st.sampled_from(_WORDS), min_size=1, max_size=12),
        st.sampled_from([". ", "? ", ".\n", ".\n\n", "!\r\n\r\n", '." ']),
    )
    return st.lists(sentence, max_size=max_sentences).map("".join)


def hostile_texts(size: int = 1_000_000) -> dict[str, str]:
    """Texts of about `size` bytes by name that break or stall tokenizers and splitters."""
    draw = Random(1).choices  # noqa: S311 - test data
    emoji = "👨‍👩‍👧‍👦🏳️‍🌈👍🏽"
    return {
        "one letter": "a" * size,
        "spaces": " " * size,
        "newlines": "\n" * (size // 5),
        "CRLF": "\r\n" * (size // 5),
        "ideographic spaces": "\u3000" * (size // 3),
        "one sign": "=" * size,
        "letters": "".join(draw("abcdefghijklmnopqrstuvwxyz", k=size)),
        "capitals": "".join(draw("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=size)),
        "base64": "".join(draw("ABCDwxyz0123456789+/", k=size)),
        "digits": "".join(draw("0123456789", k=size)),
        "signs": "".join(draw("!#$%&()*+,-.:;<=>?@[]^_{|}~'/", k=size)),
        "han": "".join(draw([chr(c) for c in range(0x4E00, 0x5200)], k=size // 3)),
        "emoji": emoji * (size // len(emoji.encode())),
        "combining": ("e" + "\u0301" * 9) * (size // 19),
        "one cluster": "e" + "\u0301" * (size // 2),
        "surrogates": "hello \ud800 world. " * (size // 16),
        "NUL": "abc\x00def \x00\x00. " * (size // 13),
        "special": "Some text <|endoftext|> and more text. " * (size // 39),
        "words": " ".join("".join(draw("etaoinshr", k=5)) for _ in range(size // 6)),
    }
