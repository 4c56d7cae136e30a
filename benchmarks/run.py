"""Run the benchmarks, keep what they measure, and write docs/benchmarks.md from it.

    python benchmarks/run.py [--quick] [--only PART,...] [--bench FOLDER] [--results FOLDER]

Without `--results` the figures go to a temporary folder and are printed only; `--keep` puts them
where the page takes them from, and writes the page. minikit is measured beside the bare SDK,
LangChain, LlamaIndex and DocETL where their environments and the simulated server are (see
peers.py), and alone where they are not.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import mkdtemp
from threading import Thread

import page
from results import FOLDER, KEPT

HERE = Path(__file__).parent
PARTS: dict[str, tuple[str, str]] = {
    "plain": ("peers.py --group plain", "peers.py --group plain --quick"),
    "span": ("span.py", "span.py"),
    "chunkers": ("chunkers.py", "chunkers.py --quick"),
    "import_time": ("import_time.py 5", "import_time.py 3"),
    "call_overhead": ("call_overhead.py 1000 5", "call_overhead.py 200 3"),
    "bulk": ("bulk.py", "bulk.py --quick"),
    "counters": ("counters.py", "counters.py --quick --fuzz 3000"),
    "limits": ("peers.py --group limits", "peers.py --group limits --quick"),
    "tight": ("peers.py --group tight", "peers.py --group tight --quick"),
    "rows": ("bulk.py --rows", "bulk.py --rows --quick"),
    "faults": ("peers.py --group faults", "peers.py --group faults --quick"),
    "refused": ("peers.py --group refused", "peers.py --group refused --quick"),
    "killed": ("peers.py --group killed", "peers.py --group killed --quick"),
    "memory": ("memory.py", "memory.py 10"),
}
"""Each part as it is run, and as it is run in a hurry."""

BESIDE = ("tight", "rows")
"""They take minutes, and no seconds of theirs are compared: what follows runs beside them."""


def main() -> None:
    """Run the parts one after the other."""
    parser = argparse.ArgumentParser(description="Run the benchmarks.")
    parser.add_argument("--quick", action="store_true", help="small texts and few runs")
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--bench", type=Path, help="folder of the simulated server")
    parser.add_argument("--results", type=Path, help="folder of the figures")
    parser.add_argument("--keep", action="store_true", help="replace the figures of the page")
    arguments = parser.parse_args()
    names = arguments.only.split(",")
    if strange := [name for name in names if name not in PARTS]:
        parser.error(f"no part is called {strange[0]!r}; there are {', '.join(PARTS)}")
    folder = KEPT if arguments.keep else arguments.results or Path(mkdtemp(prefix="benchmarks-"))
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, FOLDER: str(folder.resolve())}
    if arguments.bench:
        environment["MINIKIT_BENCH"] = str(arguments.bench.resolve())
    threads = list[Thread]()
    for name in names:
        thread = Thread(target=_run, args=(name, PARTS[name][arguments.quick], environment))
        thread.start()
        threads.append(thread)
        if name not in BESIDE:
            thread.join()
    for thread in threads:
        thread.join()
    print(f"The figures are in {folder}.")
    if arguments.keep:
        page.main()


def _run(name: str, command: str, environment: dict[str, str]) -> None:
    print(f"== {name}: {command}", flush=True)
    start = time.perf_counter()
    script, *options = command.split()
    done = subprocess.run(
        [sys.executable, str(HERE / script), *options], check=False, env=environment
    )
    state = "done" if done.returncode == 0 else "failed"
    print(f"== {name}: {state}, {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
