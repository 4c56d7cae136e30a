"""How long imports take, beside `import openai` and the peers: medians of whole processes.

    python benchmarks/import_time.py [RUNS]

The start of the interpreter itself is measured too and taken off. Each peer is imported in its own
environment, where there is one.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from results import python_of, save

STATEMENTS = (
    ("minikit", "pass"),
    ("minikit", "import minikit"),
    ("minikit", "from minikit import summarize"),
    ("minikit", "import openai"),
    ("langchain", "from langchain_openai import ChatOpenAI"),
    ("llamaindex", "from llama_index.llms.openai import OpenAI"),
    ("docetl", "import docetl"),
)


def seconds(python: Path, statement: str) -> float:
    """Run `statement` in a fresh interpreter and return how long that took."""
    start = time.perf_counter()
    subprocess.run([python, "-c", statement], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Measure the statements in turn, so that a slow moment of the machine hits all of them."""
    runs = int(sys.argv[1]) if sys.argv[1:] else 9
    there = [(peer, statement) for peer, statement in STATEMENTS if python_of(peer).exists()]
    rounds = [
        [seconds(python_of(peer), statement) for peer, statement in there] for _ in range(runs + 1)
    ][1:]
    start, *rest = (median(column) for column in zip(*rounds, strict=True))
    sdk = next(taken for (_, name), taken in zip(there[1:], rest, strict=True) if "openai" in name)
    rows = [
        {
            "peer": peer,
            "statement": statement,
            "ms": round(1000 * (taken - start)),
            "share": round((taken - start) / (sdk - start), 3),
        }
        for (peer, statement), taken in zip(there[1:], rest, strict=True)
    ]
    for row in rows:
        print(f"{row['statement']:45s} {row['ms']:6} ms  {row['share']:5.2f} of import openai")
    peers = [peer for peer, _ in there if peer != "minikit"]
    save("import_time", rows, command="python benchmarks/import_time.py", peers=peers)


if __name__ == "__main__":
    main()
