"""The notebook: its cells run one after the other inside an event loop, as in Jupyter."""

from __future__ import annotations

import ast
import asyncio
import json
from inspect import iscoroutine
from typing import TYPE_CHECKING, Any

from programs import EXAMPLES

from server import ChatServer

if TYPE_CHECKING:
    import pytest

NOTEBOOK = json.loads((EXAMPLES / "notebook" / "long_text.ipynb").read_text("utf-8"))
CELLS = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


async def run(cells: list[str]) -> list[object]:
    """Run cells as IPython does: `await` may stand anywhere, and a last expression is shown."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    shown: list[object] = []
    for cell in cells:
        tree = ast.parse(cell)
        last = tree.body[-1]
        if isinstance(last, ast.Expr):
            name = ast.Name("_", ast.Store(), lineno=last.lineno, col_offset=0)
            tree.body[-1] = ast.copy_location(ast.Assign([name], last.value), last)
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        result = eval(compile(tree, "cell", "exec", flags), namespace)  # noqa: S307 - our own cells
        if iscoroutine(result):
            await result
        shown.append(namespace.pop("_", None))
    return shown


def test_it_runs_without_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    """Every cell works with the offline model, the blocking client inside the loop included."""
    shown = asyncio.run(run(CELLS))
    (summary,) = (each for each in shown if hasattr(each, "_repr_html_"))
    assert summary._repr_html_().startswith("<")
    told = capsys.readouterr().out
    assert told.startswith("60,000 characters\n")
    assert "summarize.single" in told


def test_it_runs_with_a_key(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key the same cells ask the default model."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    asyncio.run(run(CELLS))
    assert {body["model"] for body in server.bodies} == {"gpt-4o-mini"}


def test_it_is_clean() -> None:
    """It holds no outputs, and the fields that its format asks for."""
    code = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    assert [cell["outputs"] or cell["execution_count"] for cell in code] == [None] * len(code)
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in NOTEBOOK["cells"]}) == len(NOTEBOOK["cells"])
