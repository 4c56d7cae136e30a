"""The files of a folder, or of a pattern such as docs/**/*.md, without those that git ignores."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from minikit.errors import SourceError
from minikit.text.kinds import HEAD_BYTES, binary_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pathspec import GitIgnoreSpec

    _Chain = tuple[tuple[Path, GitIgnoreSpec], ...]

__all__ = ["MOST_FILES", "Found", "each_file", "find_files", "is_pattern", "is_text"]

MOST_FILES = 10_000
"""What a folder may hold; more is a mistake, such as a home folder, or a job for many calls."""

_IGNORE_FILE = ".gitignore"
_NAMED = 3  # entries of each reason that are named in the account


@dataclass(slots=True)
class Found:
    """The files of a folder, and what else lies in it.

    Attributes:
        root: The folder that the paths in `left_out` begin in.
        files: Those that may be read, by their paths in order.
        left_out: Why, and which; folders end with "/".
    """

    root: Path
    files: list[Path] = field(default_factory=list[Path])
    left_out: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    @classmethod
    def within(cls, path: Path) -> Found:
        """Begin with nothing found in a folder, or by a pattern."""
        return cls(_split(path)[0] if is_pattern(path) else path)

    def leave_out(self, path: Path, why: str, *, is_folder: bool = False) -> None:
        """Note that `path` was left out."""
        name = path.relative_to(self.root).as_posix() + "/" * is_folder
        self.left_out.setdefault(why, set()).add(name)

    def account(self) -> str:
        """Return what was left out and why, such as "2 empty (a.txt, b.txt)"; "" for nothing."""
        return "; ".join(
            f"{len(names):,} {why} ({', '.join(sorted(names)[:_NAMED])}"
            f"{', ...' if len(names) > _NAMED else ''})"
            for why, names in self.left_out.items()
        )


def is_pattern(path: Path) -> bool:
    """Tell whether `path` is no file but a pattern, with *, ? or [...] in it."""
    return any(sign in os.fspath(path) for sign in "*?[") and not os.path.lexists(path)


def find_files(path: Path) -> Found:
    """Return the files in a folder and the folders in it, or those that a pattern matches.

    Left out are hidden files, those that a .gitignore says, in the folder or in those around it
    up to the root of their repository, links, pipes, binary files by their first bytes, and empty
    ones.
    Folders that are left out are not entered.

    Raises:
        SourceError: There is nothing to read, more than `MOST_FILES`, or the pattern is none.
    """
    found = Found.within(path)
    for file in each_file(found, path):
        found.files.append(file)
        if len(found.files) > MOST_FILES:
            raise SourceError(
                f"{str(found.root)!r} holds more than {MOST_FILES:,} files to read; name a folder "
                f"in it, a pattern such as docs/**/*.md, or read them in several jobs"
            )
    return found


def each_file(
    found: Found, path: Path, is_wanted: Callable[[Found, Path], bool] | None = None
) -> Iterator[Path]:
    """Yield the files that `find_files` returns, in their order and as they are found.

    Args:
        found: Where what is left out is noted; `Found.within(path)`.
        path: The folder or the pattern.
        is_wanted: Tells what is wanted, and notes what is not; default: files of text.

    Raises:
        SourceError: The folder cannot be read, or the pattern is none.
    """
    if is_pattern(path):
        files = _match(found, _split(path)[1], _Rules(found.root))
    else:
        files = _walk(found, path, _Rules(path))
    is_wanted = is_wanted or is_text
    return (file for file in files if is_wanted(found, file))


def _split(path: Path) -> tuple[Path, str]:
    """Part a pattern into the folder that it begins in and the rest."""
    parts = path.parts
    first = next(at for at, part in enumerate(parts) if any(sign in part for sign in "*?["))
    return Path(*parts[:first]), "/".join(parts[first:])


def _walk(found: Found, folder: Path, rules: _Rules) -> Iterator[Path]:
    """Yield files and what is in folders by their names, which is the order of the paths."""
    waiting = [_entries(found, folder)]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
            continue
        path, is_folder = Path(entry.path), entry.is_dir(follow_symlinks=False)
        if not _is_kept(found, path, rules, is_folder=is_folder, is_link=entry.is_symlink()):
            continue
        if is_folder:
            waiting.append(_entries(found, path))
        elif entry.is_file(follow_symlinks=False):
            yield path
        else:  # a pipe, for one, which would be waited for
            found.leave_out(path, "not a file")


def _entries(found: Found, folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        return iter(sorted(os.scandir(folder), key=lambda entry: entry.name))
    except (OSError, ValueError) as error:  # the second of a name with a NUL
        if folder == found.root:
            raise SourceError(f"cannot read the folder {str(folder)!r}: {error}") from error
        found.leave_out(folder, "not readable", is_folder=True)
        return iter(())


def _match(found: Found, pattern: str, rules: _Rules) -> Iterator[Path]:
    try:
        files = [
            path
            for path in found.root.glob(pattern)
            if path.is_file() and all(_ways(found, path, rules))
        ]
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot look for files by {pattern!r}: {error}") from error
    return iter(sorted(files, key=lambda file: file.relative_to(found.root).parts))


def _ways(found: Found, path: Path, rules: _Rules) -> Iterator[bool]:
    """Yield for each folder on the way to a file, and for the file, whether it is kept."""
    *folders, _ = path.relative_to(found.root).parts
    here = found.root
    for name in folders:
        here /= name
        yield _is_kept(found, here, rules, is_folder=True, is_link=here.is_symlink())
    yield _is_kept(found, path, rules, is_folder=False, is_link=path.is_symlink())


def _is_kept(found: Found, path: Path, rules: _Rules, *, is_folder: bool, is_link: bool) -> bool:
    why = None
    if path.name == ".git":
        return False
    if path.name.startswith("."):
        why = "hidden"
    elif is_link:
        why = "linked"
    elif rules.ignored(path, is_folder=is_folder):
        why = "ignored by .gitignore"
    if why is not None:
        found.leave_out(path, why, is_folder=is_folder)
    return why is None


def is_text(found: Found, path: Path) -> bool:
    """Tell by the first bytes of a file whether it may be read."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        found.leave_out(path, "not readable")
        return False
    why = ("binary" if binary_kind(head) else None) if head else "empty"
    if why is not None:
        found.leave_out(path, why)
    return why is None


class _Rules:
    """What the .gitignore files in a folder, below it and around it say; each is read once."""

    def __init__(self, root: Path) -> None:
        root = _whole(root)
        self._chains: dict[Path, _Chain] = {root.parent: _around(root)}
        if self.ignored(root, is_folder=True):  # who names a folder wants what is in it
            self._chains[root.parent] = ()

    def ignored(self, path: Path, *, is_folder: bool) -> bool:
        """Tell whether git would ignore `path`; the file nearest to it decides."""
        path = _whole(path)
        for base, spec in reversed(self._chain(path.parent)):
            name = path.relative_to(base).as_posix() + "/" * is_folder
            verdict = spec.check_file(name).include
            if verdict is not None:
                return verdict
        return False

    def _chain(self, folder: Path) -> _Chain:
        if folder not in self._chains:
            self._chains[folder] = self._chain(folder.parent) + _own(folder)
        return self._chains[folder]


def _whole(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - takes ".." out, and follows no link


def _around(root: Path) -> _Chain:
    """Return the rules of the folders around `root`, where it lies in a repository."""
    around: list[Path] = []
    for folder in (root, *root.parents):
        around.append(folder)
        if os.path.lexists(folder / ".git"):
            outer = around[:0:-1]
            return tuple(rules for each in outer for rules in _own(each))
    return ()


def _own(folder: Path) -> _Chain:
    from pathspec import GitIgnoreSpec

    try:
        lines = (folder / _IGNORE_FILE).read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    return ((folder, GitIgnoreSpec.from_lines(filter(_is_sound, lines))),)


def _is_sound(line: str) -> bool:
    """Tell whether git can make something of a line; it passes over the others."""
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True
