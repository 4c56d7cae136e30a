"""What `minikit chat` does: a conversation, a line a message."""

from __future__ import annotations

import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from minikit.cli import common
from minikit.errors import ArgumentError, MinikitError
from minikit.text.plain import counted, money

if TYPE_CHECKING:
    from minikit.chats import Chat
    from minikit.jobs.chat import Reply

__all__ = ["add", "chat"]

PROMPT = "> "


def add(verbs: common.Verbs) -> None:
    """Add the command."""
    verb = common.add_verb(verbs, "chat", "talk with the model, a message a line", chat)
    system = verb.add_mutually_exclusive_group()
    system.add_argument("--system", metavar="TEXT", help="the system prompt")
    system.add_argument("--system-file", metavar="FILE", help="a file that holds it")
    verb.add_argument(
        "--knowledge",
        metavar="FILE",
        nargs="+",
        action="extend",
        help="files or folders to answer from",
    )
    verb.add_argument(
        "--state",
        metavar="PATH",
        help="go on with the conversation in this file, and keep it there",
    )
    verb.add_argument(
        "--reply-tokens", type=int, metavar="N", help="limit of each reply, in tokens"
    )
    verb.add_argument("--temperature", type=float, metavar="T", help="0 (dry) to 2 (wild)")
    verb.add_argument("--seed", type=int, metavar="N", help="ask for repeatable replies")
    common.add_model_options(verb)
    common.add_limits(verb)
    common.add_job_options(verb, dry_run=False)


def chat(arguments: Namespace) -> int:
    """Answer the lines of stdin until it ends."""
    system, state = _system(arguments), _state(arguments)
    knowledge = [Path(file) for file in arguments.knowledge or ()] or None
    with common.opened(arguments) as client:
        talk = client.chat(
            system=system,
            knowledge=knowledge,
            state=state,
            max_output_tokens=arguments.reply_tokens,
            temperature=arguments.temperature,
            seed=arguments.seed,
            budget_usd=arguments.budget,
        )
        before_usd = talk.conversation.cost_usd
        try:
            for line in _lines():
                _answer(talk, line, arguments)
        finally:
            if not arguments.quiet:
                common.say(_bill(talk, before_usd))
    return common.DONE


def _answer(talk: Chat, line: str, arguments: Namespace) -> None:
    """Print the reply to a line; on a terminal the conversation goes on without one that fails."""
    said = len(talk.messages)
    try:
        reply = _sent(talk, line, as_json=arguments.json)
    except KeyboardInterrupt:
        whole = len(talk.messages) > said
        common.say(f"interrupted; the message and its reply are {'' if whole else 'not '}kept")
    except MinikitError as error:
        if not sys.stdin.isatty():
            raise
        common.say(str(error))
    else:
        if not arguments.quiet:
            _tell(reply)
    finally:
        if arguments.state:
            common.written(arguments.state, lambda path: _save(talk.to_json(), path))


def _sent(talk: Chat, line: str, *, as_json: bool) -> Reply:
    if as_json:
        reply = talk.send(line)
        print(reply.to_json(), flush=True)
        return reply
    with talk.stream(line) as stream:  # once it is open, there is text
        try:
            for text in stream:
                print(text, end="", flush=True)
        finally:
            print(flush=True)
    return stream.reply


def _lines() -> Iterator[str]:
    """Yield what is typed, or the lines of a pipe; blank ones are passed over."""
    is_terminal = sys.stdin.isatty()
    reconfigure = getattr(sys.stdin, "reconfigure", None)  # where it is a text file
    if reconfigure:
        reconfigure(errors="replace", **({} if is_terminal else {"encoding": "utf-8-sig"}))
    if not is_terminal:
        yield from (line.rstrip("\r\n") for line in sys.stdin if line.strip())
        return
    with suppress(ImportError):
        import_module("readline")  # lets lines be edited, where there is one
    with suppress(EOFError):
        while True:
            line = input(PROMPT)
            if line.strip():
                yield line


def _tell(reply: Reply) -> None:
    if len(reply.calls) > 1:
        common.say(f"the first {counted(reply.summarized_turns, 'turn')} are summarized now")
    common.tell_notes(reply.notes)


def _bill(talk: Chat, before_usd: Decimal | None) -> str:
    state = talk.conversation
    paid = f" ({money(before_usd)} of it before)" if before_usd else ""
    failed_usd = state.failed_cost_usd
    failed = f", and {money(failed_usd)} for calls that failed" if failed_usd else ""
    return (
        f"{state.model or 'no message'}, {counted(state.calls, 'call')}, "
        f"{state.usage.input_tokens:,} tokens in, {state.usage.output_tokens:,} out, "
        f"{money(state.cost_usd)}{paid}{failed}"
    )


def _system(arguments: Namespace) -> str | None:
    if arguments.system_file is None:
        return arguments.system  # type: ignore[no-any-return] # a text by the parser
    return _read(arguments.system_file).decode("utf-8-sig", "replace")


def _state(arguments: Namespace) -> bytes | None:
    """Read the conversation to go on with; None where there is none yet."""
    if arguments.state is None:
        return None
    common.check_place(arguments.state)
    return _read(arguments.state) if Path(arguments.state).exists() else None


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ArgumentError(f"cannot read {path!r}: {error}") from error


def _save(text: str, path: str) -> None:
    """Write a file that is whole at every moment, and that nobody else can read."""
    place = Path(path)
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink()
        raise
