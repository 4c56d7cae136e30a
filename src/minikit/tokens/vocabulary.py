"""The bundled vocabularies as tiktoken encodings; nothing is downloaded, ever.

A vocabulary file is bzip2 of: the 256 one-byte tokens in the order of their ranks, then all longer
tokens in the order of their ranks, joined by the byte 0xFF, which occurs in none of them. This is
the smallest of the forms tried (bzip2 and xz, with lengths or separators, sorted or by script, as
merges) and loads as fast as the others. The tests prove that the files hold OpenAI's own tables.
"""

from __future__ import annotations

import bz2
import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from minikit.errors import ArgumentError, VocabularyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tiktoken import Encoding

__all__ = ["VOCABULARIES", "Vocabulary", "encoding"]

_FOLDER = Path(__file__).with_name("vocabularies")
_SEPARATOR = b"\xff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """How one encoding splits text and numbers its tokens.

    Attributes:
        name: The name that tiktoken knows it by; the file is `<name>.bz2`.
        sha256: Of the unpacked file, in hexadecimal.
        pattern: The regular expression that cuts text into pieces before the byte pairs are merged.
        special_tokens: The numbers of the control tokens, which no count of text ever uses.
    """

    name: str
    sha256: str
    pattern: str
    special_tokens: Mapping[str, int]

    def ranks(self, folder: Path = _FOLDER) -> dict[bytes, int]:
        """Read every token with its rank from `folder`.

        Raises:
            VocabularyError: The file is missing, or not the one this vocabulary was made with.
        """
        file = folder / f"{self.name}.bz2"
        try:
            unpacked = bz2.decompress(file.read_bytes())
        except (OSError, ValueError) as error:
            raise VocabularyError(self._complaint(file, str(error))) from error
        if hashlib.sha256(unpacked).hexdigest() != self.sha256:
            raise VocabularyError(self._complaint(file, "its sha256 is not the expected one"))
        tokens = [unpacked[i : i + 1] for i in range(256)] + unpacked[256:].split(_SEPARATOR)
        return {token: rank for rank, token in enumerate(tokens)}

    def _complaint(self, file: Path, reason: str) -> str:
        return f"the vocabulary {str(file)!r} is damaged ({reason}); reinstall minikit"


# Patterns and special tokens as in tiktoken_ext.openai_public of tiktoken 0.14.0, read 2026-11-22.
VOCABULARIES: Mapping[str, Vocabulary] = {
    vocabulary.name: vocabulary
    for vocabulary in (
        Vocabulary(
            name="o200k_base",
            sha256="2389893ec9091bbd4f21a3a65be87b3e5eeeab662157f16c65d7706b4c892338",
            pattern="|".join(
                [
                    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*"
                    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
                    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
                    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
                    r"\p{N}{1,3}",
                    r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
                    r"\s*[\r\n]+",
                    r"\s+(?!\S)",
                    r"\s+",
                ]
            ),
            special_tokens={"<|endoftext|>": 199999, "<|endofprompt|>": 200018},
        ),
        Vocabulary(
            name="cl100k_base",
            sha256="db57ebf8a1ae3bb1cc29f10c1b3403b06a0a5689bd9651ead468bb81dc612217",
            pattern="|".join(
                [
                    r"'(?i:[sdmt]|ll|ve|re)",
                    r"[^\r\n\p{L}\p{N}]?+\p{L}++",
                    r"\p{N}{1,3}+",
                    r" ?[^\s\p{L}\p{N}]++[\r\n]*+",
                    r"\s++$",
                    r"\s*[\r\n]",
                    r"\s+(?!\S)",
                    r"\s",
                ]
            ),
            special_tokens={
                "<|endoftext|>": 100257,
                "<|fim_prefix|>": 100258,
                "<|fim_middle|>": 100259,
                "<|fim_suffix|>": 100260,
                "<|endofprompt|>": 100276,
            },
        ),
    )
}

_lock = Lock()
if sys.platform != "win32":
    # Held by a thread at the moment of a fork, the lock would stay held in the child for ever.
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )
_ranks: dict[str, dict[bytes, int]] = {}
_encodings: dict[tuple[str, int], Encoding] = {}


def encoding(name: str, *, copy: int = 0) -> Encoding:
    """Return the bundled encoding `name`; it is loaded once (about 0.3 s) and then kept.

    Safe to call, and the result safe to use, from any thread. Two threads that encode at the same
    time slow each other down on one encoding; each can ask for a copy of its own.

    Args:
        name: "o200k_base" or "cl100k_base".
        copy: Which of the equal copies; any other than 0 costs its own loading and memory.

    Raises:
        ArgumentError: No bundled vocabulary has this name.
        VocabularyError: The bundled file is missing or damaged.
    """
    with _lock:
        if (name, copy) not in _encodings:
            _encodings[name, copy] = _build(name)
        return _encodings[name, copy]


def _build(name: str) -> Encoding:
    if name not in VOCABULARIES:
        raise ArgumentError(
            f"no vocabulary is called {name!r}; there are {', '.join(map(repr, VOCABULARIES))}"
        )
    vocabulary = VOCABULARIES[name]
    if name not in _ranks:
        _ranks[name] = vocabulary.ranks()
    from tiktoken import Encoding

    return Encoding(
        name,
        pat_str=vocabulary.pattern,
        mergeable_ranks=_ranks[name],
        special_tokens=dict(vocabulary.special_tokens),
    )
