"""What must hold for the package as a whole: its floors, its public names, its weight."""

from __future__ import annotations

import argparse
import ast
import graphlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import minikit
from minikit import errors
from minikit.cli.arguments import parser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HOME = Path(__file__).parents[1]
SOURCE = HOME / "src" / "minikit"
FLOORS = (
    "errors",
    "checks",
    "notices",
    "models",
    "tokens",
    "text",
    "calls",
    "report",
    "jobs",
    "portal",
    "core",
    "verbs",
    "client",
    "streams",
    "chats",
    "outcomes",
    "batched",
    "blocking",
    "functions",
    "async_functions",
    "adapters",
)
TOP = len(FLOORS)  # the package itself, its command line and `python -m minikit`
HEAVY = {
    "anyio",
    "asyncio",
    "dask",
    "distributed",
    "genai_prices",
    "importlib.resources",
    "langchain_core",
    "markdown_it",
    "markitdown",
    "openai",
    "opentelemetry",
    "pandas",
    "pathspec",
    "pydantic",
    "pypdf",
    "rapidfuzz",
    "redis",
    "sentencex",
    "tenacity",
    "tiktoken",
}


def module_name(path: Path) -> str:
    """Return the dotted name of a source file."""
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {
    module_name(path): ast.parse(path.read_text("utf-8")) for path in sorted(SOURCE.rglob("*.py"))
}


def run_time_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every node but those under `if TYPE_CHECKING:`, late imports included."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from run_time_nodes(node)


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted names that a module imports when it runs."""
    for node in run_time_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(name: str) -> set[str]:
    """Return the modules of the package that the module `name` imports."""
    wanted = (target for target in imported(TREES[name]) if target.split(".")[0] == "minikit")
    return {target if target in TREES else target.rpartition(".")[0] for target in wanted}


def floor(name: str) -> int:
    """Return how high a module stands."""
    part = name.partition(".")[2].partition(".")[0]
    return FLOORS.index(part) if part in FLOORS else TOP


@pytest.mark.parametrize("name", TREES)
def test_a_module_imports_from_its_own_floor_or_below(name: str) -> None:
    """No module imports from a floor above its own."""
    assert {target for target in own_imports(name) if floor(target) > floor(name)} == set()


def test_no_import_cycle() -> None:
    """The modules have an order in which each imports only earlier ones."""
    order = graphlib.TopologicalSorter({name: own_imports(name) - {name} for name in TREES})
    assert len(list(order.static_order())) == len(TREES)


VERBS = {
    "summarizing": "summarize summarizing",
    "answering": "ask answering",
    "extracting": "extract extracting",
    "translating": "translate translating",
    "completing": "many completing",
    "chatting": "chat chatting",
    "describing": "describe describing",
    "measuring": "compare needle measuring",
    "training": "finetune training",
}
"""What each verb is made of, as modules and packages of `jobs`."""

MEASURES = {"minikit.jobs.summarizing"}
"""What `compare` may import of another verb: what a summary is, since it compares some."""


def verb_of(name: str) -> str | None:
    """Return the verb that a module is part of; None for what all of them share."""
    part = name.removeprefix("minikit.jobs.").partition(".")[0]
    return next((verb for verb, parts in VERBS.items() if part in parts.split()), None)


def test_a_verb_imports_no_verb() -> None:
    """What several verbs need stands above them all; only planning knows each by its name."""
    crossing = {
        (name, target)
        for name in TREES
        if name.startswith("minikit.jobs.") and (verb := verb_of(name))
        for target in own_imports(name)
        if target.startswith("minikit.jobs.") and verb_of(target) not in {verb, None}
    }
    measuring = {
        (name, target)
        for name, target in crossing
        if verb_of(name) == "measuring" and target.rpartition(".")[0] in MEASURES
    }
    assert crossing - measuring == set()


def test_openai_is_imported_in_one_file() -> None:
    """One module knows the foreign SDK."""
    knowing = {
        name
        for name, tree in TREES.items()
        if any(target.split(".")[0] == "openai" for target in imported(tree))
    }
    assert knowing == {"minikit.calls.transport"}


@pytest.mark.parametrize("wanted", ["import minikit", "from minikit import Client"])
def test_import_is_light(wanted: str) -> None:
    """Neither the package nor a client of it loads the libraries that calls depend on."""
    program = f"import json, sys; {wanted}; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert HEAVY.intersection(json.loads(done.stdout)) == set()


def test_no_module_is_over_400_lines() -> None:
    """Every module can be read in one sitting."""
    lengths = {
        path.name: len(path.read_text("utf-8").splitlines()) for path in SOURCE.rglob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_all_is_what_can_be_imported() -> None:
    """`__all__` is sorted, names nothing twice, and every name in it exists."""
    assert list(minikit.__all__) == sorted(set(minikit.__all__))
    assert [name for name in minikit.__all__ if not hasattr(minikit, name)] == []


def test_nothing_else_is_public() -> None:
    """The package has no public name outside `__all__` but its modules."""
    modules = {name.split(".")[1] for name in TREES if "." in name}
    # pytest adds names such as "@py_builtins" to the modules of a package that has a plugin of its.
    public = {name for name in vars(minikit) if name.isidentifier() and not name.startswith("_")}
    assert public - modules - set(minikit.__all__) <= {"TYPE_CHECKING", "annotations"}


def test_dir_lists_the_public_names() -> None:
    """What completion offers is what is public, also before the first use."""
    assert dir(minikit) == sorted(minikit.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A misspelt name fails as it does in any module."""
    with pytest.raises(AttributeError, match="sumarize"):
        getattr(minikit, "sumarize")  # noqa: B009 - written so that type checkers let it pass


@pytest.mark.parametrize("name", minikit.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    """Every public name has a docstring of its own and an entry in the reference."""
    thing = getattr(minikit, name)
    if inspect.isclass(thing) or inspect.isroutine(thing):
        assert "__doc__" in vars(thing) or inspect.isroutine(thing)
        assert inspect.getdoc(thing)
    pages = (HOME / "docs" / "reference").glob("*.md")
    assert any(f"\n::: minikit.{name}\n" in page.read_text("utf-8") for page in pages)


def test_every_public_method_has_a_docstring() -> None:
    """What a public class offers is documented method by method."""
    classes = [getattr(minikit, name) for name in minikit.__all__]
    assert [
        f"{owner.__name__}.{name}"
        for owner in classes
        if inspect.isclass(owner)
        for name, member in vars(owner).items()
        if not name.startswith("_") and callable(member) and not inspect.getdoc(member)
    ] == []


def test_every_error_is_public_and_drawn_in_the_tree() -> None:
    """The errors are importable from the package, and the tree in errors.py shows each."""
    assert set(errors.__all__) <= set(minikit.__all__)
    drawn = set(re.findall(r"\b[A-Z]\w+Error\b", errors.__doc__ or ""))
    assert set(errors.__all__) <= drawn


def test_every_error_has_one_root() -> None:
    """One `except MinikitError` catches whatever minikit raises."""
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), errors.MinikitError)


def test_every_command_and_option_is_documented() -> None:
    """The page on the command line has a heading for each command and names each option."""
    page = (HOME / "docs" / "reference" / "command-line.md").read_text("utf-8")
    for name, command in commands().items():
        assert f"\n## minikit {name}\n" in page
        options = {option for action in command._actions for option in action.option_strings}
        assert {
            option for option in options - {"-h", "--help"} if f"`{option}" not in page
        } == set()


def commands() -> Mapping[str, argparse.ArgumentParser]:
    """Return the parsers of the commands by name."""
    (verbs,) = (
        action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)
    )
    return verbs.choices


def test_the_twins_take_the_same_arguments() -> None:
    """A function and its async twin, a client and its async twin, have equal signatures."""
    pairs = [
        (getattr(minikit, name), getattr(minikit, "a" + name))
        for name in minikit.__all__
        if "a" + name in minikit.__all__
    ]
    pairs.append((minikit.Client.__init__, minikit.AsyncClient.__init__))
    pairs += [
        (member, getattr(minikit.AsyncClient, {"close": "aclose"}.get(name, name)))
        for name, member in vars(minikit.Client).items()
        if not name.startswith("_") and inspect.isfunction(member)
    ]
    assert len(pairs) > 2
    for one, other in pairs:
        assert signature(one) == signature(other), one.__qualname__


def signature(function: object) -> list[tuple[str, object, object]]:
    """Return what a caller sees of a function's parameters."""
    parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type] # checked above
    return [(item.name, item.kind, item.default) for item in parameters]
