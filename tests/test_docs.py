"""Every example in README.md and docs/ runs, in the order of its page, and shows what it prints.

A page's ```python blocks share one namespace and run in a folder of their own, which holds
`book.txt` and `notes.txt`. A ```text block right after a python block is what that block prints.
In a ```console block, lines after `$ ` run in a shell and the others are what they print; a line
that is but `minikit` and its arguments runs in this process, which spares the start of one. `...`
stands for anything. A block that says `no-run` is shown only, and one with a `title` is the file of
that name.

Addresses of servers that a reader would have are replaced by that of a scripted server. From a
comment `<!-- server: ... -->` on, a page has a key and that server in the place of OpenAI's; the
comment lists, in the words of `server.py`, what it answers to the next requests.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from pydoc_data.topics import topics
from typing import IO, TYPE_CHECKING

import pytest

import server as wire
from batches import BatchServer
from minikit.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = Path(__file__).parents[1]
PAGES = [HOME / "README.md", *sorted((HOME / "docs").rglob("*.md"))]
ADDRESSES = ("http://localhost:11434/v1", "http://localhost:8000/v1")
_BLOCK = re.compile(
    r"^(?:```(?P<language>\w+)(?P<info>[^\n]*)\n(?P<code>.*?)^```"
    r"|<!-- server:(?P<replies>.*?)-->)$",
    re.MULTILINE | re.DOTALL,
)
# A command of minikit in which a shell would see nothing but words.
_PLAIN = re.compile(
    r"""minikit(?: "[^"$`\\]*"| '[^']*'| [^\s"'$`|&;<>*?~\\#()]+)+""",
)
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block, or a comment for the scripted server.

    `line` is where its content starts, `shown` the output shown after it, `title` its file.
    """

    language: str
    code: str
    line: int
    shown: str | None = None
    title: str | None = None


def blocks_of(page: str) -> Iterator[Block]:
    """Yield the blocks of a page that run, each with the output that is shown for it."""
    found = list(_BLOCK.finditer(page))
    for block, after in zip_longest(found, found[1:]):
        line = page.count("\n", 0, block.start())
        if block["replies"] is not None:
            yield Block(language="server", code=block["replies"], line=line)
            continue
        language, info, code = block.group("language", "info", "code")
        if language not in {"python", "console"} or "no-run" in info:
            continue
        follows = after and after["language"] == "text"
        shown = after["code"] if follows and not page[block.end() : after.start()].strip() else None
        title = _TITLE.search(info)
        yield Block(
            language=language, code=code, line=line + 1, shown=shown, title=title and title[1]
        )


def run_python(block: Block, namespace: dict[str, object], path: Path) -> None:
    """Run a block in the page's namespace and compare what it prints."""
    printed = io.StringIO()
    code = compile("\n" * block.line + block.code, path, "exec", dont_inherit=True)
    with contextlib.redirect_stdout(printed):
        exec(code, namespace)  # noqa: S102 - the point of this test
    if block.shown is not None:
        compare(block.shown, printed.getvalue(), f"{path.name}:{block.line}")


def run_console(block: Block, path: Path) -> None:
    """Run each command of a block in a shell and compare what it prints."""
    for part in re.split(r"^\$ ", block.code, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        with tempfile.TemporaryFile("a+b") as output:
            run = run_here if _PLAIN.fullmatch(command) else run_in_shell
            code = run(command, output)
            output.seek(0)
            printed = output.read().decode()
        assert code == 0 or "$?" in block.code, f"{command}\n{printed}"
        if shown:
            compare(shown, printed, f"{path.name}: {command}")


def run_in_shell(command: str, output: IO[bytes]) -> int:
    """Run a line in a shell, and return its exit code."""
    return subprocess.run(
        ["sh", "-c", command], check=False, stdout=output, stderr=subprocess.STDOUT
    ).returncode


def run_here(command: str, output: IO[bytes]) -> int:
    """Run a line of `minikit` in this process; its streams are buffered as those of a pipe are."""
    out = open(output.fileno(), "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - below
    err = open(output.fileno(), "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115
    streams = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
    with out, err, streams[0], streams[1], warnings.catch_warnings():
        warnings.simplefilter("default")  # what is a line there would be an error in a test
        return main(shlex.split(command)[1:])


def compare(shown: str, printed: str, where: str) -> None:
    """Fail unless `shown`, in which `...` stands for anything, is what was printed."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    alike = doctest.OutputChecker().check_output(shown, printed, flags)
    assert alike, f"{where} shows\n{shown}\nbut it prints\n{printed}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a long text and a short one, as the current one; there is no key."""
    book = "\n\n".join(f"{title}\n\n{text}" for title, text in topics.items())
    (tmp_path / "book.txt").write_text(book[:300_000], "utf-8")
    shutil.copy(HOME / "examples" / "notes.txt", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    # What a page runs is not measured; the plugin of langsmith doubles the time pytest starts in.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:langsmith_plugin")
    for told in ("CI", "BUILD_NUMBER"):  # the pages show what a person sees: pytest says more there
        monkeypatch.delenv(told, raising=False)
    return tmp_path


@pytest.fixture
def server() -> Iterator[BatchServer]:
    """A running server of chat completions and batches."""
    with BatchServer() as server:
        server.at_once = True
        yield server


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(HOME)) for path in PAGES])
def test_every_example_runs(
    path: Path, server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The examples of a page run in order and print what the page shows."""
    page = path.read_text("utf-8")
    for address in ADDRESSES:
        page = page.replace(address, server.base_url)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks_of(page):
        if block.language == "server":
            monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
            monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
            server.script(eval(f"[{block.code}]", {**vars(wire)}))  # noqa: S307 - the page's own words
        elif block.title is not None:
            Path(block.title).write_text(block.code, "utf-8")
        elif block.language == "python":
            run_python(block, namespace, path)
        else:
            run_console(block, path)
    assert not server._scripted, "the page asks less than its server is to answer"


def test_the_example_programs_run(folder: Path) -> None:
    """Each program in examples/ runs as it is, from anywhere."""
    for program in sorted((HOME / "examples").glob("*.py")):
        command = [sys.executable, "-W", "error", str(program)]
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout


def said_in(module: ast.AST) -> Iterator[str]:
    """Yield the texts of a module; what is filled into one is a NUL there."""
    for node in ast.walk(module):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"\{[^{}]*\}", "\0", node.value)


def test_the_messages_that_the_page_of_errors_explains_are_those_of_the_code() -> None:
    """Each heading that quotes a message has its words, in their order, in one text of the code."""
    page = (HOME / "docs" / "how-to" / "errors-by-message.md").read_text("utf-8")
    modules = (HOME / "src" / "minikit").rglob("*.py")
    said = [text for path in modules for text in said_in(ast.parse(path.read_text("utf-8")))]
    quoted = re.findall(r"^### (.*[a-z].*)$", page, re.MULTILINE)
    unknown = []
    for heading in quoted:
        words = "\0".join(map(re.escape, re.split("…", heading.strip()))).replace("\0", ".*")
        if not any(re.search(words, text, re.DOTALL) for text in said):
            unknown.append(heading)
    assert unknown == ["Something else"]


def test_llms_txt_lists_every_page() -> None:
    """What is written for those that read with a model is what `.ci/write_llms_txt.py` writes."""
    written = runpy.run_path(str(HOME / ".ci" / "write_llms_txt.py"))["text"]()
    assert (HOME / "docs" / "llms.txt").read_text("utf-8") == written, "run .ci/write_llms_txt.py"


@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(HOME)) for path in PAGES])
def test_every_fence_is_one_to_the_site(path: Path) -> None:
    """What stands after the language of a block is written so that the site shows the block."""
    heads = re.findall(r"^```(\w+[^\n]*)$", path.read_text("utf-8"), re.MULTILINE)
    assert [
        head for head in heads if not re.fullmatch(r'\w+( \{\.no-run\}| title="[^"]+")?', head)
    ] == []
