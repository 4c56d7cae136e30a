"""What `minikit plan` prints, and `minikit summarize --dry-run`."""

from __future__ import annotations

import shutil
from argparse import Namespace
from typing import TYPE_CHECKING

from minikit.blocking import Client
from minikit.cli import inputs
from minikit.jobs.drawing import draw_tree
from minikit.jobs.plain import counted, money, span_of, table, time_text

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
    with Client(rate_limit=inputs.rate_limit(arguments)) as client:
        plans = client.plan(document, model=models, **options)
    if arguments.json:
        texts = ",\n".join(each.to_json(indent=2) for each in plans)
        print(texts if len(plans) == 1 else f"[{texts}]")
    elif len(plans) == 1:
        _print_plan(plans.plans[0], arguments.encoding)
    else:
        print(f"{len(document.text):,} characters of source\n\n{plans}")
    return 0


def _print_plan(plan: Plan, encoding: str) -> None:
    columns, lines = shutil.get_terminal_size(_SCREEN)
    figures = [
        f"{plan.document_tokens:,} tokens of source for {plan.model}, "
        f"in {counted(len(plan.spans), 'chunk')} of at most {plan.chunk_tokens:,}",
        "",
        _levels(plan),
        "",
        f"cost: {_cost(plan)}",
        f"time: {_time(plan)}",
        "",
    ]
    above = "\n".join(figures)
    print(above)
    room = lines - above.count("\n") - 2  # the line of the prompt has to fit, too
    print(draw_tree(plan, lines=room, width=columns, encoding=encoding))


def _levels(plan: Plan) -> str:
    rows = [
        [
            level.operation,
            span_of(level.calls_at_least, level.calls_at_most),
            span_of(level.input_tokens_at_least, level.input_tokens_at_most),
            f"up to {level.output_tokens_at_most:,}",
        ]
        for level in plan.levels
    ]
    return table(["operation", "calls", "input tokens", "output tokens"], rows)


def _cost(plan: Plan) -> str:
    if plan.cost_usd_at_most is None:
        return money(None)
    return f"{money(plan.cost_usd_at_least)} to {money(plan.cost_usd_at_most)}"


def _time(plan: Plan) -> str:
    took = plan.duration
    least, likely = time_text(took.at_least_s), time_text(took.likely_s)
    told = f"likely {likely}" if least == likely else f"likely {likely}, {least} at least"
    limits = [
        f"{counted(limit, noun)} a minute"
        for limit, noun in (
            (plan.requests_per_minute, "request"),
            (plan.tokens_per_minute, "token"),
        )
        if limit
    ]
    side_by_side = plan.strategy == "map_reduce"
    in_flight = f"{counted(plan.max_concurrency, 'call')} in flight" if side_by_side else ""
    return ", ".join([told, *filter(None, [in_flight, *limits])])
