"""A corpus on a Dask cluster whose machines are network namespaces; needs root and `ip`.

    sudo python benchmarks/namespaces.py

Three namespaces with addresses of their own: the scheduler, the caller and a server in one, a
worker in each of the others. One worker is killed in the middle. What the server was asked for is
the judge: every document is answered, and of what had come nothing is asked for again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from tempfile import TemporaryDirectory

NAMES = ("minikit-a", "minikit-b", "minikit-c")
BRIDGE = "minikit-br"
ADDRESS = "10.77.0.1"
SCHEDULER = f"tcp://{ADDRESS}:8786"
DOCUMENTS, SIZE, BUDGET = 24, 6, "0.01"
REPLY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini-2024-07-18",
    "service_tier": "default",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "The bridge is closed."},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 240, "completion_tokens": 6, "total_tokens": 246},
}


def ip(*words: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *words], check=True)


@contextmanager
def machines() -> Generator[None]:
    """Make namespaces on one bridge: 10.77.0.1, 10.77.0.2 and 10.77.0.3."""
    with ExitStack() as undo:
        ip("link", "add", BRIDGE, "type", "bridge")
        undo.callback(ip, "link", "del", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for number, name in enumerate(NAMES, 1):
            ip("netns", "add", name)
            undo.callback(ip, "netns", "del", name)
            inner, outer = f"mk-in{number}", f"mk-out{number}"
            ip("link", "add", inner, "type", "veth", "peer", "name", outer)
            ip("link", "set", inner, "netns", name)
            ip("link", "set", outer, "master", BRIDGE, "up")
            ip("-n", name, "addr", "add", f"10.77.0.{number}/24", "dev", inner)
            ip("-n", name, "link", "set", inner, "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield


def process(name: str, *words: str) -> subprocess.Popen[bytes]:
    """Start a program of this environment on a machine."""
    known = {**os.environ, "OPENAI_API_KEY": "sk-test", "PYTHONWARNINGS": "ignore"}
    command = ["ip", "netns", "exec", name, sys.executable, *words]
    quiet = None if "work" in words else subprocess.DEVNULL
    return subprocess.Popen(command, env=known, stderr=quiet)


def main() -> None:
    """Make the machines, start the cluster, and work from the first of them."""
    dask = ("-m", "distributed.cli.dask_worker", SCHEDULER, "--nthreads", "1", "--no-dashboard")
    with machines(), ExitStack() as undo:
        begun = [
            process(NAMES[0], "-m", "distributed.cli.dask_scheduler", "--host", "10.77.0.1"),
            process(NAMES[1], *dask, "--host", "10.77.0.2"),
            process(NAMES[2], *dask, "--host", "10.77.0.3"),
        ]
        for each in begun:
            undo.callback(each.wait)
            undo.callback(each.terminate)
        sys.exit(process(NAMES[0], __file__, "work").wait())


class Server(ThreadingHTTPServer):
    """Answers every request; the first two about the third document of a partition wait."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((ADDRESS, 0), Handler)
        self.asked = Counter[int]()
        self.answered = Counter[int]()
        self.senders = set[str]()
        self.held, self.gate = threading.Semaphore(0), threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: the worker that was killed has left."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        """Answer a chat completion."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        number = int(body["messages"][-1]["content"].split("Report ")[1].split(".")[0])
        self.server.asked[number] += 1
        self.server.senders.add(self.client_address[0])
        if number % SIZE == 2:
            self.server.held.release()
            self.server.gate.wait(60)
        reply = json.dumps(REPLY).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)
        self.wfile.flush()
        self.server.answered[number] += 1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
        """Say nothing."""


def work() -> None:
    """Be the caller: run a corpus, and kill a worker in the middle."""
    from distributed import Client as Cluster

    from minikit import Client

    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    texts = [f"Report {n}.\n" + "The bridge was closed. " * 30 for n in range(DOCUMENTS)]
    with Cluster(SCHEDULER) as cluster, TemporaryDirectory() as kept:
        cluster.wait_for_workers(2, timeout=60)
        pids: dict[str, int] = cluster.run(os.getpid)

        def kill() -> None:
            server.held.acquire()
            server.held.acquire()
            os.kill(next(iter(pids.values())), signal.SIGKILL)
            time.sleep(2)
            server.gate.set()

        threading.Thread(target=kill, daemon=True).start()
        base_url = f"http://{ADDRESS}:{server.server_port}/v1"
        with Client(base_url=base_url, max_concurrency=1, model="gpt-4o-mini") as client:
            outcomes = client.summarize_many(
                texts, engine=cluster, partition_size=SIZE, journal=kept, budget_usd=BUDGET
            )
            done = sum(outcome.error is None for outcome in outcomes)
    twice = {number: times for number, times in server.asked.items() if times > 1}
    print(outcomes.report)
    print(f"workers at           {sorted(pids)}")
    print(f"requests came from   {sorted(server.senders)}")
    print(f"documents answered   {done} of {DOCUMENTS}")
    print(f"asked for twice      {twice or 'nothing'} (in flight when the worker died: one call)")
    assert done == DOCUMENTS
    assert sum(twice.values()) <= 2
    assert len(server.senders) == 2


if __name__ == "__main__":
    work() if sys.argv[1:] == ["work"] else main()
