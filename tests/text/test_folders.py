"""Folders and patterns: which files are read, and what is told of the others."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import files
from minikit import Document, SourceError
from minikit.text import folders
from minikit.text.document import SourceWarning, documents
from minikit.text.folders import find_files


def plant(root: Path, **contents: str) -> Path:
    """Write files into a folder; the names are paths with "/"."""
    for name, text in contents.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return root


def names(root: Path) -> list[str]:
    """Return the files that are read, by their paths below `root`."""
    return [file.relative_to(root).as_posix() for file in find_files(root).files]


def test_a_folder_is_a_document_for_each_file(tmp_path: Path) -> None:
    """The files stand in the order of their paths, which are their titles."""
    plant(tmp_path, **{"b.md": "B", "a/z.py": "z = 1", "a/b/c.txt": "C", "B.txt": "upper"})
    read = Document.from_folder(tmp_path)
    assert [each.title for each in read] == ["B.txt", "a/b/c.txt", "a/z.py", "b.md"]
    assert read[-1] == Document(text="B", title="b.md", origin=str(tmp_path / "b.md"))
    assert documents(tmp_path) == read
    assert documents([tmp_path / "b.md", "text", tmp_path / "a"])[1:3] == (
        Document(text="text"),
        Document(text="C", title="b/c.txt", origin=str(tmp_path / "a" / "b" / "c.txt")),
    )


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    """Ignored, hidden, linked, binary, empty and broken files are counted and named."""
    plant(
        tmp_path,
        **{
            ".gitignore": "*.log\nbuild/\n!keep.log\n",
            "read.txt": "x",
            "keep.log": "x",
            "a.log": "x",
            "build/x.txt": "x",
            "empty": "",
            ".env": "secret",
            ".git/config": "x",
            "old.pdf": "%PDF-1.4",
        },
    )
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    (tmp_path / "program").write_bytes(b"\x7fELF\0rest")
    (tmp_path / "link.txt").symlink_to(tmp_path / "read.txt")
    with pytest.warns(SourceWarning) as told:
        read = Document.from_folder(tmp_path)
    assert [each.title for each in read] == ["keep.log", "read.txt"]
    (warning,) = told
    message = str(warning.message)
    assert message.startswith(f"of {str(tmp_path)!r}: 2 read; ")
    for part in (
        "2 hidden (.env, .gitignore)",
        "2 ignored by .gitignore (a.log, build/)",
        "1 empty (empty)",
        "1 linked (link.txt)",
        "2 binary (picture.png, program)",
        "1 not readable (old.pdf)",
        "'old.pdf' is a PDF that cannot be read",
    ):
        assert part in message
    assert warning.filename == __file__


def test_guesses_in_a_folder_are_told(tmp_path: Path) -> None:
    """The notes of all files are one warning, which is no longer than can be read."""
    for number in range(12):
        (tmp_path / f"{number:02}.txt").write_bytes("Größe über alles schön".encode("cp1252"))
    with pytest.warns(SourceWarning, match=r"12 read; '00.txt' is not UTF-8.*; and 2 more$"):
        assert len(Document.from_folder(tmp_path)) == 12


def test_loops_of_links(tmp_path: Path) -> None:
    """A link to a folder around it is not followed."""
    plant(tmp_path, **{"a/b.txt": "x"})
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert names(tmp_path) == ["a/b.txt"]
    assert find_files(tmp_path).account() == "1 linked (a/loop)"


def test_rules_of_the_folders_around(tmp_path: Path) -> None:
    """Within a repository its .gitignore files hold; the nearest decides; outside they do not."""
    plant(
        tmp_path,
        **{
            ".git/config": "x",
            ".gitignore": "*.tmp\n/src/out/\n\\\n",
            "src/.gitignore": "!good.tmp\n",
            "src/bad.tmp": "x",
            "src/good.tmp": "x",
            "src/out/x.txt": "x",
            "src/y.txt": "x",
        },
    )
    assert names(tmp_path / "src") == ["good.tmp", "y.txt"]
    assert names(tmp_path / "src" / ".." / "src") == ["good.tmp", "y.txt"]
    assert names(tmp_path / "src" / "out") == ["x.txt"], "who names a folder wants what is in it"
    shutil.rmtree(tmp_path / ".git")
    assert names(tmp_path / "src") == ["bad.tmp", "good.tmp", "out/x.txt", "y.txt"]


@pytest.mark.skipif(shutil.which("git") is None, reason="compares with git")
@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rules=st.lists(
        st.sampled_from(
            ["*.txt", "!a.txt", "/b", "b/", "a/**/c.md", "**/d", "d/*", "!d/a.txt", "[ab].md", "#x"]
        ),
        max_size=5,
    )
)
def test_git_ignores_the_same(tmp_path: Path, rules: list[str]) -> None:
    """What git would list as files of its own or new ones is what is read."""
    root = tmp_path / "tree"
    shutil.rmtree(root, ignore_errors=True)
    leaves = ["a.txt", "b", "c.md", "d/a.txt", "d/b.md", "a/c.md", "a/d/c.md", "a/b/x.txt"]
    plant(root, **dict.fromkeys(leaves, "x"), **{".gitignore": "\n".join(rules)})
    subprocess.run(["git", "init", "-q", root], check=True)
    command = ["git", "-C", str(root), "ls-files", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert sorted(names(root)) == sorted(set(listed) - {".gitignore"})


def test_a_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern chooses among the files that a folder would give; ** stands for any folders."""
    plant(
        tmp_path,
        **{
            ".gitignore": "build/",
            "a.md": "A",
            "docs/b.md": "B",
            "docs/x/c.md": "C",
            "docs/x/d.txt": "D",
            "build/e.md": "E",
            ".hidden/f.md": "F",
            "docs/g.md/h.txt": "H",
        },
    )
    monkeypatch.chdir(tmp_path)
    assert [each.title for each in documents(Path("docs/**/*.md"))] == ["b.md", "x/c.md"]
    with pytest.warns(SourceWarning, match=r"1 hidden \(.hidden/\)") as told:
        assert [each.title for each in documents(Path("**/*.md"))] == [
            *("a.md", "docs/b.md", "docs/x/c.md")
        ]
    assert "1 ignored by .gitignore (build/)" in str(told[0].message)
    assert [each.title for each in documents(tmp_path / "docs" / "?.md")] == ["b.md"]


def test_a_name_that_looks_like_a_pattern(tmp_path: Path) -> None:
    """A file that there is, is that file."""
    file = tmp_path / "notes[1].txt"
    file.write_text("x")
    assert documents(file) == (Document.from_path(file),)
    assert documents(file)[0].title == "notes[1].txt"


@pytest.mark.parametrize("pattern", ["*.md", "none/*.md", "[", "a/***/b"])
def test_a_pattern_that_matches_nothing(tmp_path: Path, pattern: str) -> None:
    """It is refused by its name."""
    plant(tmp_path, **{"a.txt": "x"})
    with pytest.raises(SourceError, match=r"no file to read in|cannot look for files by"):
        documents(tmp_path / pattern)


def test_an_empty_folder(tmp_path: Path) -> None:
    """A folder without files, and one where all is left out, is refused with the account."""
    with pytest.raises(SourceError, match=r"there is no file to read in '.*'$"):
        Document.from_folder(tmp_path)
    plant(tmp_path, empty="")
    with pytest.raises(SourceError, match=r"no file to read in .*; left out: 1 empty \(empty\)$"):
        Document.from_path(tmp_path)


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with more files than anybody means is refused before they are read."""
    monkeypatch.setattr(folders, "MOST_FILES", 2)
    plant(tmp_path, a="x", b="x", c="x")
    for path in (tmp_path, tmp_path / "*"):
        with pytest.raises(SourceError, match=r"more than 2 files to read; name a folder in it"):
            documents(path)


def test_what_is_no_folder(tmp_path: Path) -> None:
    """`from_folder` reads no single file."""
    plant(tmp_path, a="x")
    with pytest.raises(SourceError, match="is a file, not a folder"):
        Document.from_folder(tmp_path / "a")
    with pytest.raises(SourceError, match="is no folder or pattern"):
        Document.from_folder(str(tmp_path / "b"))


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder, and rights as those of most people: root may read everything."""
    before = os.geteuid()
    with TemporaryDirectory() as name:
        root = plant(Path(name), **{"a.txt": "x", "shut/b.txt": "x", "c.txt": "x"})
        for path, mode in ((root, 0o755), (root / "a.txt", 0o644)):
            path.chmod(mode)
        for path in (root / "shut", root / "c.txt"):
            path.chmod(0)
        if before == 0:
            os.seteuid(65_534)
        try:
            yield root
        finally:
            os.seteuid(before)
            (root / "shut").chmod(0o700)


@pytest.mark.skipif(sys.platform == "win32", reason="no such rights")
def test_what_may_not_be_read(nobody: Path) -> None:
    """Folders and files without permission are told; the folder itself is an error."""
    assert find_files(nobody).account() == "2 not readable (c.txt, shut/)"
    with pytest.raises(SourceError, match="cannot read the folder"):
        find_files(nobody / "shut")
    with pytest.raises(SourceError, match=r"no file to read in|cannot read"):
        documents(nobody / "shut" / "*.txt")


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe in a folder, which nobody may ever write to, is left out."""
    os.mkfifo(tmp_path / "pipe")
    assert find_files(tmp_path).account() == "1 not a file (pipe)"


def test_a_folder_as_one_text(tmp_path: Path) -> None:
    """Each file stands under a heading with its path, code in a fence, so that no line is one."""
    plant(tmp_path, **{"a.md": "Text\n", "b.py": "# no heading\n", "c.md": "```\nx\n```"})
    (tmp_path / "d.pdf").write_bytes(files.pdf("One", "Two"))
    document = Document.of(tmp_path)
    assert (document.title, document.origin) == (tmp_path.name, str(tmp_path))
    assert document.text == (
        "# a.md\n\nText\n\n# b.py\n\n```\n# no heading\n```\n\n# c.md\n\n```\nx\n```\n\n"
        "# d.pdf\n\nOne\nTwo\n"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Document.from_path(tmp_path / "*.md").text.startswith("# a.md\n\nText\n\n# c.md")


def test_join() -> None:
    """Documents without a title are numbered; a fence is longer than those in the text."""
    one, two = Document(text="Text"), Document(text="````\n", title="x.py")
    joined = Document.join([one, two], title="All")
    assert joined.title == "All"
    assert joined.text == "# Document 1\n\nText\n\n# x.py\n\n`````\n````\n`````\n"
    with pytest.raises(SourceError, match="no document to join"):
        Document.join([])
