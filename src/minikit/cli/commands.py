"""What the commands do that take no model's reply: count, split, models."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from minikit.cli import inputs
from minikit.models.catalog import catalog
from minikit.models.model import Model
from minikit.models.prices import cost_usd
from minikit.models.usage import Usage
from minikit.text.plain import table
from minikit.text.split import split
from minikit.tokens.chat import count_tokens

__all__ = ["Command", "count", "models", "split_source"]

Command = Callable[[Namespace], int]

DONE = 0


def count(arguments: Namespace) -> int:
    """Print the number of tokens."""
    model = inputs.model(arguments)
    tokens = count_tokens(inputs.source(arguments).text, model=model)
    if arguments.json:
        cost = cost_usd(model, Usage(input_tokens=tokens))
        _print_json(
            {
                "tokens": tokens,
                "model": model.id,
                "exact": model.exact_counts,
                "context_window": model.context_window,
                "input_cost_usd": cost,
            }
        )
    else:
        print(tokens)
    return DONE


def split_source(arguments: Namespace) -> int:
    """Print the chunks: a table, or JSON Lines with their text."""
    document = inputs.source(arguments)
    chunks = split(
        document, arguments.max_tokens, model=inputs.model(arguments), overlap=arguments.overlap
    )
    if arguments.json:
        for chunk in chunks:
            _print_json(
                {
                    "start": chunk.start,
                    "end": chunk.end,
                    "tokens": chunk.tokens,
                    "headings": chunk.headings,
                    "text": chunk.text,
                }
            )
        return DONE
    rows = [
        [f"{c.start:,}", f"{c.end:,}", f"{c.tokens:,}", " ".join(c.text[:200].split())[:48]]
        for c in chunks
    ]
    print(table(["start", "end", "tokens", "begins"], rows))
    return DONE


def models(arguments: Namespace) -> int:
    """Print what minikit knows of each model."""
    rows = [_model_row(model) for model in catalog().values()]
    if arguments.json:
        for row in rows:
            _print_json(row)
        return DONE
    print(
        table(
            ["model", "window", "output", "in $/M", "out $/M", "shuts down", "successor"],
            [
                [
                    row["id"],
                    f"{row['context_window']:,}",
                    f"{row['max_output_tokens']:,}",
                    _price(row["input_usd_per_mtok"]),
                    _price(row["output_usd_per_mtok"]),
                    str(row["shutdown_date"] or ""),
                    row["successor"] or "",
                ]
                for row in rows
            ],
        )
    )
    return DONE


def _model_row(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "provider": model.provider,
        "context_window": model.context_window,
        "max_output_tokens": model.max_output_tokens,
        "input_usd_per_mtok": _per_million(model, Usage(input_tokens=1)),
        "cached_usd_per_mtok": _per_million(model, Usage(input_tokens=1, cached_tokens=1)),
        "output_usd_per_mtok": _per_million(model, Usage(output_tokens=1)),
        "encoding": model.encoding,
        "exact_counts": model.exact_counts,
        "knowledge_cutoff": model.knowledge_cutoff,
        "shutdown_date": model.shutdown_date,
        "successor": model.successor,
        "supports": sorted(model.supports),
    }


def _per_million(model: Model, one_token: Usage) -> Decimal | None:
    cost = cost_usd(model, one_token)
    return None if cost is None else (cost * 1_000_000).normalize()


def _price(price: Decimal | None) -> str:
    return "unknown" if price is None else f"{price:f}"


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False, default=_plain))


def _plain(value: Decimal | date) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else value.isoformat()
