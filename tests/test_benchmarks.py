"""The page of benchmarks says what the results say, and its ideal is the least that can be."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

HOME = Path(__file__).parents[1]
BENCHMARKS = HOME / "benchmarks"


@pytest.fixture(autouse=True)
def _modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the scripts importable, as they are beside each other."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def kept() -> dict[str, Any]:
    """Return the results that the page shows."""
    from results import load

    found: dict[str, Any] = load()
    return found


def test_the_page_is_made_from_the_results() -> None:
    """docs/benchmarks.md is what `benchmarks/page.py` makes of the files in benchmarks/results."""
    from page import PAGE, page

    assert Path(PAGE).read_text("utf-8") == page(kept())


def test_no_result_tells_whose_machine_it_was() -> None:
    """Results hold versions, a date and the kind of machine, and neither paths nor names."""
    assert kept()
    for result in kept().values():
        assert set(result) == {"part", "date", "command", "machine", "versions", "notes", "rows"}
        assert set(result["machine"]) == {"cores", "architecture", "system", "python"}
        assert result["versions"]["minikit"]["minikit"]
        assert not any(name in json.dumps(result) for name in ("/root", "/home", "/tmp", "127.0."))  # noqa: S108


def test_a_page_without_peers() -> None:
    """Where only minikit was measured, the page holds what there is."""
    from page import page

    alone = {name: found for name, found in kept().items() if not found["part"].startswith("peers")}
    text = page(alone)
    assert "## Starting, overhead, memory" in text
    assert "## Limits" not in text


def test_results_are_written_only_where_they_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the variable nothing is written; paths in messages are left out."""
    from results import FOLDER, load, save

    monkeypatch.delenv(FOLDER, raising=False)
    save("part", [{"error": "no file /opt/somewhere/else.txt"}], command="python part.py")
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv(FOLDER, str(tmp_path))
    save("part", [{"error": "no file /opt/somewhere/else.txt"}], command="python part.py")
    assert load(tmp_path)["part"]["rows"] == [{"error": "no file …"}]


def test_the_ideal_of_a_book() -> None:
    """The formula gives what the simulated server was seen to take."""
    from ideal import ideal_s

    assert ideal_s(769_905, 16_000) == pytest.approx(23.55, abs=0.01)
    limited = ideal_s(769_905, 16_000, characters=3_227_573, tokens_per_minute=500_000)
    assert limited == pytest.approx(60.37, abs=0.01)


@given(
    st.lists(st.tuples(st.floats(0.1, 20), st.floats(1, 500)), min_size=1, max_size=20),
    st.none() | st.integers(1, 5),
    st.none() | st.floats(500, 5_000),
)
def test_no_schedule_is_shorter_than_its_parts(
    calls: list[tuple[float, float]], places: int | None, limit: float | None
) -> None:
    """The last call follows the longest other; places and limits only make it longer."""
    from ideal import scheduled_s

    *parts, last = calls
    free = scheduled_s(calls)
    assert free == pytest.approx(max((seconds for seconds, _ in parts), default=0.0) + last[0])
    taken = scheduled_s(calls, places=places, tokens_per_minute=limit)
    assert taken >= free - 1e-6
    work = sum(seconds for seconds, _ in parts) / (places or len(calls)) + last[0]
    assert taken >= (work if places else 0) - 1e-6


def test_every_part_has_a_script() -> None:
    """`benchmarks/run.py` names scripts that are there."""
    from run import PARTS

    for usual, hurried in PARTS.values():
        assert (BENCHMARKS / usual.split()[0]).is_file()
        assert usual.split()[0] == hurried.split()[0]
    assert str(BENCHMARKS) in sys.path
