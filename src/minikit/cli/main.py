"""The command `minikit`: one line for each error, and an exit code that says which."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

__all__ = ["main"]

_LEFT = (
    "the batches go on at the server: the same command waits for them again, and `minikit batch "
    "cancel --journal {0}` cancels them"
)
FAILED, UNUSABLE, NO_KEY, INTERRUPTED = 1, 2, 4, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Args:
        argv: The arguments after the program's name; default: those of the process.
    """
    encoding = _open_closed_streams()
    try:
        return _run(argv, encoding)
    except KeyboardInterrupt:
        print("minikit: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough
        _drop_output()
        return 0
    except OSError as error:
        _drop_output()
        print(f"minikit: cannot write the output: {error.strerror}", file=sys.stderr)
        return FAILED


def _run(argv: Sequence[str] | None, encoding: str) -> int:
    # Late, so that Ctrl-C while they load ends like any other.
    from minikit.cli.arguments import parser
    from minikit.cli.words import for_command, spoken
    from minikit.errors import MinikitError

    arguments = parser().parse_args(argv)
    arguments.encoding = encoding
    for_command(arguments)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            code: int = arguments.run(arguments)
            sys.stdout.flush()
        except (MinikitError, Warning) as error:  # the latter with PYTHONWARNINGS=error
            print(f"minikit: {spoken(str(error))}", file=sys.stderr)
            return _exit_code(error)
        except KeyboardInterrupt:
            if getattr(arguments, "batch", False) and arguments.journal:
                print(f"minikit: {_LEFT.format(arguments.journal)}", file=sys.stderr)
            raise
        return code


def _exit_code(error: Exception) -> int:
    from minikit.errors import ArgumentError, CallError, JournalError, MissingKeyError

    if isinstance(error, MissingKeyError):
        return NO_KEY
    refused = isinstance(error, ArgumentError | JournalError) and not isinstance(error, CallError)
    return UNUSABLE if refused else FAILED


def _open_closed_streams() -> str:
    """Put the null device where a stream was closed before the start (`minikit ... >&-`).

    Returns:
        The encoding that output was set to, which tells what a terminal can draw; texts are
        written in UTF-8 whatever it is.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - it stays open
    encoding: str = getattr(sys.stdout, "encoding", None) or "utf-8"
    reconfigure = getattr(sys.stdout, "reconfigure", None)  # where it is a text file
    if reconfigure:
        reconfigure(encoding="utf-8", errors="replace")
    return encoding


def _drop_output() -> None:
    """Let the interpreter flush at exit into nothing, rather than fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    from minikit.cli.common import warn

    warn(str(message))
