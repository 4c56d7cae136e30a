"""What `minikit summarize` and `minikit report` do."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from minikit.blocking import Client
from minikit.cli import inputs
from minikit.cli.plans import show_plan
from minikit.cli.progress import ProgressLine
from minikit.errors import ArgumentError, BudgetExceededError, JobError
from minikit.jobs.plain import counted, money
from minikit.jobs.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["report", "summarize"]

DONE, GAPS = 0, 3

_STRIP = str.maketrans("▁▂▃▄▅▆▇█", "_.:-=+*#")
"""For terminals that cannot show blocks: the fuller a sign, the more passages."""


def summarize(arguments: Namespace) -> int:
    """Write a summary to stdout."""
    if arguments.dry_run:
        return show_plan([inputs.model(arguments)], arguments)
    document = inputs.source(arguments)
    options = inputs.summary_options(arguments)
    for path in filter(None, (arguments.save, arguments.html)):
        _check_place(path)
    line = None if arguments.quiet else ProgressLine(sys.stderr)
    if line:
        options["on_event"] = line.show
    model = inputs.model_or_offline(arguments)
    start = time.monotonic()
    with Client(
        model=model,
        base_url=arguments.base_url,
        rate_limit=inputs.rate_limit(arguments),
        budget_usd=arguments.budget,
        journal=arguments.journal,
    ) as client:
        try:
            summary = client.summarize(document, **options)
        except (BudgetExceededError, JobError) as error:
            _tell_what_was_read(error, arguments)
            raise
        finally:
            if line:
                line.end()
    seconds = time.monotonic() - start
    print(summary.to_json(indent=2, document=False) if arguments.json else summary)
    sys.stdout.flush()
    _tell(summary, seconds, arguments)
    _write(summary, arguments)
    return GAPS if summary.gaps else DONE


def report(arguments: Namespace) -> int:
    """Write a saved summary as a page."""
    try:
        saved = Path(arguments.saved).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ArgumentError(f"cannot read {arguments.saved!r}: {error}") from error
    _check_place(arguments.html)
    summary = Summary.from_json(saved)
    source = None if arguments.source is None else Path(arguments.source)
    _written(arguments.html, lambda path: summary.to_html(path, source=source))
    return DONE


def _check_place(path: str) -> None:
    """Refuse a file that cannot be made, before anything is paid for."""
    place = Path(path)
    if "\0" in path or not place.parent.is_dir():
        raise ArgumentError(f"cannot write {path!r}: there is no such folder")
    if place.is_dir():
        raise ArgumentError(f"cannot write {path!r}: it is a folder; name a file in it")


def _write(summary: Summary, arguments: Namespace) -> None:
    if arguments.save:
        _written(arguments.save, lambda path: _save(summary, path))
    if arguments.html:
        _written(arguments.html, summary.to_html)


def _save(summary: Summary, path: str) -> None:
    Path(path).write_text(summary.to_json(), "utf-8")


def _written(path: str, write: Callable[[str], object]) -> None:
    try:
        write(path)
    except OSError as error:
        raise ArgumentError(f"cannot write {path!r}: {error}") from error


def _tell_what_was_read(error: BudgetExceededError | JobError, arguments: Namespace) -> None:
    """Tell what an error leaves behind, above the line that it is."""
    if not error.partial:
        return
    way = (
        "the same command goes on from there"
        if arguments.journal
        else "with --journal PATH they would have been kept"
    )
    print(f"minikit: {counted(len(error.partial), 'part')} had been read: {way}", file=sys.stderr)


def _tell(summary: Summary, seconds: float, arguments: Namespace) -> None:
    for gap in summary.gaps:
        where = f"characters {gap.span.start:,} to {gap.span.end:,}"
        _say(f"{where} could not be read: {gap.reason}")
    if arguments.quiet:
        return
    _say(_bill(summary, seconds))
    if arguments.cite:
        verdicts = Counter(claim.verdict for claim in summary.claims)
        told = ", ".join(f"{number:,} {verdict}" for verdict, number in verdicts.most_common())
        _say(f"{counted(len(summary.claims), 'claim')}: {told}")
    for warning in summary.warnings:
        if warning.kind != "gap":  # these are told above
            _say(f"warning: {warning}")
    if arguments.cite:
        _say(f"passages along the source: {_strip(summary)}")


def _bill(summary: Summary, seconds: float) -> str:
    usage, before = summary.usage, summary.replayed_cost_usd
    paid = f" ({money(before)} of it paid before)" if before else ""
    return (
        f"{summary.model}, {counted(len(summary.calls), 'call')}, "
        f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out, "
        f"{money(summary.cost_usd)}{paid}, {seconds:.1f} s"
    )


def _strip(summary: Summary) -> str:
    strip = str(summary.coverage)
    try:
        strip.encode(sys.stderr.encoding or "utf-8")
    except UnicodeEncodeError:
        return strip.translate(_STRIP)
    return strip


def _say(text: str) -> None:
    print(f"minikit: {' '.join(text.split())}", file=sys.stderr)
