"""How much memory cutting and planning a long text takes, as a multiple of the text.

    python benchmarks/memory.py [MEGABYTES] [FILE]

The text is FILE, or the Python language reference, repeated up to the size (default 100 MB).
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from pydoc_data.topics import topics

from results import Row, save

JOBS = ("split", "plan")


def peak_mb() -> float:
    """Return the most memory this process has held, in megabytes (Linux counts in kibibytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(job: str, megabytes: int, file: str) -> None:
    """Do one job in this process and print what it took."""
    from minikit import plan, split

    once = Path(file).read_text("utf-8") if file else "\n\n".join(topics.values())
    size = megabytes * 1_000_000
    text = (once * (size // len(once.encode()) + 1))[:size]
    before = peak_mb()
    if job == "split":
        count = len(split(text, 4_000))
    else:
        count = plan(text, model="gpt-4o-mini").calls_at_most
    row = {
        "job": job,
        "text_mb": megabytes,
        "pieces": count,
        "before_mb": round(before),
        "peak_mb": round(peak_mb()),
        "times": round(peak_mb() / megabytes, 1),
    }
    print(json.dumps(row))


def main() -> None:
    """Measure each job in a process of its own, since a peak never falls."""
    if len(sys.argv) == 4:
        measure(sys.argv[1], int(sys.argv[2]), sys.argv[3])
        return
    megabytes, file = [*sys.argv[1:], *("100", "")[len(sys.argv) - 1 :]]
    rows = list[Row]()
    for job in JOBS:
        command = [sys.executable, __file__, job, megabytes, file]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        rows.append(json.loads(told))
        print(told, end="", flush=True)
    save("memory", rows, command="python benchmarks/memory.py")


if __name__ == "__main__":
    main()
