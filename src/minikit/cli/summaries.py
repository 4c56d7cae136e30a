"""What `minikit summarize` and `minikit report` do."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections import Counter
from pathlib import Path

from minikit.cli import common, inputs
from minikit.cli.plans import show_plan
from minikit.errors import ArgumentError
from minikit.jobs.plain import counted
from minikit.jobs.summarizing.summary import Summary

__all__ = ["report", "summarize"]

_STRIP = str.maketrans("▁▂▃▄▅▆▇█", "_.:-=+*#")
"""For terminals that cannot show blocks: the fuller a sign, the more passages."""


def summarize(arguments: Namespace) -> int:
    """Write a summary to stdout."""
    if arguments.dry_run:
        return show_plan([inputs.model(arguments)], arguments)
    document = inputs.source(arguments)
    options = inputs.summary_options(arguments)
    for path in filter(None, (arguments.save, arguments.html)):
        common.check_place(path)
    watch = common.Watch(arguments)
    options["on_event"] = watch.on_event
    with common.opened(arguments) as client, common.told(arguments), watch.running():
        summary = client.summarize(document, **options)
    print(summary.to_json(indent=2, document=False) if arguments.json else summary)
    sys.stdout.flush()
    _tell(summary, watch.seconds, arguments)
    _write(summary, arguments)
    return common.INCOMPLETE if summary.gaps else common.DONE


def report(arguments: Namespace) -> int:
    """Write a saved summary as a page."""
    try:
        saved = Path(arguments.saved).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ArgumentError(f"cannot read {arguments.saved!r}: {error}") from error
    common.check_place(arguments.html)
    summary = Summary.from_json(saved)
    source = None if arguments.source is None else Path(arguments.source)
    common.written(arguments.html, lambda path: summary.to_html(path, source=source))
    return common.DONE


def _write(summary: Summary, arguments: Namespace) -> None:
    if arguments.save:
        common.written(arguments.save, lambda path: _save(summary, path))
    if arguments.html:
        common.written(arguments.html, summary.to_html)


def _save(summary: Summary, path: str) -> None:
    Path(path).write_text(summary.to_json(), "utf-8")


def _tell(summary: Summary, seconds: float, arguments: Namespace) -> None:
    for gap in summary.gaps:
        common.tell_gap(gap)
    common.tell(summary, seconds, arguments)
    if arguments.quiet:
        return
    if arguments.cite:
        verdicts = Counter(claim.verdict for claim in summary.claims)
        told = ", ".join(f"{number:,} {verdict}" for verdict, number in verdicts.most_common())
        common.say(f"{counted(len(summary.claims), 'claim')}: {told}")
    for warning in summary.warnings:
        if warning.kind != "gap":  # these are told above
            common.say(f"warning: {warning}")
    if arguments.cite:
        common.say(f"passages along the source: {_strip(summary)}")


def _strip(summary: Summary) -> str:
    strip = str(summary.coverage)
    try:
        strip.encode(sys.stderr.encoding or "utf-8")
    except UnicodeEncodeError:
        return strip.translate(_STRIP)
    return strip
