"""Partitions: what goes to a worker together, and what it is called."""

from __future__ import annotations

import pickle
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit import ArgumentError, Document, SourceError, SourceWarning
from minikit.jobs.corpus import partition as partitioning
from minikit.jobs.corpus.entries import Entry, entries_of
from minikit.jobs.corpus.partition import Partition, partitioned
from strategies import texts


def cut(sources: list[str], size: int) -> list[Partition]:
    """Return the partitions of texts."""
    entries = entries_of(sources)
    found = partitioned(entries, size)
    assert not hasattr(found, "__anext__")
    return list(found)


async def take(partitions: AsyncIterable[Partition], found: list[Partition]) -> None:
    """Take all partitions, and keep them, until there are no more or an error."""
    async for each in partitions:
        found.append(each)  # noqa: PERF401 - those before an error, too


@settings(max_examples=30)
@given(sources=st.lists(texts(), max_size=60), size=st.integers(1, 8))
def test_every_document_is_in_one_partition(sources: list[str], size: int) -> None:
    """Nothing is lost, nothing is twice, the order stays, and no two have the same name."""
    found = cut(sources, size)
    entries = [entry for each in found for entry in each.entries]
    assert [entry.source for entry in entries] == sources
    assert [entry.index for entry in entries] == list(range(len(sources)))
    assert [each.number for each in found] == list(range(len(found)))
    assert len({each.name for each in found}) == len(found)
    assert all(1 <= len(each.entries) <= 4 * size for each in found)
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own


def test_a_new_document_moves_few_others() -> None:
    """Where a document is put in between, most partitions are as they were."""
    sources = [f"Text {number}" for number in range(2_000)]
    before = {each.name: len(each.entries) for each in cut(sources, 16)}
    after = {
        each.name: len(each.entries) for each in cut([*sources[:700], "new", *sources[700:]], 16)
    }
    assert len(before.items() & after.items()) >= len(before) - 3
    assert 60 <= len(before) <= 200


def test_a_partition_carries_so_much_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long documents are not piled up."""
    monkeypatch.setattr(partitioning, "MOST_CHARACTERS", 10)
    assert [len(each.entries) for each in cut(["abcdefgh"] * 3, 100)] == [1, 1, 1]


@pytest.mark.anyio
async def test_what_was_read_before_an_error_is_not_lost() -> None:
    """The last partition says that it is cut off, and the error comes after it."""

    def broken() -> Iterator[str]:
        yield from ("one", "two", "three")
        raise KeyError("lost")

    async def broken_later(sources: Iterator[str]) -> AsyncIterator[str]:
        for source in sources:
            await anyio.lowlevel.checkpoint()
            yield source

    found: list[Partition] = []
    read = partitioned(entries_of(broken()), 100)
    assert not hasattr(read, "__anext__")
    with pytest.raises(KeyError, match="lost"):
        found.extend(read)
    later = partitioned(entries_of(broken_later(broken())), 100)
    assert isinstance(later, AsyncGenerator)
    with pytest.raises(KeyError, match="lost"):
        await take(later, found)
    assert [(len(each.entries), each.is_cut_off) for each in found] == [(3, True)] * 2
    assert found[0] == found[1]
    nothing = partitioned(entries_of(broken_later(iter(()))), 100)
    assert isinstance(nothing, AsyncGenerator)
    await take(nothing, found)
    assert len(found) == 2
    assert not cut(["one"], 100)[0].is_cut_off


@pytest.mark.anyio
async def test_documents_that_are_awaited() -> None:
    """An async iterable is cut alike, and is closed at the end."""

    async def sources() -> object:
        for number in range(20):
            await anyio.lowlevel.checkpoint()
            yield f"Text {number}"

    found = partitioned(entries_of(sources()), 4)  # type: ignore[arg-type] # an async generator
    names = [each.name async for each in found]  # type: ignore[union-attr] # as it is one
    assert names == [each.name for each in cut([f"Text {number}" for number in range(20)], 4)]


class Queue:
    """Documents of an async iterator that is no generator, and has nothing to close."""

    def __init__(self, *sources: str) -> None:
        self.left = list(sources)

    def __aiter__(self) -> Queue:
        """Return itself."""
        return self

    async def __anext__(self) -> str:
        """Return the next one."""
        await anyio.lowlevel.checkpoint()
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop(0)


@pytest.mark.anyio
async def test_documents_of_an_async_iterator() -> None:
    """One that cannot be closed is read to its end alike."""
    found: list[Partition] = []
    read = partitioned(entries_of(Queue("one", "two", "three")), 100)
    assert isinstance(read, AsyncGenerator)
    await take(read, found)
    assert found == cut(["one", "two", "three"], 100)


def test_what_an_entry_is_called(tmp_path: Path) -> None:
    """A file has its path, a document its title or its origin, a text nothing."""
    file = tmp_path / "a.txt"
    file.write_text("Hello.")
    titled = Document(text="x", title="T", origin="o")
    entries = entries_of([file, titled, Document(text="x", origin="o"), "x", 3])  # type: ignore[list-item] # one is none
    assert isinstance(entries, object)
    read: list[Entry] = list(entries)  # type: ignore[arg-type] # it is no async one
    assert [entry.name for entry in read] == [file.as_posix(), "T", "o", None, None]
    assert read[0].read().text == "Hello."
    assert read[1].read() is titled
    with pytest.raises(SourceError, match="document 4 is a int"):
        read[4].read()


def test_a_file_that_changes_keeps_its_partition(tmp_path: Path) -> None:
    """What tells a file from others is its path in the folder, wherever that lies."""
    for name in ("one", "two"):
        folder = tmp_path / name
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "a.txt").write_text(f"In {name}.")
    found = [list(entries_of(tmp_path / name)) for name in ("one", "two")]  # type: ignore[arg-type] # no async one
    assert found[0][0].identity == found[1][0].identity
    assert found[0][0].name == "deep/a.txt"
    assert found[0][0].read().title == "deep/a.txt"


def test_what_a_folder_leaves_out(tmp_path: Path) -> None:
    """Empty and binary files are no documents, which is told; a folder without any is an error."""
    (tmp_path / "empty.txt").touch()
    (tmp_path / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(SourceError, match=r"no file to read in .*1 empty .*1 binary"):
        list(entries_of(tmp_path))  # type: ignore[arg-type] # no async one
    (tmp_path / "text.txt").write_text("Hello.")
    with pytest.warns(SourceWarning, match="1 read; 1 empty .*1 binary"):
        (entry,) = entries_of(tmp_path / "*")  # type: ignore[misc] # no async one
    assert entry.name == "text.txt"
    (tmp_path / "empty.txt").unlink()
    (tmp_path / "image.png").unlink()
    assert len(list(entries_of(tmp_path))) == 1  # type: ignore[arg-type] # no async one


def test_an_empty_folder(tmp_path: Path) -> None:
    """Nothing to read is an error, and nothing was left out."""
    with pytest.raises(SourceError, match=f"no file to read in '{tmp_path.as_posix()}'$"):
        list(entries_of(tmp_path))  # type: ignore[arg-type] # no async one


@pytest.mark.parametrize("documents", ["a text", b"bytes", Document(text="x"), {"a": "b"}, 5])
def test_what_is_no_corpus(documents: object) -> None:
    """One document, or nothing of the kind, is refused."""
    with pytest.raises(ArgumentError, match="documents is "):
        entries_of(documents)  # type: ignore[arg-type] # as is tested


def test_an_entry_without_a_source() -> None:
    """What has no source has an error, whatever it was made of."""
    with pytest.raises(SourceError, match="no source"):
        Entry(index=0, source=None).read()
