"""Cutting and counting beside the splitters of LangChain and LlamaIndex, each in its environment.

    python benchmarks/chunkers.py [--quick] [--runs 5]

Each timed run is paired with one plain `encode_ordinary` of tiktoken over the same text just before
it, in the same process; the figure is the median of the ratios, so that a busy machine matters
little. Fill is the fewest chunks that are possible by those that were made; over is how many are
longer than was asked; whole says that joining the chunks gives the text back, or how much of it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from pydoc_data.topics import topics
from tempfile import TemporaryDirectory

from results import HOME, Row, python_of, save

PEERS = ("minikit", "raw", "langchain", "llamaindex")
LIMITS = (512, 4_000, 16_000)
RUNNER = Path(__file__).with_name("runners") / "chunker.py"


def main() -> None:
    """Time each splitter and counter on each text."""
    parser = argparse.ArgumentParser(description="Splitters and counters beside tiktoken.")
    parser.add_argument("--quick", action="store_true", help="one text, one limit, three runs")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    peers = [peer for peer in PEERS if python_of(peer).exists()]
    limits = (4_000,) if arguments.quick else LIMITS
    rows = list[Row]()
    with TemporaryDirectory() as folder:
        for name, text in _texts(quick=arguments.quick).items():
            file = Path(folder, f"{name}.txt")
            file.write_text(text, "utf-8")
            for peer in peers:
                for limit in limits:
                    runs = 3 if arguments.quick else arguments.runs
                    rows.append({"text": name, **_measured(peer, file, limit, runs)})
                    print(json.dumps(rows[-1]), flush=True)
    save(
        "chunkers",
        rows,
        command="python benchmarks/chunkers.py",
        peers=[peer for peer in peers if peer != "minikit"],
    )


def _texts(*, quick: bool) -> dict[str, str]:
    """Return the texts that are here; the manual of Python always is."""
    texts = {"manual": "\n\n".join(topics.values())}
    if not quick:
        for name, file in {"wp": "docs/wp.txt", "cjk": "docs/cjk.txt"}.items():
            if (HOME / file).exists():
                texts[name] = (HOME / file).read_text("utf-8")
    return texts


def _measured(peer: str, file: Path, limit: int, runs: int) -> Row:
    command = [str(each) for each in (python_of(peer), RUNNER, peer, file, limit, runs)]
    environment = {"TIKTOKEN_CACHE_DIR": str(HOME / "tiktoken"), "PATH": ""}
    told = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if told.returncode:
        return {"peer": peer, "limit": limit, "error": told.stderr.strip().split("\n")[-1][:160]}
    row: Row = json.loads(told.stdout.strip().split("\n")[-1])
    return row


if __name__ == "__main__":
    main()
