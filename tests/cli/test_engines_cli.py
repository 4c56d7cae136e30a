"""Who does the work of `minikit many`: processes and clusters that a command starts."""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from minikit.cli import engines
from minikit.cli.extract import read_fields
from minikit.cli.schemas import read_schema
from minikit.errors import MissingExtraError, WorkerError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Bird(TypedDict):
    """A type that stands in a module."""

    name: str


class Cluster:
    """Takes the place of a client of Dask, which would take seconds to start."""

    made: dict[str, Any]
    fails = False
    told: list[object]

    def __init__(self, **where: Any) -> None:  # noqa: ANN401 - as of distributed.Client
        Cluster.made = where
        if Cluster.fails:
            raise OSError("timed out")

    def __enter__(self) -> Self:
        return self

    def register_worker_callbacks(self, setup: object) -> None:
        """Take note of what workers begin with."""
        Cluster.told.append(setup)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass


def test_processes() -> None:
    """A pool is made that starts none before there is work."""
    engines.check_engine("processes", 2)
    with engines.lent("processes", 2) as pool:
        assert isinstance(pool, ProcessPoolExecutor)


def test_types_that_travel(tmp_path: Path) -> None:
    """Types of the command line are sent field by field, those of a module by name."""
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 2},
            "eggs": {"type": "array", "items": {"type": "object", "properties": {}}},
        },
    }
    (tmp_path / "bird.json").write_text(json.dumps(schema))
    kinds = [
        read_fields("name, due: date, tags: text[], state: open|closed"),
        list[read_schema(str(tmp_path / "bird.json"))],  # type: ignore[misc] # made at run time
        Bird | None,
        Bird,
        None,
    ]
    for kind in kinds:
        engines.make_picklable(kind)
        again = pickle.loads(pickle.dumps(kind))  # noqa: S301 - of our own
        assert TypeAdapter(again).json_schema() == TypeAdapter(kind).json_schema()
    assert pickle.loads(pickle.dumps(Bird)) is Bird  # noqa: S301 - as above


def test_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of one thread are started, or those are taken that a scheduler has."""
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(distributed, "Client", Cluster)
    monkeypatch.setattr(Cluster, "fails", False)
    monkeypatch.setattr(Cluster, "told", [], raising=False)
    with engines.lent("dask", 3) as client:
        assert isinstance(client, Cluster)
    assert (Cluster.made["n_workers"], Cluster.made["threads_per_worker"]) == (3, 1)
    with engines.lent("tcp://host:8786", None):
        assert Cluster.made == {"address": "tcp://host:8786", "timeout": engines.CONNECT_S}
    assert Cluster.told == [engines._leave_interrupts]  # of the workers that were started
    monkeypatch.setattr(Cluster, "fails", True)
    with (
        pytest.raises(WorkerError, match="'tcp://host:8786' cannot be used: timed out"),
        engines.lent("tcp://host:8786", None),
    ):
        pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"minikit\[dask\]"), engines.lent("dask", None):
        pass


class Quiet(threading.Thread):
    """A thread that is not started."""

    def start(self) -> None:
        """Leave it."""


def test_a_process_ends_after_a_command_that_was_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for the end of the command, and some time more for calls that are under way."""
    events: list[object] = []
    monkeypatch.setattr(time, "sleep", events.append)
    monkeypatch.setattr(os, "_exit", events.append)

    class Parent(BaseProcess):
        def __init__(self) -> None:
            pass

        def join(self, timeout: float | None = None) -> None:
            events.append(timeout)

    engines._end_after(Parent())
    assert events == [None, engines.GRACE_S, 1]


def test_ctrl_c_is_left_to_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of the pool does not hear it: it lets calls under way end."""
    heard: list[object] = []
    monkeypatch.setattr(signal, "signal", lambda *told: heard.append(told))
    monkeypatch.setattr(threading, "Thread", Quiet)
    engines._begin()
    assert heard == [(signal.SIGINT, signal.SIG_IGN)]
