"""What `minikit describe` does."""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from minikit.cli import common, inputs
from minikit.cli.schemas import read_schema
from minikit.errors import BudgetExceededError, JobError
from minikit.models.model import ImageRule, Model
from minikit.tokens.messages import Detail

if TYPE_CHECKING:
    from minikit.jobs.describing.description import DescribeOptions, DescriptionPlan
    from minikit.jobs.result import Result
    from minikit.tokens.image_files import ImageSource

__all__ = ["add", "add_options", "asked", "describe", "seeing"]


def add(verbs: common.Verbs) -> None:
    """Add the command."""
    verb = common.add_verb(verbs, "describe", "say what images show", describe)
    verb.add_argument(
        "images",
        metavar="IMAGE",
        nargs="+",
        help="a PNG, JPEG, WEBP or GIF file, a folder of them, an http(s) address, or - for stdin",
    )
    verb.add_argument("--question", help="what to answer from the images, all together")
    add_options(verb)
    common.add_job_options(verb)


def add_options(verb: argparse.ArgumentParser) -> None:
    """Add what can be asked of a description."""
    verb.add_argument(
        "--text", action="store_true", help="write down all text in the images, and nothing else"
    )
    verb.add_argument(
        "--schema",
        metavar="TYPE",
        help="values to read out of them, as JSON: MODULE:CLASS or the path of a JSON schema",
    )
    verb.add_argument(
        "--detail",
        choices=get_args(Detail),
        default="auto",
        help="how closely to look: low is cheap and blind to small print",
    )
    verb.add_argument("--language", help="language of the reply")
    verb.add_argument("--instructions", help="anything else to ask for")
    verb.add_argument(
        "--reply-tokens", type=int, metavar="N", help="the most tokens of a reply (default: ample)"
    )
    common.add_on_gap(verb, "an image that cannot be looked at")
    common.add_model_options(verb)
    common.add_limits(verb)


def asked(arguments: Namespace) -> DescribeOptions:
    """Return what is asked of a description."""
    return {
        "engine": inputs.engine(arguments),
        "task": "text" if arguments.text else "caption",
        "detail": arguments.detail,
        "language": arguments.language,
        "instructions": arguments.instructions,
        "max_output_tokens": arguments.reply_tokens,
        "on_gap": arguments.on_gap,
        "budget_usd": arguments.budget,
    }


def describe(arguments: Namespace) -> int:
    """Write what the images show to stdout."""
    images = [_image(named) for named in arguments.images]
    named = None if arguments.schema is None else read_schema(arguments.schema)
    schema = cast("type[object]", named)  # or None, which the other overload of `describe` takes
    options = asked(arguments)
    named_model = inputs.model if arguments.dry_run else inputs.model_or_offline
    model = seeing(named_model(arguments))
    watch = common.Watch(arguments)
    with common.opened(arguments, model) as client:
        plan = client.plan(
            images, verb="describe", question=arguments.question, schema=schema, **options
        )
        if arguments.dry_run:
            return common.show_plan(plan, arguments)
        before = _warn(cast("DescriptionPlan", plan), arguments)
        options["on_event"] = watch.on_event
        try:
            with watch.running():
                described = client.describe(images, arguments.question, schema=schema, **options)
        except (BudgetExceededError, JobError) as error:
            if error.result is not None:
                _print(error.result, arguments)  # it was paid for
            raise
    _print(described, arguments)
    for image in described.gaps:
        common.say(f"{image.name} could not be looked at: {image.gap}")
    untold = tuple(note for note in described.notes if note not in before)
    common.tell(replace(described, notes=untold), watch.seconds, arguments)
    return common.INCOMPLETE if described.gaps else common.DONE


def _print(described: Result, arguments: Namespace) -> None:
    print(described.to_json(indent=2) if arguments.json else described)
    sys.stdout.flush()


def seeing(model: Model) -> Model:
    """Take it that a model of the user's own sees: only Python can say more of it."""
    if model.provider != "custom":
        return model
    rule = ImageRule(kind="patch", multiplier=Decimal("1.62"), patch_budget=1_536)
    return replace(model, supports=model.supports | {"vision"}, image_rule=rule, exact_counts=False)


def _image(named: str) -> ImageSource:
    if named == "-":
        return sys.stdin.buffer.read()
    if named.lower().startswith(("http://", "https://", "data:")):
        return named
    path = Path(named)
    return path.read_bytes() if path.is_fifo() else path  # a pipe gives what it holds once


def _warn(plan: DescriptionPlan, arguments: Namespace) -> tuple[str, ...]:
    """Tell what to know before anything is paid for."""
    if not arguments.quiet:
        for note in plan.notes:
            common.say(f"note: {note}")
    return plan.notes
