"""What `minikit plan` prints, and `minikit summarize --dry-run`."""

from __future__ import annotations

import shutil
from argparse import Namespace
from typing import TYPE_CHECKING

from minikit.blocking import Client
from minikit.cli import common, inputs, words
from minikit.jobs.drawing import draw_levels, draw_notes, draw_tree
from minikit.text.plain import counted

if TYPE_CHECKING:
    from minikit.jobs.plan import Plan
    from minikit.models.model import Model

__all__ = ["plan", "show_plan"]

_SCREEN = (100, 40)


def plan(arguments: Namespace) -> int:
    """Print the calls that a summary would make, and the bounds of its cost."""
    return show_plan(inputs.models(arguments), arguments)


def show_plan(models: list[Model], arguments: Namespace) -> int:
    """Plan for each model, without a network; print one plan, or several side by side."""
    document, options = inputs.source(arguments), inputs.summary_options(arguments)
    budget_usd = getattr(arguments, "budget", None)
    with Client(rate_limit=inputs.rate_limit(arguments), budget_usd=budget_usd) as client:
        plans = client.plan(document, model=models, **options)
    if arguments.json:
        texts = ",\n".join(each.to_json(indent=2) for each in plans)
        print(texts if len(plans) == 1 else f"[{texts}]")
    elif len(plans) == 1:
        _print_plan(plans.plans[0], arguments.encoding)
    else:
        table = words.spoken_notes(str(plans))
        print(f"{len(document.text):,} characters of source\n\n{table}")
    common.tell_budget(plans.plans[0], arguments)  # a command that has a budget has one model
    return 0


def _print_plan(plan: Plan, encoding: str) -> None:
    columns, lines = shutil.get_terminal_size(_SCREEN)
    figures = [
        f"{plan.document_tokens:,} tokens of source for {plan.model}, "
        f"in {counted(len(plan.spans), 'chunk')} of at most {plan.chunk_tokens:,}",
        "",
        draw_levels(plan),
        *map(words.spoken, draw_notes(plan)),
        "",
    ]
    above = "\n".join(figures)
    print(above)
    room = lines - above.count("\n") - 2  # the line of the prompt has to fit, too
    print(draw_tree(plan, lines=room, width=columns, encoding=encoding))
