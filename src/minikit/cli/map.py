"""What `minikit map` does: a template over rows."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast, get_args

from minikit.cli import common, inputs
from minikit.cli.schemas import read_schema
from minikit.errors import ArgumentError
from minikit.jobs.completing.rows import KINDS, FileRows, Kind, Rows
from minikit.text.plain import counted, money, time_text

if TYPE_CHECKING:
    from minikit.jobs.completing.progress import Remaining, RowsProgress
    from minikit.jobs.many import ManyOptions
    from minikit.outcomes import Outcomes

__all__ = ["add", "map_rows"]

TOLD_AT_MOST = 5
"""So many rows that failed are told one by one."""

ROWS_A_LINE = 100
"""In a log, where nobody knows how many there will be."""


def add(verbs: common.Verbs) -> None:
    """Add the command."""
    verb = common.add_verb(verbs, "map", "fill a template with each row, and ask", map_rows)
    verb.add_argument(
        "rows", metavar="ROWS", help="a file of CSV, TSV or JSON Lines, or - for stdin"
    )
    template = verb.add_mutually_exclusive_group(required=True)
    template.add_argument(
        "--template", metavar="TEXT", help='what to ask, such as "Write to {name} about {product}."'
    )
    template.add_argument("--template-file", metavar="FILE", help="a file that holds it")
    verb.add_argument(
        "--format",
        choices=get_args(Kind),
        help="how the rows are written (default: as the file's name ends; jsonl for stdin)",
    )
    verb.add_argument(
        "--output",
        "-o",
        metavar="PATH",
        help="write to this .jsonl, .csv or .tsv, row by row (default: the texts to stdout)",
    )
    verb.add_argument("--system", metavar="TEXT", help="a system prompt that all rows share")
    verb.add_argument(
        "--schema",
        metavar="TYPE",
        help="values that each reply shall have: MODULE:CLASS or the path of a JSON schema",
    )
    verb.add_argument(
        "--reply-tokens", type=int, metavar="N", help="limit of each reply, in tokens"
    )
    verb.add_argument("--temperature", type=float, metavar="T", help="0 (dry) to 2 (wild)")
    verb.add_argument("--seed", type=int, metavar="N", help="ask for repeatable replies")
    verb.add_argument(
        "--any-order", action="store_true", help="as they come, not in the order of the rows"
    )
    common.add_model_options(verb)
    common.add_limits(verb)
    common.add_job_options(verb)


def map_rows(arguments: Namespace) -> int:
    """Write the reply to each row to a file, or to stdout."""
    rows, template = _rows(arguments), _template(arguments)
    if arguments.output:
        common.check_place(arguments.output)
    named = None if arguments.schema is None else read_schema(arguments.schema)
    schema = cast("type[object]", named)  # or None, which the other overload takes
    options: ManyOptions = {
        "engine": inputs.engine(arguments),
        "system": arguments.system,
        "max_output_tokens": arguments.reply_tokens,
        "temperature": arguments.temperature,
        "seed": arguments.seed,
        "in_order": not arguments.any_order,
        "budget_usd": arguments.budget,
    }
    model = inputs.model(arguments) if arguments.dry_run else None
    with common.opened(arguments, model) as client:
        if arguments.dry_run:
            plan = client.plan(
                rows, verb="complete_many", template=template, schema=schema, **options
            )
            return common.show_plan(plan, arguments)
        line = None if arguments.quiet else RowsLine(sys.stderr)
        options["on_event"] = line.show if line else None
        start = time.monotonic()
        with client.complete_many(rows, template, schema=schema, **options) as outcomes:
            try:
                _write(outcomes, arguments)
            finally:
                if line:
                    line.end()
                _tell(outcomes, time.monotonic() - start, arguments)
        return common.INCOMPLETE if outcomes.failed else common.DONE


def _rows(arguments: Namespace) -> Rows:
    """Return what reads the rows; it takes the place of a path where they are told apart."""
    if arguments.rows == "-":
        # Not sys.stdin: at exit the interpreter would wait for the thread that reads it.
        stream = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 - it stays open
        rows = FileRows(name="stdin", kind=arguments.format or "jsonl", stream=stream)
    else:
        path = Path(arguments.rows)
        if not arguments.format:
            _check_suffix(path)
            return path
        rows = FileRows(name=str(path), kind=arguments.format, path=path)
    return cast("Rows", rows)  # which is no Path, and read like one


def _check_suffix(path: Path) -> None:
    """Refuse a file of which nobody knows how its rows are written."""
    if path.suffix.lower() not in KINDS:
        raise ArgumentError(
            f"{str(path)!r} does not end with {', '.join(KINDS)}: name how its rows are written "
            f"with --format {'|'.join(get_args(Kind))}"
        )


def _template(arguments: Namespace) -> str:
    if arguments.template is not None:
        return cast("str", arguments.template)
    try:
        return Path(arguments.template_file).read_text("utf-8-sig")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name, or no UTF-8
        raise ArgumentError(
            f"cannot read the template {arguments.template_file!r}: {error}"
        ) from error


def _write(outcomes: Outcomes[object], arguments: Namespace) -> None:
    if arguments.output:
        common.written(arguments.output, outcomes.write)
        return
    failed = 0
    for outcome in outcomes:
        if arguments.json:
            print(outcome.to_json(), flush=True)
        elif outcome.error is None:
            print(outcome.text, flush=True)
        if outcome.error is not None and failed < TOLD_AT_MOST:
            common.say(f"row {outcome.index}: {outcome.error}")
        failed += outcome.error is not None


def _tell(outcomes: Outcomes[object], seconds: float, arguments: Namespace) -> None:
    """Tell what failed, what it cost, and what to know."""
    if outcomes.failed:
        where = f"; see the errors in {arguments.output}" if arguments.output else ""
        common.say(f"{outcomes.failed:,} of {counted(outcomes.done, 'row')} failed{where}")
    if arguments.quiet or not outcomes.done:
        return
    usage, before = outcomes.usage, outcomes.replayed_cost_usd
    failed_usd = outcomes.failed_cost_usd
    failed = f", and {money(failed_usd)} for calls that failed" if failed_usd else ""
    if outcomes.unmeasured:
        failed += f", {counted(outcomes.unmeasured, 'attempt')} of unknown cost"
    paid = f" ({money(before)} of it paid before)" if before else ""
    common.say(
        f"{outcomes.model}, {counted(outcomes.done, 'row')}, {usage.input_tokens:,} tokens in, "
        f"{usage.output_tokens:,} out, {money(outcomes.cost_usd)}{paid}{failed}, "
        f"{seconds:.1f} s"
    )
    common.tell_notes(outcomes.notes)


class RowsLine:
    """One line that is written over on a terminal; in a log, a line for each tenth of the rows."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._step = 0

    def show(self, progress: RowsProgress) -> None:
        """Show where the job stands."""
        if self._is_terminal:
            self._stream.write(f"\r\x1b[K{_shown(progress)}")
            self._stream.flush()
            return
        rows_a_line = ROWS_A_LINE if progress.total is None else max(1, progress.total // 10)
        step = progress.done // rows_a_line
        if step != self._step:
            self._step = step
            print(_shown(progress), file=self._stream, flush=True)

    def end(self) -> None:
        """Clear the line."""
        if self._is_terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def _shown(progress: RowsProgress) -> str:
    of = "" if progress.total is None else f" of {progress.total:,}"
    failed = f", {progress.failed:,} failed" if progress.failed else ""
    left = "" if progress.remaining is None else f", {_left(progress.remaining)}"
    rows = "row" if (progress.total or progress.done) == 1 else "rows"
    return f"minikit: {progress.done:,}{of} {rows}{failed}, {money(progress.cost_usd)}{left}"


def _left(remaining: Remaining) -> str:
    least, most = time_text(remaining.seconds_at_least), time_text(remaining.seconds_at_most)
    told = time_text(remaining.seconds)
    told += f" left ({least} to {most})" if least != most else " left"
    if not remaining.cost_usd:
        return told
    bounds = f"{money(remaining.cost_usd_at_least)} to {money(remaining.cost_usd_at_most)}"
    return f"{told}, {money(remaining.cost_usd)} more ({bounds})"
