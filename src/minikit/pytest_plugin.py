"""The pytest plugin: imported by pytest wherever minikit is installed, so it imports nothing."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from contextlib import AbstractContextManager

    from minikit.testing import Cassette, ScriptedServer
    from minikit.testing.cassette import Record
    from minikit.testing.double import Double

REAL_CALLS = "minikit_real_calls"
_CHOICES = ("allow", "block")
_DOUBLES = ("minikit_server", "minikit_cassette")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("minikit")
    group.addoption(
        "--minikit-real-calls",
        choices=_CHOICES,
        help="whether tests may call models on other machines; default: the ini option, else allow",
    )
    group.addoption(
        "--minikit-record",
        choices=("none", "new", "all"),
        default="none",
        help="what the fixture minikit_cassette asks real servers for: nothing (default), what is "
        "not recorded yet, or everything anew",
    )
    parser.addini(REAL_CALLS, 'whether tests may call models: "allow" or "block"', default="allow")


def pytest_configure(config: pytest.Config) -> None:
    """Block real calls from the start, also those of modules that are being collected."""
    config.addinivalue_line(
        "markers",
        f'{REAL_CALLS}(choice): "allow" or "block" calls of this test to models elsewhere',
    )
    choice = _checked(config.getoption(REAL_CALLS) or config.getini(REAL_CALLS))
    if choice == "block":
        stay = ExitStack()
        stay.enter_context(_real_calls(choice))
        config.add_cleanup(stay.close)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Check the marker of a test."""
    marker = item.get_closest_marker(REAL_CALLS)
    if marker is not None:
        _checked(*marker.args)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let the marker of a test decide for it, its fixtures included."""
    marker = item.get_closest_marker(REAL_CALLS)
    with nullcontext() if marker is None else _real_calls(*marker.args):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that passes but has asked what was not expected, or not all that was."""
    try:
        result = yield
    except Exception as error:
        if type(error).__module__.startswith("minikit.testing."):
            error.__traceback__ = _outside(error.__traceback__)
        else:  # what the application has caught may be why the test fails
            hidden = [str(each) for double in _doubles(item) for each in double.unexpected]
            item.add_report_section("call", "minikit", "\n".join(hidden))
        raise
    misfits = [misfit for double in _doubles(item) if (misfit := _misfit(double))]
    if misfits:
        pytest.fail("\n".join(misfits), pytrace=False)
    return result


@pytest.fixture
def minikit_server() -> Iterator[ScriptedServer]:
    """A scripted server that stands in for every server; the test fails unless all fits."""
    from minikit.testing import ScriptedServer

    server = ScriptedServer()
    with server.standing():
        yield server


@pytest.fixture
def minikit_cassette_path(request: pytest.FixtureRequest) -> Path:
    """Where the replies of a test are recorded; override it to choose."""
    node: pytest.Item = request.node
    name = quote(node.nodeid.partition("::")[2].replace("::", "."), safe="[]()=,+@ ")
    return node.path.parent / "cassettes" / node.path.stem / f"{name}.jsonl"


@pytest.fixture
def minikit_cassette(
    minikit_cassette_path: Path, pytestconfig: pytest.Config
) -> Iterator[Cassette]:
    """Recorded replies that stand in for every server; --minikit-record=new records them."""
    from minikit.testing import Cassette

    record: Record = pytestconfig.option.minikit_record
    cassette = Cassette(minikit_cassette_path, record=record)
    with cassette.standing():
        yield cassette


@pytest.fixture(scope="session")
def minikit_base_url() -> Iterator[str]:
    """Where minikit_server or minikit_cassette of each test answers other processes too."""
    from minikit.testing.exchange import Exchange

    with Exchange().serving() as base_url:
        yield base_url


def _checked(choice: str = "", *others: object) -> str:
    if choice not in _CHOICES or others:
        raise pytest.UsageError(f'{REAL_CALLS} is "allow" or "block", not {(choice, *others)}')
    return choice


def _real_calls(choice: str) -> AbstractContextManager[None]:
    from minikit.calls.standin import standing
    from minikit.testing import blocked_calls

    return blocked_calls() if choice == "block" else standing(None)


def _misfit(double: Double) -> str:
    try:
        double.check()
    except AssertionError as error:
        return str(error)
    return ""


def _outside(traceback: TracebackType | None) -> TracebackType | None:
    """Leave out of a traceback what lies within minikit: what counts is who called it."""
    home, entries = str(Path(__file__).parent), list[TracebackType]()
    while traceback is not None:
        path = traceback.tb_frame.f_code.co_filename
        if path.startswith(home) and path != __file__:
            break
        entries.append(traceback)
        traceback = traceback.tb_next
    kept: TracebackType | None = None
    for entry in reversed(entries):
        kept = TracebackType(kept, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return kept


def _doubles(item: pytest.Item) -> list[Double]:
    funcargs: dict[str, Any] = getattr(item, "funcargs", {})
    return [funcargs[name] for name in _DOUBLES if name in funcargs]
