"""How long `import minikit` takes, beside `import openai`: medians of whole processes.

    python benchmarks/import_time.py [RUNS]

The start of the interpreter itself is measured too and taken off.
"""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

STATEMENTS = ("pass", "import minikit", "from minikit import summarize", "import openai")


def seconds(statement: str) -> float:
    """Run `statement` in a fresh interpreter and return how long that took."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Measure the statements in turn, so that a slow moment of the machine hits all of them."""
    runs = int(sys.argv[1]) if sys.argv[1:] else 9
    rounds = [[seconds(each) for each in STATEMENTS] for _ in range(runs + 1)][1:]
    start, *rest = (median(column) for column in zip(*rounds, strict=True))
    peer = rest[-1] - start
    for statement, taken in zip(STATEMENTS[1:], rest, strict=True):
        share = (taken - start) / peer
        print(f"{statement:30s} {1000 * (taken - start):6.0f} ms  {share:5.2f} of import openai")


if __name__ == "__main__":
    main()
