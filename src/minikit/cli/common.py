"""What the commands that ask a model have in common: options, a client, progress, the bill."""

from __future__ import annotations

import argparse
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from minikit.blocking import Client
from minikit.calls.budget import read_usd
from minikit.calls.completion import EXTRACTIVE_NOTE
from minikit.cli import inputs, words
from minikit.cli.progress import ProgressLine
from minikit.errors import ArgumentError, BudgetExceededError, JobError
from minikit.jobs.summarizing.options import LENGTH_WORDS
from minikit.text.plain import counted, money

if TYPE_CHECKING:
    from minikit.jobs.plan import VerbPlan
    from minikit.jobs.result import Gap, Progress, Result
    from minikit.models.model import Model

    Command = Callable[[Namespace], int]

__all__ = [
    "DONE",
    "INCOMPLETE",
    "Parser",
    "Verbs",
    "Watch",
    "add_batch",
    "add_job_options",
    "add_limits",
    "add_model_options",
    "add_on_gap",
    "add_verb",
    "check_place",
    "length",
    "opened",
    "say",
    "show_plan",
    "tell",
    "tell_budget",
    "tell_gap",
    "tell_notes",
    "told",
    "warn",
    "written",
]

DONE, INCOMPLETE = 0, 3

_warned: set[str] = set()


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, and name the command whose help helps."""

    def parse_known_args(  # type: ignore[override]  # one form of its overloads, as all use it
        self, args: Sequence[str] | None = None, namespace: Namespace | None = None
    ) -> tuple[Namespace, list[str]]:
        """Complain here of what is unknown: `minikit --help` has no options of commands."""
        known, unknown = super().parse_known_args(args, namespace or Namespace())
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._near(unknown)}")
        return known, []

    def _near(self, unknown: list[str]) -> str:
        """Return a question after the option that was likely meant, or nothing."""
        from difflib import get_close_matches

        options = [name for action in self._actions for name in action.option_strings]
        names = (each.partition("=")[0] for each in unknown if each.startswith("--"))
        near = [match for name in names for match in get_close_matches(name, options, 1, 0.75)]
        return f" (did you mean {' and '.join(near)}?)" if near else ""

    def error(self, message: str) -> NoReturn:
        """Print the complaint and leave with exit code 2."""
        self.exit(2, f"minikit: {message}; see {self.prog} --help\n")


if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[Parser]  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - it has no other name
else:
    Verbs = object


def add_verb(verbs: Verbs, name: str, summary: str, run: Command) -> Parser:
    """Add a command that can print JSON, and return its parser."""
    verb = verbs.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    verb.set_defaults(run=run)
    verb.add_argument("--json", action="store_true", help="print JSON for programs")
    return verb


def add_model_options(verb: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Add the options that choose the model, or `several`."""
    model = verb.add_argument_group("which model")
    if several:
        told = "a model; of several, each with an option of its own"
        model.add_argument("--model", metavar="ID", action="append", help=told)
    else:
        model.add_argument("--model", metavar="ID", help="the model (default: gpt-4o-mini)")
    model.add_argument(
        "--context-window",
        type=int,
        metavar="N",
        help="tokens that a model of your own takes, input and output together",
    )
    model.add_argument(
        "--max-output-tokens",
        type=int,
        metavar="N",
        help="tokens that it writes at most (default: a quarter of its window, up to 4,096)",
    )


def add_limits(verb: argparse.ArgumentParser) -> None:
    """Add what the account allows."""
    limits = verb.add_argument_group("what the account allows (default: learned from the replies)")
    limits.add_argument("--rpm", type=int, metavar="N", help="requests a minute")
    limits.add_argument("--tpm", type=int, metavar="N", help="tokens a minute")


def add_job_options(verb: argparse.ArgumentParser, *, dry_run: bool = True) -> None:
    """Add the options of every command that asks a model; without `dry_run` it has no plan."""
    run = verb.add_argument_group("how it is run")
    run.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible server")
    run.add_argument("--budget", metavar="USD", help="what it may cost at most, such as 0.50")
    run.add_argument(
        "--journal", metavar="PATH", help="keep replies in this file, and pay for none twice"
    )
    if dry_run:
        add_batch(verb)
        run.add_argument(
            "--dry-run", action="store_true", help="print what it would take, and send nothing"
        )
    run.add_argument(
        "--quiet", "-q", action="store_true", help="no progress, no bill and no warnings"
    )


def add_on_gap(verb: argparse.ArgumentParser, what: str) -> None:
    """Add what to do about a gap; `what` is one, in words."""
    verb.add_argument(
        "--on-gap",
        choices=["mark", "raise"],
        default="mark",
        help=f"{what}: go on and exit 3, or fail",
    )


def add_batch(verb: argparse.ArgumentParser) -> None:
    """Add the option that lets calls travel in batches."""
    verb.add_argument(
        "--batch",
        action="store_true",
        help="on the Batch API: half the price, and within a day for each level of calls",
    )


def length(text: str) -> int | str:
    """Read a number of words, or leave a name to be checked with the other options."""
    return text if text in LENGTH_WORDS or not text.lstrip("+-").isdecimal() else int(text)


def opened(arguments: Namespace, model: Model | None = None) -> Client:
    """Return the client that the options of a command ask for.

    Args:
        arguments: With the options of `add_model_options`, `add_limits` and `add_job_options`. Of
            batches it tells how far they are, unless it shall be quiet.
        model: The model to ask; default: the one that is named, or the offline model, which is
            told, where there is no key.
    """
    return Client(
        model=model or inputs.model_or_offline(arguments),
        base_url=arguments.base_url,
        rate_limit=inputs.rate_limit(arguments),
        budget_usd=arguments.budget,
        journal=arguments.journal,
        hooks=() if arguments.quiet else (ProgressLine(sys.stderr).show_batch,),
    )


class Watch:
    """Shows how far a job is, unless it shall be quiet, and takes the time.

    Attributes:
        on_event: What to hand to the job as its option of this name.
        seconds: How long it took.
    """

    def __init__(self, arguments: Namespace) -> None:
        """Watch a job of the command that `arguments` are for."""
        self._line = None if arguments.quiet else ProgressLine(sys.stderr)
        self.on_event: Callable[[Progress], None] | None = None
        if self._line:
            self.on_event = self._line.show
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Generator[None]:
        """Take the time, and clear the line of progress at the end."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds = time.monotonic() - start
            if self._line:
                self._line.end()


def show_plan(plan: VerbPlan, arguments: Namespace) -> int:
    """Print a plan, as a table or as JSON."""
    print(plan.to_json(indent=2) if arguments.json else words.spoken_notes(str(plan)))
    tell_budget(plan, arguments)
    return DONE


def tell_budget(plan: VerbPlan, arguments: Namespace) -> None:
    """Tell where the budget of the command is not enough for its plan.

    Raises:
        ArgumentError: The budget is no amount of US dollars.
    """
    if getattr(arguments, "budget", None) is None:
        return
    budget_usd = read_usd("budget_usd", arguments.budget)
    least, most = plan.cost_usd_at_least, plan.cost_usd_at_most
    if least is not None and budget_usd < least:
        say(f"the budget of {money(budget_usd)} is too small: nothing would be sent")
    elif most is not None and budget_usd < most:
        say(f"with the budget of {money(budget_usd)} it may stop before its end")


def tell(result: Result, seconds: float, arguments: Namespace) -> None:
    """Tell the bill and the notes of a result, unless it shall be quiet."""
    if arguments.quiet:
        return
    say(_bill(result, seconds))
    tell_notes(result.notes)


def tell_notes(notes: Iterable[str]) -> None:
    """Tell notes that nobody has seen: who named the offline model knows what it does."""
    for note in notes:
        if note != EXTRACTIVE_NOTE and note not in _warned:
            say(f"note: {note}")


def warn(message: str) -> None:
    """Print a warning, which is then no note of the result any more."""
    _warned.add(message)
    say(f"warning: {message}")


@contextmanager
def told(arguments: Namespace) -> Generator[None]:
    """Tell what an error leaves behind, above the line that it is."""
    try:
        yield
    except (BudgetExceededError, JobError) as error:
        if error.calls:
            way = (
                "the same command goes on from there"
                if arguments.journal
                else "with --journal PATH they would have been kept"
            )
            say(f"{counted(len(error.calls), 'call')} had been answered: {way}")
        raise


def tell_gap(gap: Gap, named: str = "") -> None:
    """Tell of a stretch that could not be read; `named` is its source, where there are several."""
    where = f"characters {gap.span.start:,} to {gap.span.end:,}"
    say(f"{f'{named}: ' if named else ''}{where} could not be read: {gap.reason}")


def say(text: str) -> None:
    """Print a line about the job to stderr."""
    print(f"minikit: {words.spoken(' '.join(text.split()))}", file=sys.stderr)


def check_place(path: str) -> None:
    """Refuse a file that cannot be made, before anything is paid for."""
    place = Path(path)
    if "\0" in path or not place.parent.is_dir():
        raise ArgumentError(f"cannot write {path!r}: there is no such folder")
    if place.is_dir():
        raise ArgumentError(f"cannot write {path!r}: it is a folder; name a file in it")


def written(path: str, write: Callable[[str], object]) -> None:
    """Call `write(path)`; what the file system says against it is an ArgumentError."""
    try:
        write(path)
    except OSError as error:
        raise ArgumentError(f"cannot write {path!r}: {error}") from error


def _bill(result: Result, seconds: float) -> str:
    usage, before, failed = result.usage, result.replayed_cost_usd, result.failed_cost_usd
    replayed = sum(call.replayed for call in result.calls)
    kept = f" ({replayed:,} from the journal)" if replayed else ""
    paid = f" ({money(before)} of it paid before)" if before else ""
    lost = f", and {money(failed)} for calls that failed" if failed else ""
    unknown = (
        f", {counted(result.unmeasured, 'attempt')} of unknown cost" if result.unmeasured else ""
    )
    return (
        f"{result.model}, {counted(len(result.calls), 'call')}{kept}, "
        f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out, "
        f"{money(result.cost_usd)}{paid}{lost}{unknown}, {seconds:.1f} s"
    )
