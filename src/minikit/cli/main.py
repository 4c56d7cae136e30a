"""The command `minikit`: one line for each error, and an exit code that says which."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

from minikit.cli.arguments import parser
from minikit.cli.commands import Command
from minikit.errors import ArgumentError, CallError, MinikitError, MissingKeyError

__all__ = ["main"]

FAILED, UNUSABLE, NO_KEY, INTERRUPTED = 1, 2, 4, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Args:
        argv: The arguments after the program's name; default: those of the process.
    """
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]  # a text file always can
    arguments = parser().parse_args(argv)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            run: Command = arguments.run
            return run(arguments)
        except MinikitError as error:
            print(f"minikit: {error}", file=sys.stderr)
            return _exit_code(error)
        except KeyboardInterrupt:
            print("minikit: interrupted", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:  # the reader of our output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0


def _exit_code(error: MinikitError) -> int:
    if isinstance(error, MissingKeyError):
        return NO_KEY
    refused = isinstance(error, ArgumentError) and not isinstance(error, CallError)
    return UNUSABLE if refused else FAILED


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"minikit: warning: {message}", file=sys.stderr)
