"""The bundled vocabularies are OpenAI's tables, and damage is noticed."""

from __future__ import annotations

import base64
import bz2
import hashlib
import importlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tiktoken
from hypothesis import given

from minikit.errors import ArgumentError, VocabularyError
from minikit.tokens import vocabulary
from minikit.tokens.vocabulary import VOCABULARIES, encoding
from strategies import texts

# The hashes that tiktoken_ext.openai_public expects of the files it downloads.
PUBLISHED = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}
BUNDLED = Path(vocabulary.__file__).with_name("vocabularies")


@pytest.mark.parametrize("name", PUBLISHED)
def test_ranks_are_those_that_openai_publishes(name: str) -> None:
    """Written in the published form, a bundled vocabulary has the published sha256."""
    digest = hashlib.sha256()
    for token, rank in VOCABULARIES[name].ranks().items():
        digest.update(base64.b64encode(token) + f" {rank}\n".encode())
    assert PUBLISHED[name] == digest.hexdigest()


@pytest.fixture(scope="module", params=PUBLISHED)
def published(request: pytest.FixtureRequest) -> tiktoken.Encoding:
    """The installed tiktoken's own definition, over our tokens."""
    patch = pytest.MonkeyPatch()
    public = importlib.import_module("tiktoken_ext.openai_public")
    patch.setattr(public, "load_tiktoken_bpe", lambda *_, **__: VOCABULARIES[request.param].ranks())
    try:
        return tiktoken.Encoding(**getattr(public, request.param)())
    finally:
        patch.undo()


@given(text=texts())
def test_encoding_is_that_of_tiktoken(published: tiktoken.Encoding, text: str) -> None:
    """Ordinary and special tokens are those of the installed tiktoken."""
    ours = encoding(published.name)
    assert published.encode_ordinary(text) == ours.encode_ordinary(text)
    assert published.special_tokens_set == ours.special_tokens_set
    assert published.encode("<|endoftext|>", allowed_special="all") == ours.encode(
        "<|endoftext|>", allowed_special="all"
    )


def test_encoding_is_loaded_once_by_many_threads() -> None:
    """Every thread gets the same object."""
    with ThreadPoolExecutor(8) as pool:
        got = set(pool.map(lambda _: id(encoding("cl100k_base")), range(32)))
    assert {id(encoding("cl100k_base"))} == got


def test_copies_are_equal_but_not_the_same() -> None:
    """A copy for another thread encodes alike."""
    first, second = encoding("cl100k_base"), encoding("cl100k_base", copy=1)
    assert first is not second
    assert first.encode_ordinary("Two threads.") == second.encode_ordinary("Two threads.")


def test_no_network_and_no_cache_of_tiktoken_is_used() -> None:
    """An encoding is built where every connection fails and tiktoken's cache is empty."""
    program = (
        "import os, socket, sys\n"
        "def refuse(*_): raise AssertionError('network')\n"
        "socket.socket.connect = refuse\n"
        "before = dict(os.environ)\n"
        "from minikit.tokens.vocabulary import encoding\n"
        "assert 'tiktoken' not in sys.modules\n"
        "print(encoding('o200k_base').encode_ordinary('hello world'))\n"
        "assert dict(os.environ) == before\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[24912, 2375]\n", "")


def test_unknown_name_says_which_there_are() -> None:
    """A name that is not bundled is an argument error."""
    with pytest.raises(ArgumentError, match="'p50k_base'; there are 'o200k_base', 'cl100k_base'"):
        encoding("p50k_base")


def test_missing_file_is_a_vocabulary_error(tmp_path: Path) -> None:
    """A missing file names the file and the way out."""
    with pytest.raises(VocabularyError, match=r"cl100k_base\.bz2.*reinstall minikit"):
        VOCABULARIES["cl100k_base"].ranks(tmp_path)


@pytest.mark.parametrize("size", [0, 1000])
def test_truncated_file_is_a_vocabulary_error(tmp_path: Path, size: int) -> None:
    """A file cut short does not unpack."""
    packed = (BUNDLED / "cl100k_base.bz2").read_bytes()
    (tmp_path / "cl100k_base.bz2").write_bytes(packed[:size])
    with pytest.raises(VocabularyError, match=r"cl100k_base\.bz2' is damaged"):
        VOCABULARIES["cl100k_base"].ranks(tmp_path)


def test_changed_token_is_a_vocabulary_error(tmp_path: Path) -> None:
    """A file that unpacks to other tokens fails its sha256."""
    unpacked = bytearray(bz2.decompress((BUNDLED / "cl100k_base.bz2").read_bytes()))
    unpacked[-1] ^= 1
    (tmp_path / "cl100k_base.bz2").write_bytes(bz2.compress(bytes(unpacked)))
    with pytest.raises(VocabularyError, match=r"cl100k_base\.bz2' is damaged \(its sha256"):
        VOCABULARIES["cl100k_base"].ranks(tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_fork_while_a_vocabulary_loads() -> None:
    """A child made while a thread loads a vocabulary can load one itself."""
    code = (
        "import os, threading, warnings\n"
        "warnings.simplefilter('ignore', DeprecationWarning)\n"
        "from minikit.tokens import vocabulary\n"
        "thread = threading.Thread(target=vocabulary.encoding, args=('o200k_base',))\n"
        "thread.start()\n"
        "while not vocabulary._lock.locked() and thread.is_alive(): pass\n"
        "pid = os.fork()\n"
        "assert vocabulary.encoding('o200k_base').encode_ordinary('hello world')\n"
        "thread.join() if pid else os._exit(0)\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
