"""One splitter and counter, timed beside tiktoken: `chunker.py PEER FILE LIMIT RUNS`.

Runs in the environment of the peer, so that it imports nothing of this repository but minikit where
that is the peer. Prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any


def encoder() -> Any:  # noqa: ANN401 - tiktoken's
    """Return the encoding that all count in."""
    if sys.argv[1] == "minikit":
        from minikit.tokens.vocabulary import encoding

        return encoding("o200k_base")
    import tiktoken

    return tiktoken.get_encoding("o200k_base")


def minikit(limit: int) -> tuple[Callable[[str], list[str]], Callable[[str], int]]:
    """Return the splitter and the counter."""
    from minikit import count_tokens, split

    return lambda text: [chunk.text for chunk in split(text, limit)], count_tokens


def raw(limit: int) -> tuple[Callable[[str], list[str]], Callable[[str], int]]:
    """Return what a program without a library does: cut the ids."""
    encoding = encoder()

    def split(text: str) -> list[str]:
        ids = encoding.encode(text, disallowed_special=())
        return [encoding.decode(ids[at : at + limit]) for at in range(0, len(ids), limit)]

    return split, lambda text: len(encoding.encode(text, disallowed_special=()))


def langchain(limit: int) -> tuple[Callable[[str], list[str]], Callable[[str], int]]:
    """Return the recursive splitter, as its documentation recommends."""
    chat: Any = import_module("langchain_openai").ChatOpenAI
    splitters: Any = import_module("langchain_text_splitters")

    splitter = splitters.RecursiveCharacterTextSplitter.from_tiktoken_encoder(
        encoding_name="o200k_base", chunk_size=limit, chunk_overlap=0
    )
    model = chat(model="gpt-4o-mini", api_key="none")
    return splitter.split_text, model.get_num_tokens


def llamaindex(limit: int) -> tuple[Callable[[str], list[str]], Callable[[str], int]]:
    """Return the sentence splitter, and the counter of its callbacks."""
    sentences: Any = import_module("llama_index.core.node_parser").SentenceSplitter
    counter: Any = import_module("llama_index.core.utilities.token_counting").TokenCounter

    encode = encoder().encode
    splitter = sentences(chunk_size=limit, chunk_overlap=0, tokenizer=encode)
    return splitter.split_text, counter(tokenizer=encode).get_string_tokens


def ratio(work: Callable[[], object], plain: Callable[[], object], runs: int) -> float:
    """Return how long `work` takes, as a multiple of `plain`."""
    pairs = [(_seconds(plain), _seconds(work)) for _ in range(runs)]
    return median(ours / theirs for theirs, ours in pairs)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main(peer: str, file: str, limit: int, runs: int) -> None:
    """Measure and print."""
    text = Path(file).read_bytes().decode()
    split, count = globals()[peer](limit)
    encoding = encoder()

    def plain() -> list[int]:
        ids: list[int] = encoding.encode_ordinary(text)
        return ids

    tokens = len(plain())
    chunks = split(text)  # what is loaded once is not timed
    lengths = [len(encoding.encode_ordinary(chunk)) for chunk in chunks]
    row = {
        "peer": peer,
        "limit": limit,
        "split": round(ratio(lambda: split(text), plain, runs), 3),
        "count": round(ratio(lambda: count(text), plain, runs), 3),
        "chunks": len(chunks),
        "fill": round(-(-tokens // limit) / len(chunks), 3),
        "over": sum(length > limit for length in lengths),
        "whole": "".join(chunks) == text,
    }
    print(json.dumps(row))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
