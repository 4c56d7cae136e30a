"""Translate the texts of a user interface, and of these only what is new since the last time.

    python catalogue_translator.py messages.json --to de fr ja     # with OPENAI_API_KEY
    python catalogue_translator.py messages.pot --to pl            # gettext
    python catalogue_translator.py messages.json --to de --check   # for CI: needs no key

`messages.json` becomes `messages.de.json` beside it, `messages.pot` becomes `messages.pl.po`. Texts
that are new or were changed are asked for, the others stay as they are, corrections of people
included; texts that were taken out of the source go. What JSON was translated from is kept in
`messages.lock.json`, which belongs into version control too.
The exit code is 0 when all is translated, 3 when some texts could not be, 1 when something is to be
translated with --check, or when it failed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polib

from minikit import Client, Document, MinikitError

Tree = dict[str, Any]
Leaves = Mapping[tuple[str, ...], object]


def leaves(tree: Tree, *path: str) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield what stands in a catalogue, each with its keys; a list stands as a whole."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, *path, key)
        else:
            yield (*path, key), value


def tree_of(parts: Leaves) -> Tree:
    """Return the catalogue that `parts` are the leaves of."""
    tree: Tree = {}
    for path, value in parts.items():
        place = tree
        for key in path[:-1]:
            place = place.setdefault(key, {})
        place[path[-1]] = value
    return tree


def read_json(path: Path) -> Tree:
    """Read a catalogue."""
    try:
        tree: Tree = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON in UTF-8: {error}") from error
    if not isinstance(tree, dict):
        raise ValueError(f"{path} is no catalogue: give an object of texts, by their keys")  # noqa: TRY004
    return tree


def read_known(path: Path) -> Tree:
    """Read what earlier runs have written; before the first there is nothing."""
    return read_json(path) if path.exists() else {}


def write_json(path: Path, tree: Tree) -> None:
    """Write a catalogue."""
    path.write_text(json.dumps(tree, ensure_ascii=False, indent=2) + "\n", "utf-8")


class JsonCatalogue:
    """The catalogue of one language, in JSON."""

    def __init__(self, source: Path, language: str) -> None:
        """Find out what is new."""
        self._language = language
        self._path = source.with_suffix(f".{language}.json")
        self._lock = source.with_suffix(".lock.json")
        self._source: Leaves = dict(leaves(read_json(source)))
        self._done: Leaves = dict(leaves(read_known(self._path)))
        self._seen: Leaves = dict(leaves(read_known(self._lock).get(language, {})))
        self.new: Leaves = {
            path: value
            for path, value in self._source.items()
            if path not in self._done or self._seen.get(path) != value
        }

    def document(self) -> Document:
        """Return what is new, as a catalogue of its own."""
        return Document(text=json.dumps(tree_of(self.new)), title="new.json")

    def write(self, text: str, failed: set[str]) -> None:
        """Write all that is translated; what could not be will be new the next time."""
        made = {**self._done, **dict(leaves(json.loads(text)))}
        seen = {
            path: value
            for path, value in self._source.items()
            if not failed.intersection(map(str, value if isinstance(value, list) else [value]))
        }
        write_json(self._path, tree_of({path: made[path] for path in self._source}))
        write_json(self._lock, {**read_known(self._lock), self._language: tree_of(seen)})


class GettextCatalogue:
    """The catalogue of one language, for gettext: it knows by itself what is new."""

    def __init__(self, template: Path, language: str) -> None:
        """Find out what is new, as msgmerge does."""
        self._path = template.with_suffix(f".{language}.po")
        self._merged = polib.pofile(str(template))
        if self._path.exists():
            known = polib.pofile(str(self._path))
            known.merge(self._merged)
            self._merged = known
        self.new = [*self._merged.untranslated_entries(), *self._merged.fuzzy_entries()]

    def document(self) -> Document:
        """Return the catalogue; translations that are there stay."""
        return Document(text=str(self._merged), title=self._path.name)

    def write(self, text: str, _failed: set[str]) -> None:
        """Write the catalogue, in which what could not be translated has no translation."""
        self._path.write_text(text, "utf-8")


def translated(client: Client, catalogue: JsonCatalogue | GettextCatalogue, language: str) -> int:
    """Translate what is new, and write it; return the exit code."""
    document = catalogue.document()
    if not catalogue.new:
        catalogue.write(document.text, set())
        return 0
    translation = client.translate(document, language)
    failed = [problem for problem in translation.problems if problem.kept == "source"]
    catalogue.write(translation.text, {problem.source for problem in failed})
    for problem in translation.problems:
        print(f"{language}: {problem.source!r}: {problem.message}", file=sys.stderr)
    return 3 if failed else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Translate what is new, and tell of it."""
    parser = argparse.ArgumentParser(description="Translate the texts of a user interface.")
    parser.add_argument("source", type=Path, help="a .json or .pot file")
    parser.add_argument("--to", nargs="+", required=True, metavar="LANGUAGE", help="as de or pt-BR")
    parser.add_argument("--check", action="store_true", help="only tell whether something is new")
    parser.add_argument("--budget", default="0.50", help="US dollars")
    given = parser.parse_args(arguments)
    kind = GettextCatalogue if given.source.suffix == ".pot" else JsonCatalogue
    code = 0
    try:
        if not given.source.is_file():  # polib takes a path that is none for the catalogue itself
            raise FileNotFoundError(f"there is no file {str(given.source)!r}")
        with Client(budget_usd=given.budget) as client:
            for language in given.to:
                catalogue = kind(given.source, language)
                print(f"{language}: {len(catalogue.new)} new")
                if given.check:
                    code = max(code, min(1, len(catalogue.new)))
                else:
                    code = max(code, translated(client, catalogue, language))
            if not given.check:
                print(f"{client.ledger.total.cost_usd} USD")
    except (MinikitError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
