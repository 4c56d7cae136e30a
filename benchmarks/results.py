"""What a benchmark has measured, as one small JSON file a part.

A script calls `save` at its end; it writes only where the environment variable
MINIKIT_BENCHMARK_RESULTS names a folder, as `run.py` sets it. Nothing in a file tells whose machine
it was: cores and kind of processor, no names and no paths.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["FOLDER", "HOME", "KEPT", "Row", "load", "python_of", "save", "versions"]

Row = dict[str, Any]

FOLDER = "MINIKIT_BENCHMARK_RESULTS"
KEPT = Path(__file__).with_name("results")
"""The results that the page shows."""

HOME = Path(os.environ.get("BENCH_HOME") or Path.home() / ".cache" / "minikit-bench")
"""Where the environments of the peers are, each in `venvs/NAME`."""

OWN = ("minikit", "openai", "tiktoken", "anyio")
PEERS: Mapping[str, tuple[str, ...]] = {
    "raw": ("openai", "tiktoken"),
    "langchain": ("langchain", "langchain-classic", "langchain-openai", "openai"),
    "llamaindex": ("llama-index-core", "llama-index-llms-openai", "openai"),
    "docetl": ("docetl", "litellm", "openai"),
}

_PATH = re.compile(r"(?<![\w<])/(?:[\w.+~-]+/)+[\w.+~-]*")


def save(
    part: str,
    rows: Sequence[Row],
    *,
    command: str,
    peers: Sequence[str] = (),
    notes: Mapping[str, Any] | None = None,
) -> None:
    """Write what was measured, if it is to be kept.

    Args:
        part: Name of the part, and of its file.
        rows: One for each thing measured; any JSON.
        command: What a reader would type for this part.
        peers: The environments whose packages took part.
        notes: What goes for all rows, such as the sizes of the texts.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        return
    result = {
        "part": part,
        "date": datetime.now(UTC).date().isoformat(),
        "command": command,
        "machine": {
            "cores": os.cpu_count(),
            "architecture": platform.machine(),
            "system": platform.system(),
            "python": platform.python_version(),
        },
        "versions": {"minikit": versions(), **{peer: versions(peer) for peer in peers}},
        "notes": dict(notes or {}),
        "rows": list(rows),
    }
    text = json.dumps(result, indent=1, ensure_ascii=False)
    file = Path(folder, f"{part}.json")
    file.write_text(_PATH.sub("…", text) + "\n", "utf-8")


def load(folder: Path = KEPT) -> dict[str, Any]:
    """Return the results of a folder by the names of their parts."""
    files = sorted(folder.glob("*.json"))
    return {file.stem: json.loads(file.read_text("utf-8")) for file in files}


def python_of(peer: str) -> Path:
    """Return the interpreter of a peer's environment."""
    return Path(sys.executable) if peer == "minikit" else HOME / "venvs" / peer / "bin" / "python"


def versions(peer: str = "minikit") -> dict[str, str]:
    """Return the versions of the packages that matter in an environment."""
    if peer == "minikit":
        return {name: version(name) for name in OWN}
    code = f"import json, {__name__} as r; print(json.dumps(r.installed({PEERS[peer]!r})))"
    told = subprocess.run(
        [python_of(peer), "-c", code], cwd=Path(__file__).parent, capture_output=True, check=True
    )
    found: dict[str, str] = json.loads(told.stdout)
    return found


def installed(names: Sequence[str]) -> dict[str, str]:
    """Return the versions of those packages that this environment has."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
