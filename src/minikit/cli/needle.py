"""What `minikit needle` does."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, cast

from minikit.cli import common, inputs
from minikit.errors import BudgetExceededError, JobError

if TYPE_CHECKING:
    from collections.abc import Callable

    from minikit.jobs.needle import NeedleOptions, NeedleReport

__all__ = ["add", "needle"]

_SHADES = str.maketrans("·░▒▓█", ".-+*#")
"""For terminals that cannot show blocks: the fuller a sign, the more was found."""

_LENGTH = re.compile(r"(\d+(?:\.\d+)?)([km]?)", re.IGNORECASE | re.ASCII)
_SCALES = {"": 1, "k": 1_000, "m": 1_000_000}


def add(verbs: common.Verbs) -> None:
    """Add the command."""
    told = "measure how often facts in a long text are found"
    verb = common.add_verb(verbs, "needle", told, needle)
    verb.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help="what to plant facts in, or - for stdin (default: a text that is made up)",
    )
    verb.add_argument(
        "--lengths",
        type=_each(_length),
        metavar="N,N",
        help="tokens of the texts, such as 8k,32k,100k (default: those of these that fit)",
    )
    verb.add_argument(
        "--depths",
        type=_each(_depth),
        metavar="P,P",
        help="where the facts are, in percent (default: 0,25,50,75,100)",
    )
    verb.add_argument(
        "--needles", type=int, metavar="N", help="facts for each length and depth (default: 3)"
    )
    verb.add_argument(
        "--strategy",
        type=_each(str),
        metavar="NAME,NAME",
        help="how to ask: single (default), ask, thorough, summarize",
    )
    verb.add_argument("--seed", type=int, metavar="N", help="another test (default: 0)")
    verb.add_argument("--svg", metavar="PATH", help="write the heat map, as a picture")
    verb.add_argument("--html", metavar="PATH", help="write it with what was missed, as a page")
    common.add_model_options(verb)
    common.add_limits(verb)
    common.add_job_options(verb)


def needle(arguments: Namespace) -> int:
    """Write a heat map to stdout."""
    options: NeedleOptions = {"engine": inputs.engine(arguments)}
    named = {"lengths", "depths", "needles", "seed"}
    for name, option in {**{each: each for each in named}, "strategy": "strategies"}.items():
        if getattr(arguments, name) is not None:
            options[option] = getattr(arguments, name)  # type: ignore[literal-required] # named above
    for path in filter(None, (arguments.svg, arguments.html)):
        common.check_place(path)
    source = None if arguments.file is None else inputs.source(arguments)
    watch = common.Watch(arguments)
    model = inputs.model(arguments) if arguments.dry_run else None
    with common.opened(arguments, model) as client:
        if arguments.dry_run:
            plan = client.plan(source, verb="needle", **options)
            return common.show_plan(plan, arguments)
        options["on_event"] = watch.on_event
        try:
            with watch.running():
                report = client.needle(source, **options)
        except (BudgetExceededError, JobError) as error:
            if error.result is not None:
                _give(cast("NeedleReport", error.result), arguments)
            raise
    _give(report, arguments)
    common.tell(report, watch.seconds, arguments)
    return common.INCOMPLETE if report.failed else common.DONE


def _give(report: NeedleReport, arguments: Namespace) -> None:
    _print(report, arguments)
    for path, write in ((arguments.svg, report.to_svg), (arguments.html, report.to_html)):
        if path is not None:
            common.written(path, write)


def _print(report: NeedleReport, arguments: Namespace) -> None:
    text = report.to_json(indent=2) if arguments.json else str(report)
    try:
        text.encode(arguments.encoding)
    except UnicodeEncodeError:
        text = text if arguments.json else text.translate(_SHADES)
    print(text)
    sys.stdout.flush()


def _each(read: Callable[[str], object]) -> Callable[[str], list[object]]:
    def read_all(text: str) -> list[object]:
        return [read(part.strip()) for part in text.split(",")]

    return read_all


def _length(text: str) -> int:
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is no number of tokens, such as 8000, 8k or 1m")
    return int(float(found[1]) * _SCALES[found[2].lower()])


def _depth(text: str) -> float:
    try:
        return float(text.removesuffix("%")) / 100
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no percentage, such as 25") from error
