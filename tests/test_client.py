"""The blocking client, and what has to hold where event loops, threads and processes meet."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_overloads

import anyio
import pytest

import minikit
from minikit import ArgumentError, AsyncClient, Client, ClosedError, Message, Progress
from processes import running
from server import ChatServer, held, ok

TEXT = "The cat sat on the mat in the sun. The dog ran over the hill to the sea. " * 40


@pytest.fixture
def client(server: ChatServer) -> Client:
    """A blocking client of the server; the test closes it."""
    return Client(api_key="sk-test", base_url=server.base_url)


def run_python(code: str, server: ChatServer | None = None) -> subprocess.CompletedProcess[str]:
    """Run `code` in a fresh interpreter with warnings as errors."""
    environ = {**os.environ, "OPENAI_API_KEY": "sk-test"}
    if server:
        environ["OPENAI_BASE_URL"] = server.base_url
    return subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:the model", "-c", textwrap.dedent(code)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_blocking_calls(server: ChatServer, client: Client) -> None:
    """Complete, summarize and plan work without an event loop of one's own."""
    with client:
        assert client.complete("Hello?").text
        planned = client.plan(TEXT)
        summary = client.summarize(TEXT)
    assert planned.calls_at_least == len(summary.calls) == 1
    assert len(server.requests) == 2


def test_closed_client(client: Client) -> None:
    """A closed client says so, whether it was used or not; closing twice is fine."""
    client.close()
    client.close()
    with pytest.raises(ClosedError, match="make a new one"):
        client.complete("Hello?")


def test_inside_a_running_loop(server: ChatServer, client: Client) -> None:
    """A blocking call works where an event loop runs in the same thread, as in a notebook."""

    async def cell() -> str:
        return client.complete("Hello?").text

    with client:
        assert asyncio.run(cell())


def test_many_threads_share_a_client(server: ChatServer, client: Client) -> None:
    """Replies reach the threads that asked."""
    server.handler = lambda body: ok(body["messages"][0]["content"])
    prompts = [f"number {number}" for number in range(64)]
    with client, ThreadPoolExecutor(32) as pool:
        replies = list(pool.map(lambda prompt: client.complete(prompt).text, prompts))
    assert replies == prompts


def test_call_from_its_own_thread(server: ChatServer, client: Client) -> None:
    """A call from inside the client's own loop would wait for itself: it is an error."""
    errors: list[BaseException] = []

    def call_back(_progress: Progress) -> None:
        try:
            client.complete("Hello?")
        except ClosedError as error:
            errors.append(error)

    with client:
        client.summarize(TEXT, on_event=call_back)
    assert "its own event loop" in str(errors[0])


def test_interrupt_cancels_the_call(server: ChatServer) -> None:
    """Ctrl-C ends a blocking call within moments, and the request with it."""
    server.handler = lambda _body: held(threading.Event())
    code = "import minikit; minikit.Client().complete('Hello?')"
    environ = {**os.environ, "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": server.base_url}
    with running([sys.executable, "-c", code], env=environ, stderr=subprocess.PIPE) as process:
        server.wait_for(in_flight=1)
        process.send_signal(signal.SIGINT)
        _, printed = process.communicate(timeout=20)
    assert printed.strip().endswith("KeyboardInterrupt")
    assert server.requests[0].abandoned.wait(5)


def test_exit_without_close(server: ChatServer) -> None:
    """A client left open does not keep the interpreter, and nothing is printed."""
    done = run_python("import minikit; print(minikit.Client().complete('Hello?').text)", server)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize(("close", "printed"), [("", False), ("loop.close()", True)])
def test_loop_that_cannot_close(close: str, printed: bool) -> None:
    """A loop that cannot end its threads says so, except at exit, where none can start."""
    code = f"""
        from minikit.portal import Loop

        async def no_threads():
            raise RuntimeError("can't create new thread at interpreter shutdown")

        async def answer():
            return 7

        loop = Loop(closing=no_threads)
        assert loop.call(answer) == 7
        {close}
    """
    done = run_python(code)
    assert (done.returncode, "can't create new thread" in done.stderr) == (0, printed)


def test_fork_gets_a_loop_of_its_own(server: ChatServer) -> None:
    """A child process asks on its own connections; parent and child both go on."""
    server.handler = lambda body: ok(body["messages"][0]["content"])
    code = """
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads is the point
        import minikit
        client = minikit.Client()
        assert client.complete("before").text == "before"
        pid = os.fork()
        name = "child" if pid == 0 else "parent"
        assert [client.complete(f"{name} {n}").text for n in range(5)] == [
            f"{name} {n}" for n in range(5)
        ]
        if pid:
            assert os.waitpid(pid, 0)[1] == 0
        client.close()
    """
    done = run_python(code, server)
    assert (done.returncode, done.stderr) == (0, "")


def test_fork_then_exit_without_close(server: ChatServer) -> None:
    """A child that never calls leaves its parent's loop alone."""
    code = """
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        import minikit
        client = minikit.Client()
        client.complete("before")
        if pid := os.fork():
            assert os.waitpid(pid, 0)[1] == 0
            client.complete("after")
    """
    done = run_python(code, server)
    assert (done.returncode, done.stderr) == (0, "")


def test_one_async_client_on_two_loops(server: ChatServer) -> None:
    """An AsyncClient serves one event loop after the other, asyncio's and trio's."""
    client = AsyncClient(api_key="sk-test", base_url=server.base_url)

    async def main() -> str:
        try:
            return (await client.complete("Hello?")).text
        finally:
            await client._pipeline.disconnect()

    assert anyio.run(main)
    assert anyio.run(main)
    assert anyio.run(main, backend="trio")


def test_module_functions(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module functions take the client from the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)

    async def asynchronous() -> tuple[str, int]:
        planned = await minikit.aplan(TEXT)
        return (await minikit.asummarize(TEXT)).text, planned.calls_at_most

    blocking = (minikit.summarize(TEXT).text, minikit.plan(TEXT).calls_at_most)
    assert asyncio.run(asynchronous()) == blocking
    assert anyio.run(asynchronous, backend="trio") == blocking


@pytest.mark.parametrize(
    ("one", "twin"),
    [
        (minikit.summarize, minikit.asummarize),
        (minikit.plan, minikit.aplan),
        (Client.summarize, AsyncClient.summarize),
        (Client.plan, AsyncClient.plan),
        (Client.complete, AsyncClient.complete),
        (Client, AsyncClient),
    ],
)
def test_twins_take_the_same_arguments(one: object, twin: object) -> None:
    """What blocks and what does not are called alike."""
    parameters = [inspect.signature(each).parameters for each in (one, twin)]  # type: ignore[arg-type]
    assert parameters[0] == parameters[1]


def test_plan_takes_what_summarize_takes() -> None:
    """A plan takes the arguments of a summary, and several models beside."""
    one, several, _ = get_overloads(minikit.plan)
    asked, planned, compared = (
        dict(inspect.signature(each).parameters) for each in (minikit.summarize, one, several)
    )
    assert asked == planned
    assert compared.pop("model").annotation == "Models"
    assert asked.pop("model").annotation == "str | Model | None"
    assert asked == compared


def test_path_is_a_file_and_str_is_text(tmp_path: Path, client: Client) -> None:
    """A Path is read; a str never is, and one that names a file is told to be text."""
    file = tmp_path / "story.txt"
    file.write_text(TEXT, encoding="utf-8")
    with client:
        assert client.plan(file).document_characters == len(TEXT)
        with pytest.warns(minikit.SourceWarning, match=r"Path\("):
            planned = client.plan(str(file))
        assert planned.document_characters == len(str(file))


def test_message_is_public() -> None:
    """Messages are values."""
    assert Message(role="user", content="x") == Message.of({"role": "user", "content": "x"})


def test_dropped_clients_leave_no_threads() -> None:
    """A client that nobody holds any more stops its thread."""
    code = """
        import gc, threading, time
        import minikit
        for _ in range(20):
            minikit.Client(model="offline").plan("The cat sat.")
        gc.collect()
        deadline = time.monotonic() + 20
        while threading.active_count() > 3:
            assert time.monotonic() < deadline, threading.enumerate()
    """
    done = run_python(code)
    assert (done.returncode, done.stderr) == (0, "")


def test_close_ends_calls_under_way(server: ChatServer, client: Client) -> None:
    """A call that is under way when its client is closed ends with an error of ours."""
    server.handler = lambda _body: held(threading.Event())
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.complete, "Hello?")
        server.wait_for(in_flight=1)
        client.close()
        with pytest.raises(ClosedError, match="while the call was under way"):
            call.result(timeout=10)


def test_close_from_its_own_thread(server: ChatServer, client: Client) -> None:
    """A client cannot be closed from inside its own loop; it stays open."""
    errors: list[BaseException] = []

    def call_back(_progress: Progress) -> None:
        try:
            client.close()
        except ClosedError as error:
            errors.append(error)

    with client:
        client.summarize(TEXT, on_event=call_back)
        assert errors
        assert client.complete("Hello?").text


def test_listener_that_exits(server: ChatServer, client: Client) -> None:
    """SystemExit in a listener reaches the caller, and the client goes on."""

    def leave(_progress: Progress) -> None:
        sys.exit(3)

    with client:
        with pytest.raises(SystemExit, match="3"):
            client.summarize(TEXT, on_event=leave)
        assert client.complete("Hello?").text


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"retry": 5}, "a Retry"),
        ({"api_key": 5}, "api_key is a str"),
        ({"base_url": 5}, "base_url is a str"),
        ({"openai_client": 5}, "an AsyncOpenAI, not int"),
        ({"timeout_s": 0}, "at least"),
    ],
)
def test_options_of_a_wrong_kind(options: dict[str, object], match: str) -> None:
    """A client cannot be made of what it cannot use."""
    with pytest.raises(ArgumentError, match=match):
        Client(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"api_key": "ключ"}, "characters that no key has"),
        ({"api_key": "a\nb"}, "characters that no key has"),
        ({"base_url": "localhost:8000/v1"}, "begins with http"),
    ],
)
def test_keys_and_addresses_that_cannot_be(options: dict[str, Any], match: str) -> None:
    """A key or an address that cannot be one is found before anything is sent."""
    with Client(**{"api_key": "k", **options}) as client, pytest.raises(ArgumentError, match=match):
        client.complete("Hello?")


def test_key_from_a_file_with_a_line_end(server: ChatServer) -> None:
    """White space around a key, as at the end of a file, is dropped."""
    with Client(api_key=" sk-test\n", base_url=server.base_url) as client:
        client.complete("Hello?")
    assert server.requests[0].headers["authorization"] == "Bearer sk-test"


def test_exit_while_the_loop_cannot_end_well() -> None:
    """An error of the event loop's own end is shown, but not one at the interpreter's exit."""
    code = """
        import sys
        from minikit.portal import Loop

        async def closing():
            raise RuntimeError("cannot schedule new futures after shutdown")

        async def nothing():
            pass

        loop = Loop(closing)
        loop.call(nothing)
        if {close}:
            loop.close()
    """
    shown = run_python(code.format(close=True))
    hidden = run_python(code.format(close=False))
    assert "cannot schedule new futures" in shown.stderr
    assert (hidden.returncode, hidden.stderr) == (0, "")
