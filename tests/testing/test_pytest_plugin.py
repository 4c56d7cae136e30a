"""The pytest plugin, as the tests of an application see it.

Most inner runs take place in this process, which is fast; the modules that they use are imported
here, so that all runs share them.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import entry_points

import anyio.from_thread
import openai
import pytest
import trio

import minikit.functions
import minikit.testing
from minikit.calls.standin import current
from server import ChatServer, ok

pytest_plugins = ["pytester"]

USED = (anyio.from_thread, openai, trio, minikit.functions, minikit.testing)
QUIET = "-p no:cacheprovider -p no:cov -p no:hypothesispytest -p no:langsmith_plugin"
"""Other plugins would take more time than the tests."""

APPLICATION = """
    from minikit import CallError, Client, asummarize, summarize

    MODEL = "gpt-4.1-mini"

    def digest(text):
        return str(summarize(text, model=MODEL))

    async def adigest(text):
        return str(await asummarize(text, model=MODEL))

    def shout(text):
        with Client(model=MODEL) as client:
            return str(client.complete(text)).upper()

    def careful(text):
        try:
            return digest(text)
        except CallError:
            return "no summary"
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with an application; it has a key, and a server that is not there."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    pytester.makepyfile(application=APPLICATION)
    pytester.makeini("[pytest]\n")
    monkeypatch.setenv("PYTEST_ADDOPTS", QUIET)
    return pytester


def run(suite: pytest.Pytester, *options: str, **outcomes: int) -> str:
    """Run the tests of the suite in this process, expect these outcomes, and return the output."""
    done = suite.runpytest_inprocess(*options)
    done.assert_outcomes(**outcomes)
    return done.stdout.str()


def test_it_is_found_by_its_entry_point() -> None:
    """Whoever has minikit has the plugin."""
    (found,) = (each for each in entry_points(group="pytest11") if each.name == "minikit")
    assert found.value == "minikit.pytest_plugin"


def test_it_costs_nothing_where_it_is_not_used(suite: pytest.Pytester) -> None:
    """A suite of its own, in a process of its own, imports of minikit the plugin and the errors."""
    suite.makepyfile(
        """
        import sys

        def test_nothing():
            ours = {name for name in sys.modules if name.split(".")[0] == "minikit"}
            few = ("", ".errors", ".homes", ".pytest_plugin")
            assert ours == {f"minikit{name}" for name in few}
            assert not {"openai", "pydantic", "tiktoken"} & set(sys.modules)
        """
    )
    suite.runpytest_subprocess("-p", "no:anyio").assert_outcomes(passed=1)


def test_the_server_answers_the_application(suite: pytest.Pytester) -> None:
    """Functions, clients that the application makes, and coroutines on both loops come to it."""
    suite.makepyfile(
        """
        import pytest
        from application import adigest, digest, shout

        def test_functions(minikit_server):
            minikit_server.reply("Short.", "loud")
            assert digest("A long text.") == "Short."
            assert shout("Be loud.") == "LOUD"
            assert [request.model for request in minikit_server.requests] == ["gpt-4.1-mini"] * 2

        @pytest.mark.anyio
        async def test_coroutines(minikit_server):
            minikit_server.reply("Short.")
            assert await adigest("A long text.") == "Short."
        """
    )
    run(suite, passed=3)


def test_what_does_not_fit_fails_the_test(suite: pytest.Pytester) -> None:
    """An unexpected request, one that is hidden, and an unused reply fail, each with its reason."""
    suite.makepyfile(
        """
        from application import careful, digest

        def test_unexpected(minikit_server):
            minikit_server.reply("Short.", when="fish")
            digest("A long text.")

        def test_hidden(minikit_server):
            assert careful("A long text.") == "no summary"

        def test_unused(minikit_server):
            minikit_server.reply("Short.")
        """
    )
    output = run(suite, failed=3)
    assert re.search(r"E +\S*UnexpectedRequestError: request 1 was not expected:\n", output)
    assert "'Short.' when 'fish': 0 of 1 used" in output
    assert "    'Short.': 0 of 1 used" in output
    assert "scripted is, in this order:\n    nothing\n" in output
    assert "src/minikit" not in output.replace("\\", "/"), "the frames of minikit are left out"


def test_a_failing_test_fails_for_its_own_reason(suite: pytest.Pytester) -> None:
    """What is not used is not told where the test has failed anyway."""
    suite.makepyfile(
        """
        from application import careful
        from minikit.testing import BlockedCallError

        def test_wrong(minikit_server):
            minikit_server.reply("Short.")
            assert 1 == 2

        def test_raised(minikit_server):
            minikit_server.reply("Short.")
            raise BlockedCallError("of the test itself")

        def test_hidden(minikit_server):
            assert careful("A long text.") == "a summary"
        """
    )
    output = run(suite, failed=3)
    hidden = output[output.index("Captured minikit call") :]
    assert "request 1 was not expected" in hidden, "why the test fails, though it was caught"
    assert "BlockedCallError: of the test itself" in output
    assert "not asked for" not in output


@pytest.mark.parametrize("way", ["ini", "option"])
def test_real_calls_can_be_blocked(suite: pytest.Pytester, way: str) -> None:
    """For a whole suite, while it is collected too; a marker lets a test, a class or a module."""
    if way == "ini":
        suite.makeini("[pytest]\nminikit_real_calls = block\n")
    suite.makepyfile(
        test_blocked="""
        import pytest
        from application import digest
        from minikit.testing import BlockedCallError

        with pytest.raises(BlockedCallError):
            digest("At import.")

        @pytest.fixture
        def early():
            with pytest.raises(BlockedCallError):
                digest("In a fixture.")

        def test_blocked(early):
            digest("A long text.")

        def test_planned():
            from minikit import plan
            plan("A long text.")
        """,
        test_allowed="""
        import pytest
        from application import digest
        from minikit import MissingKeyError

        pytestmark = pytest.mark.minikit_real_calls("allow")

        def test_allowed(monkeypatch):
            monkeypatch.delenv("OPENAI_API_KEY")
            with pytest.raises(MissingKeyError):
                digest("A long text.")
        """,
    )
    options = ["--minikit-real-calls=block"] if way == "option" else []
    output = run(suite, *options, failed=1, passed=2)
    assert "a real call to https://api.openai.com/v1 was blocked" in output
    assert current() is None


def test_a_marker_blocks_one_test(suite: pytest.Pytester, server: ChatServer) -> None:
    """Without an option calls go out; a test may be kept from it. A server here can be asked."""
    server.script([ok("Real."), ok("Real.")])
    suite.makepyfile(
        f"""
        import pytest
        from application import digest

        def test_real(monkeypatch):
            monkeypatch.setenv("OPENAI_BASE_URL", {server.base_url!r})
            assert digest("A long text.") == "Real."

        @pytest.mark.minikit_real_calls("block")
        def test_local(monkeypatch):
            monkeypatch.setenv("OPENAI_BASE_URL", {server.base_url!r})
            assert digest("A long text.") == "Real."

        @pytest.mark.minikit_real_calls("block")
        def test_blocked():
            digest("A long text.")
        """
    )
    run(suite, failed=1, passed=2)


@pytest.mark.parametrize("arguments", ["", "'stop'", "'allow', 'block'"])
def test_a_wrong_marker_is_told(suite: pytest.Pytester, arguments: str) -> None:
    """A slip in a marker ends the run, so that no call goes out by mistake."""
    suite.makepyfile(
        f"""
        import pytest

        @pytest.mark.minikit_real_calls({arguments})
        def test_nothing():
            pass
        """
    )
    done = suite.runpytest_inprocess()
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert 'minikit_real_calls is "allow" or "block", not ' in done.stderr.str() + done.stdout.str()


def test_a_wrong_ini_option_is_told(suite: pytest.Pytester) -> None:
    """A slip in the ini file ends the run."""
    suite.makeini("[pytest]\nminikit_real_calls = never\n")
    done = suite.runpytest_inprocess()
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(['*minikit_real_calls is "allow" or "block", not *never*'])


def test_what_is_recorded_is_replayed(
    suite: pytest.Pytester, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run asks the server and writes a file for each test, the next run reads them."""
    server.script([ok("First."), ok("Second.")])
    suite.makepyfile(
        """
        import pytest
        from application import digest

        class TestIt:
            @pytest.mark.parametrize("text", ["One: a/b", "Two"])
            def test_digest(self, minikit_cassette, text):
                assert digest(text) in ("First.", "Second.")
        """
    )
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    output = run(suite, failed=2)
    assert "There is no recording yet." in output
    assert "--minikit-record=new" in output
    run(suite, "--minikit-record=new", "--minikit-real-calls=block", passed=2)
    monkeypatch.delenv("OPENAI_API_KEY")
    run(suite, passed=2)
    assert len(server.requests) == 2
    folder = suite.path / "cassettes" / "test_what_is_recorded_is_replayed"
    assert sorted(path.name for path in folder.iterdir()) == [
        "TestIt.test_digest[One%3A a%2Fb].jsonl",
        "TestIt.test_digest[Two].jsonl",
    ]


def test_the_place_of_a_recording_can_be_chosen(suite: pytest.Pytester) -> None:
    """A suite may override the fixture that names the file."""
    line = {
        "request": {"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "Hello"}]},
        "status": 200,
        "headers": {"content-type": "application/json"},
        "reply": {
            "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
            "model": "gpt-4.1-mini",
        },
    }
    (suite.path / "all.jsonl").write_text(json.dumps(line), "utf-8")
    suite.makepyfile(
        """
        from pathlib import Path
        import pytest
        from application import shout

        @pytest.fixture
        def minikit_cassette_path():
            return Path(__file__).parent / "all.jsonl"

        @pytest.mark.usefixtures("minikit_cassette")
        def test_shout():
            assert shout("Hello") == "HI"
        """
    )
    run(suite, passed=1)


def test_other_processes_can_ask_at_an_address(suite: pytest.Pytester) -> None:
    """The address is that of the session, the script that of the test; nothing goes astray."""
    suite.makepyfile(
        """
        import openai
        import pytest

        @pytest.fixture(scope="session")
        def service(minikit_base_url):
            with openai.OpenAI(base_url=minikit_base_url, api_key="x", max_retries=0) as sdk:
                yield lambda text: sdk.chat.completions.create(
                    model="gpt-4o-mini", messages=[{"role": "user", "content": text}]
                ).choices[0].message.content

        def test_one(service, minikit_server):
            minikit_server.reply("one")
            assert service("a") == "one"

        def test_two(service, minikit_server):
            minikit_server.reply("two")
            assert service("b") == "two"

        def test_unexpected(service, minikit_server):
            with pytest.raises(openai.BadRequestError):
                service("What swims?")

        def test_stray(service):
            with pytest.raises(openai.BadRequestError):
                service("Who hears?")
        """
    )
    output = run(suite, passed=3, failed=1, errors=1)
    assert re.search(r"request 1 was not expected:\n.*\n.*What swims", output)
    assert "came while no test had the fixture minikit_server or minikit_cassette:" in output
    assert "user: Who hears?" in output


def test_workers_of_xdist_know_the_options(suite: pytest.Pytester) -> None:
    """In a worker, a process of its own (and so slow), all is as it is without."""
    suite.makepyfile(
        """
        import pytest
        from minikit import Client
        from minikit.testing import BlockedCallError

        def test_blocked():
            with Client() as client, pytest.raises(BlockedCallError):
                client.complete("Hello")

        def test_unused(minikit_server):
            minikit_server.reply("Short.")
        """
    )
    done = suite.runpytest_subprocess("-n1", "--minikit-real-calls=block")
    done.assert_outcomes(passed=1, failed=1)


def test_what_is_no_function_runs_as_ever(suite: pytest.Pytester) -> None:
    """Tests of other kinds, such as those in docstrings and of unittest, are left alone."""
    suite.makepyfile(
        '''
        import unittest

        class TestOld(unittest.TestCase):
            def test_sum(self):
                """
                >>> 1 + 1
                2
                """
                assert 1 + 1 == 2
        '''
    )
    run(suite, "--doctest-modules", passed=2)


def test_the_module_needs_no_pytest() -> None:
    """Without pytest `minikit.testing` can be used all the same, and loads nothing heavy."""
    import subprocess

    program = (
        "import sys; sys.modules['pytest'] = None; import minikit.testing; "
        "assert not {'openai', 'pydantic', 'anyio', 'rapidfuzz'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
    program = "import sys, minikit; assert 'minikit.testing' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
