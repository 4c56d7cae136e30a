"""minikit beside the bare SDK, LangChain, LlamaIndex and DocETL on the simulated server.

    python benchmarks/peers.py [--quick] [--group plain,limits,tight,faults,refused,killed]

needs the folder of the benchmark (`simserver.py`, `bench.py`, `setup.sh` and a runner for each
peer), which `--bench` or the variable MINIKIT_BENCH names, and what its `setup.sh` has made under
BENCH_HOME. Each run has a server of its own, which counts what it was asked and what it billed: no
figure is the client's own word but the seconds and the memory of its process.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from pydoc_data.topics import topics
from tempfile import TemporaryDirectory
from typing import Any

from ideal import ideal_s, latency_s, scheduled_s
from results import HOME, Row, python_of, save

from minikit import count_tokens

BENCH = Path(os.environ.get("MINIKIT_BENCH") or Path(__file__).parents[2] / "shared" / "bench")
PEERS = ("raw", "langchain", "llamaindex", "docetl", "minikit")
RUNNERS = {"langchain": "lc_mapreduce", "llamaindex": "li_tree"}
TEXTS = ("wp", "qmsum", "manual", "cjk")
CHUNK = 16_000
EVERY_PLACE = 64
_FAULTS = {"fault": 0.02, "mix": "500:1,503:1,reset:1,truncjson:1", "speed": 10.0}
_WITH_OWN_TEXT = re.compile(r"127\.0\.0\.1:\d+")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run of one peer.

    Attributes:
        group: The table it stands in.
        title: What is special about it.
        peer: Who summarizes.
        config: How its runner sets it up.
        text: The name of the text.
        options: What the driver of the benchmark is told beside that.
        again: Run twice, the first time killed after so many good replies.
    """

    group: str
    title: str
    peer: str
    config: str
    text: str
    options: dict[str, Any] = field(default_factory=dict)
    again: int = 0


def plain(quick: bool) -> list[Job]:
    """No limit and no fault: the same chunk size for all, and minikit as it comes."""
    texts = ("qmsum",) if quick else TEXTS
    jobs = []
    for text in texts:
        chunk = CHUNK if text == "wp" else CHUNK // 4
        options = {"chunk": chunk, "speed": 1.0}
        for peer in PEERS:
            places = {} if peer in ("raw", "langchain", "llamaindex") else {"conc": EVERY_PLACE}
            config = "default" if peer == "raw" and text == "wp" else "tuned"
            # The SDK's own runner sends 16 at a time where its chunk size can be set.
            places = {"conc": EVERY_PLACE} if peer == "raw" and text != "wp" else places
            jobs.append(_job("plain", f"{chunk:,}", peer, text, {**options, **places}, config))
        jobs.append(_job("plain", "as it comes", "minikit", text, {"speed": 1.0}, "default"))
    return jobs


def limits(quick: bool) -> list[Job]:
    """500,000 tokens a minute, which minikit is not told; LangChain and DocETL are, by hand.

    They keep to the clock of the wall, so that the server's may not run faster.
    """
    return _limited(500_000, ("raw", "minikit") if quick else PEERS)


def tight(quick: bool) -> list[Job]:
    """200,000 tokens a minute; without DocETL, which takes longer than all the rest together."""
    return _limited(200_000, () if quick else [peer for peer in PEERS if peer != "docetl"])


def _limited(limit: int, peers: Iterable[str]) -> list[Job]:
    options = {"tpm": limit, "rpm": 5_000, "chunk": CHUNK, "speed": 1.0}
    configs = {"langchain": "tuned_rl"}
    return [
        _job("limits", f"{limit:,}", peer, "wp", options, configs.get(peer, "tuned"))
        for peer in peers
    ]


def faults(quick: bool) -> list[Job]:
    """Two calls in a hundred fail, by turns in one of four ways; in a small text one is cut off."""
    jobs = []
    for peer in PEERS:
        for seed in range(1, 2 if quick else 3):
            options = {**_FAULTS, "chunk": 4_000, "seed": seed, "conc": 16}
            jobs.append(_job("faults", "2 % of calls", peer, "wp", options))
        one = {"chunk": 4_000, "speed": 10.0, "nth": "3:truncjson"}
        jobs.append(_job("faults", "one truncated reply", peer, "qmsum", one))
    return jobs


def refused(quick: bool) -> list[Job]:
    """Each call that holds one sentence of the text is refused, or answered with nothing."""
    jobs = []
    for kind in ("refusal",) if quick else ("refusal", "empty", "400filter"):
        options = {"chunk": 4_000, "speed": 10.0, "conc": 16, "poison_kind": kind}
        options["poison"] = "It was in July, 1805"
        title = {"refusal": "refused", "empty": "empty", "400filter": "filtered (400)"}[kind]
        jobs += [_job("refused", title, peer, "wp", options) for peer in PEERS]
    return jobs


def killed(quick: bool) -> list[Job]:
    """Killed after twenty replies, and started again with what each keeps on disk."""
    del quick
    options = {"chunk": CHUNK, "speed": 5.0, "conc": 16}
    configs = {"langchain": "tuned_cache", "minikit": "journal"}
    return [
        Job(
            group="killed",
            title="killed after 20 replies",
            peer=peer,
            config=configs.get(peer, "tuned"),
            text="wp",
            options=options,
            again=20,
        )
        for peer in PEERS
    ]


GROUPS: dict[str, Callable[[bool], list[Job]]] = {
    "plain": plain,
    "limits": limits,
    "tight": tight,
    "faults": faults,
    "refused": refused,
    "killed": killed,
}
AT_ONCE = {"plain": 1, "limits": 5, "tight": 5, "faults": 2, "refused": 2, "killed": 2}
"""Jobs side by side: what is compared in seconds runs alone, or waits most of its time."""


def _job(  # noqa: PLR0917 - the columns of a table
    group: str, title: str, peer: str, text: str, options: dict[str, Any], config: str = "tuned"
) -> Job:
    return Job(group=group, title=title, peer=peer, config=config, text=text, options=options)


def main() -> None:
    """Run the groups and save their rows."""
    parser = argparse.ArgumentParser(description="minikit beside its peers.")
    parser.add_argument("--quick", action="store_true", help="one small text, one seed")
    parser.add_argument("--group", default=",".join(GROUPS), help="which tables, by commas")
    parser.add_argument("--peer", default=",".join(PEERS), help="which peers, by commas")
    parser.add_argument("--bench", type=Path, default=BENCH, help="folder of the benchmark")
    arguments = parser.parse_args()
    if not (arguments.bench / "bench.py").exists():
        print("The benchmark of the peers is not here (--bench, MINIKIT_BENCH): nothing to do.")
        return
    asked = arguments.peer.split(",")
    there = [peer for peer in PEERS if peer in asked and python_of(peer).exists()]
    driver = _driver(arguments.bench)
    sizes = _texts()
    for name in arguments.group.split(","):
        jobs = [job for job in GROUPS[name](arguments.quick) if job.peer in there]
        print(f"{name}: {len(jobs)} runs", flush=True)
        with ThreadPoolExecutor(AT_ONCE[name]) as pool:
            rows = list(pool.map(partial(_run, driver, sizes), jobs))
        command = f"python benchmarks/peers.py --group {name}"
        peers = [peer for peer in there if peer != "minikit"]
        save(f"peers_{name}", rows, command=command, peers=peers, notes={"texts": sizes})


def _driver(bench: Path) -> Any:  # noqa: ANN401 - a module that is not ours
    """Load the benchmark's driver, which starts a server and a peer for each run."""
    os.environ["BENCH_HOME"] = str(HOME)
    os.environ["BENCH_RUNNERS"] = str(Path(__file__).with_name("runners"))
    spec = importlib.util.spec_from_file_location("bench", bench / "bench.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ours = HOME / "venvs" / "minikit"
    if not ours.exists():
        ours.symlink_to(Path(sys.prefix))
    return module


def _texts() -> dict[str, dict[str, int]]:
    """Return the sizes of the texts, and put those there that nobody has tuned for."""
    docs = HOME / "docs"
    (docs / "manual.txt").write_text("\n\n".join(topics.values()), "utf-8")
    chinese = HOME / "corpora" / "cjk.txt"
    if chinese.exists():
        (docs / "cjk.txt").write_text(chinese.read_text("utf-8")[:150_000], "utf-8")
    found = {}
    for name in TEXTS:
        file = docs / f"{name}.txt"
        if file.exists():
            text = file.read_text("utf-8")
            found[name] = {
                "characters": len(text),
                "tokens": count_tokens(text),
                "runs": len(text.split()) // 12,
            }
    return found


def _run(driver: Any, sizes: dict[str, dict[str, int]], job: Job) -> Row:  # noqa: ANN401
    told = {
        "peer": RUNNERS.get(job.peer, job.peer),
        "config": job.config,
        "doc": job.text,
        "redo": 1,
        "timeout": 400,
        **job.options,
    }
    (HOME / "state").mkdir(exist_ok=True)
    with TemporaryDirectory(dir=HOME / "state") as state:  # what a library keeps is for this job
        told["state"] = state
        first: Row = {}
        if job.again:
            told["port"] = driver.port()  # a journal and a cache know a server by its address
            before = _driven(driver, {**told, "kill_after_ok": job.again})["server"]
            first = {"calls_before": before["ok"], "usd_before": before["cost"]}
        row = {**_row(job, _driven(driver, told), sizes[job.text]), **first}
    print(json.dumps({name: row[name] for name in _SHOWN}, ensure_ascii=False), flush=True)
    return row


def _driven(driver: Any, told: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Run once; a second time where another program took the server's port meanwhile."""
    try:
        found: dict[str, Any] = driver.one(told)
    except OSError:
        found = driver.one(told)
    return found


_SHOWN = ("group", "title", "peer", "text", "ok", "span_s", "ideal_s", "usd", "statuses", "error")


def _row(job: Job, found: dict[str, Any], size: dict[str, int]) -> Row:
    server, run = found["server"], found["run"]
    ideal = ideal_s(
        size["tokens"],
        job.options.get("chunk", CHUNK),
        characters=size["characters"],
        tokens_per_minute=job.options.get("tpm"),
    )
    log = HOME / "logs" / f"{found['key']}.jsonl"
    calls = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    good = sorted((call for call in calls if call["status"] == 200), key=lambda call: call["t"])
    own = [
        (latency_s(call["prompt_tokens"], call["completion_tokens"]), call.get("est", 0))
        for call in good
        if "completion_tokens" in call
    ]
    error = run.get("error") and _WITH_OWN_TEXT.sub("the server", run["error"].split("\n")[0])
    return {
        "group": job.group,
        "title": job.title,
        "peer": job.peer,
        "config": job.config,
        "text": job.text,
        "ok": bool(run.get("ok") and server["requests"]),
        "calls": server["requests"],
        "input_tokens": server["input_tokens"],
        "output_tokens": server["output_tokens"],
        "summary_tokens": good[-1].get("completion_tokens") if good else None,
        "usd": round(server["cost"], 6),
        "span_s": round(server["span"], 2),
        "ideal_s": round(ideal, 2),
        "own_ideal_s": round(scheduled_s(own, tokens_per_minute=job.options.get("tpm")), 2),
        "wall_s": run.get("wall_s"),
        "cpu_s": run.get("cpu_s"),
        "import_s": run.get("import_s"),
        "memory_mb": run.get("rss_peak_mb"),
        "in_flight": server["max_inflight"],
        "coverage": server["coverage"],
        "statuses": server["statuses"],
        "gaps": run.get("gaps"),
        "error": error[:160] if error else None,
    }


if __name__ == "__main__":
    main()
