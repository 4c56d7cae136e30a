"""What `minikit summarize` and `minikit report` do."""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from collections import Counter
from pathlib import Path
from typing import get_args

from minikit.cli import common, inputs
from minikit.cli.plans import show_plan
from minikit.errors import ArgumentError
from minikit.jobs.summarizing.options import Strategy, Unsupported
from minikit.jobs.summarizing.summary import Summary
from minikit.text.plain import counted

__all__ = ["add_options", "report", "summarize"]

_STRIP = str.maketrans("▁▂▃▄▅▆▇█", "_.:-=+*#")
"""For terminals that cannot show blocks: the fuller a sign, the more passages."""


def add_options(verb: argparse.ArgumentParser) -> None:
    """Add what can be asked of a summary."""
    verb.add_argument(
        "--length", type=common.length, default="medium", help="words, or short, medium, long"
    )
    verb.add_argument("--detail", type=float, default=0.25, help="0 (coarse) to 1 (fine)")
    verb.add_argument(
        "--strategy",
        choices=get_args(Strategy),
        default="auto",
        help="in one call, in parts side by side, or one part after the other",
    )
    verb.add_argument(
        "--cite", action="store_true", help="ask for quotes, and hold them against the source"
    )
    verb.add_argument(
        "--unsupported",
        choices=get_args(Unsupported),
        default="mark",
        help="sentences without a quote that stands in the source: keep or drop them",
    )
    verb.add_argument("--focus", help="what it should be about, such as a question")
    verb.add_argument("--language", help="language of the summary")
    verb.add_argument("--style", help='how it should read, such as "bullet points"')
    verb.add_argument("--instructions", help="anything else to ask for")
    verb.add_argument("--chunk-tokens", type=int, metavar="N", help="tokens of source per call")
    common.add_on_gap(verb, "a passage that is refused")
    common.add_limits(verb)


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
