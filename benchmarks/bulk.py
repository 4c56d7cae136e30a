"""Many small calls: calls a second of one process, CPU a call, and memory, beside the peers.

    python benchmarks/bulk.py [--quick] [--rows]

The server of call_overhead.py, in a process of its own on loopback, answers every request at once,
so that what is measured is the client alone. The memory is the most that the process has held.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from results import HOME, Row, python_of, save

PLACES = 64
COUNTS = {"raw": 3_000, "langchain": 2_000, "llamaindex": 1_000, "docetl": 200, "minikit": 3_000}
MANY = {"minikit": 100_000}
HURRIED = {"raw": 500, "minikit": 500}
HERE = Path(__file__).parent


def main() -> None:
    """Measure each peer that is here."""
    parser = argparse.ArgumentParser(description="Many small calls beside the peers.")
    parser.add_argument("--quick", action="store_true", help="few rows")
    parser.add_argument("--rows", action="store_true", help="very many rows, for the memory")
    arguments = parser.parse_args()
    rows = list[Row]()
    counts = HURRIED if arguments.quick else MANY if arguments.rows else COUNTS
    peers = [peer for peer in counts if python_of(peer).exists()]
    with _server() as base_url:
        for peer in peers:
            rows.append(_measured(peer, base_url, counts[peer]))
            print(json.dumps(rows[-1]), flush=True)
    save(
        "rows" if arguments.rows else "bulk",
        rows,
        command=f"python benchmarks/bulk.py{' --rows' if arguments.rows else ''}",
        peers=[peer for peer in peers if peer != "minikit"],
    )


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, str(HERE / "call_overhead.py"), "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as s:
        assert s.stdin
        assert s.stdout
        yield f"http://127.0.0.1:{s.stdout.readline().strip()}/v1"
        s.stdin.close()


def _measured(peer: str, base_url: str, count: int) -> Row:
    runner = HERE / "runners" / "rows.py"
    command = [str(each) for each in (python_of(peer), runner, peer, base_url, count, PLACES)]
    environment = {
        **os.environ,
        "TIKTOKEN_CACHE_DIR": str(HOME / "tiktoken"),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LANGCHAIN_TRACING_V2": "false",
    }
    told = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if told.returncode:
        print(told.stderr[-2_000:], file=sys.stderr)
        return {"peer": peer, "rows": count, "error": told.stderr.strip().split("\n")[-1][:160]}
    row: Row = json.loads(told.stdout.strip().split("\n")[-1])
    return row


if __name__ == "__main__":
    main()
