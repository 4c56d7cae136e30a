"""minikit in the summarization benchmark, set up in one of three ways.

`default` sets nothing. `tuned` sets the chunk size and, as those of LangChain and LlamaIndex do,
sends all parts of a book at once. `journal` sets the chunk size and a journal in the driver's
folder for what outlives a run.

The benchmark's driver finds this file through BENCH_RUNNERS and provides the module `common`.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import common  # type: ignore[import-not-found]  # the benchmark's own

EVERY_PART = 64
"""Calls in flight at least of `tuned`."""


def load() -> None:
    """Import what a first call needs, timed apart by the driver."""
    import openai  # noqa: F401

    import minikit  # noqa: F401


def run(text: str, arguments: Namespace) -> dict[str, Any]:
    """Summarize `text` and return what the driver records."""
    from minikit import Client, SummarizeOptions

    options: SummarizeOptions = {}
    if arguments.config != "default":
        options["chunk_tokens"] = arguments.chunk
    journal = Path(arguments.state, "journal.sqlite") if arguments.config == "journal" else None
    places = max(arguments.concurrency, EVERY_PART if arguments.config == "tuned" else 1)
    with Client(model=arguments.model, max_concurrency=places, journal=journal) as client:
        plan = client.plan(text, **options)
        summary = client.summarize(text, **options)
        total = client.ledger.total
    return {
        "summary": summary.text,
        "usage": {"in": summary.usage.input_tokens, "out": summary.usage.output_tokens},
        "cost": float(summary.cost_usd or 0),
        "plan": [str(plan.cost_usd_at_least), str(plan.cost_usd_at_most)],
        "calls": len(summary.calls),
        "gaps": len(summary.gaps),
        "ledger": [str(total.cost_usd), str(total.carried_usd), total.unmeasured],
    }


if __name__ == "__main__":
    common.main(load, run, ["default", "tuned", "journal"])
