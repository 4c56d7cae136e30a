"""Plans made by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from minikit.jobs.plan import Level, Plan
from minikit.jobs.result import Operation
from minikit.text.document import Span

__all__ = ["level", "plan"]


def level(
    operation: Operation,
    calls: tuple[int, int],
    *,
    tokens_in: tuple[int, int] = (0, 0),
    tokens_out: int = 0,
) -> Level:
    """Make a level from its bounds."""
    return Level(
        operation=operation,
        calls_at_least=calls[0],
        calls_at_most=calls[1],
        input_tokens_at_least=tokens_in[0],
        input_tokens_at_most=tokens_in[1],
        output_tokens_at_most=tokens_out,
    )


def plan(*levels: Level, parts: int = 1, **fields: Any) -> Plan:  # noqa: ANN401 - fields of Plan
    """Make a plan of so many parts of 1,000 characters and 250 tokens each."""
    made: dict[str, Any] = {
        "model": "gpt-4o-mini",
        "strategy": "map_reduce",
        "document_characters": parts * 1000,
        "document_tokens": parts * 250,
        "chunk_tokens": 250,
        "spans": tuple(Span(1000 * part, 1000 * (part + 1)) for part in range(parts)),
        "headings": ((),) * parts,
        "levels": levels,
        "cost_usd_at_least": Decimal("0.01"),
        "cost_usd_at_most": Decimal("0.03"),
        "max_concurrency": 4,
    }
    return Plan(**{**made, **fields})
