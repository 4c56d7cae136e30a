"""What each command does: results to stdout, progress and the bill to stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minikit.blocking import Client
from minikit.cli.progress import ProgressLine, counted, money
from minikit.cli.table import table
from minikit.errors import ArgumentError, UnknownModelError
from minikit.models.catalog import catalog
from minikit.models.model import DEFAULT_MODEL, Model
from minikit.models.prices import cost_usd
from minikit.models.usage import Usage
from minikit.text.document import Document
from minikit.text.split import split
from minikit.tokens.chat import count_tokens

if TYPE_CHECKING:
    from minikit.jobs.options import SummarizeOptions
    from minikit.jobs.summary import Summary

__all__ = ["Command", "count", "models", "plan", "split_source", "summarize"]

Command = Callable[[Namespace], int]

DONE, GAPS = 0, 3


def summarize(arguments: Namespace) -> int:
    """Write a summary to stdout."""
    document = _source(arguments)
    options = _summary_options(arguments)
    line = None if arguments.quiet else ProgressLine(sys.stderr)
    if line:
        options["on_event"] = line.show
    model = _model_or_offline(arguments)
    start = time.monotonic()
    with Client(
        model=model,
        base_url=arguments.base_url,
        budget_usd=arguments.budget,
        journal=arguments.journal,
    ) as client:
        try:
            summary = client.summarize(document, **options)
        finally:
            if line:
                line.end()
    print(summary.to_json(indent=2) if arguments.json else summary)
    _report(summary, time.monotonic() - start, quiet=arguments.quiet)
    return GAPS if summary.gaps else DONE


def plan(arguments: Namespace) -> int:
    """Print the calls that a summary would make and the bounds of its cost."""
    with Client(model=_model(arguments)) as client:
        planned = client.plan(_source(arguments), **_summary_options(arguments))
    if arguments.json:
        print(planned.to_json(indent=2))
        return DONE
    rows = [
        [
            level.operation,
            _range(level.calls_at_least, level.calls_at_most),
            _range(level.input_tokens_at_least, level.input_tokens_at_most),
            f"up to {level.output_tokens_at_most:,}",
        ]
        for level in planned.levels
    ]
    print(
        f"{planned.document_tokens:,} tokens of source for {planned.model}, "
        f"in {counted(len(planned.spans), 'chunk')} of at most {planned.chunk_tokens:,}\n"
    )
    print(table(["operation", "calls", "input tokens", "output tokens"], rows))
    print(f"\ncost: {money(planned.cost_usd_at_least)} to {money(planned.cost_usd_at_most)}")
    return DONE


def count(arguments: Namespace) -> int:
    """Print the number of tokens."""
    model = _model(arguments)
    tokens = count_tokens(_source(arguments).text, model=model)
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
    document = _source(arguments)
    chunks = split(
        document, arguments.max_tokens, model=_model(arguments), overlap=arguments.overlap
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


def _source(arguments: Namespace) -> Document:
    if arguments.file == "-":
        return Document.from_bytes(sys.stdin.buffer.read(), origin="stdin")
    return Document.from_path(Path(arguments.file))


def _summary_options(arguments: Namespace) -> SummarizeOptions:
    return {
        "length": arguments.length,
        "detail": arguments.detail,
        "focus": arguments.focus,
        "language": arguments.language,
        "style": arguments.style,
        "instructions": arguments.instructions,
        "chunk_tokens": arguments.chunk_tokens,
        "on_gap": arguments.on_gap,
    }


def _model(arguments: Namespace) -> Model:
    name = arguments.model or os.environ.get("MINIKIT_MODEL") or DEFAULT_MODEL
    window, output = arguments.context_window, arguments.max_output_tokens
    if window is not None:
        limit = min(4_096, window // 4) if output is None else output
        return Model(id=name, context_window=window, max_output_tokens=limit)
    if output is not None:
        raise ArgumentError("--max-output-tokens describes a model together with --context-window")
    try:
        return Model.resolve(name)
    except UnknownModelError as error:
        raise UnknownModelError(f"{error}, or on the command line --context-window N") from error


def _model_or_offline(arguments: Namespace) -> Model:
    """Choose the offline model, and say so, where no key, model or server was named."""
    named = arguments.model or os.environ.get("MINIKIT_MODEL")
    server = arguments.base_url or os.environ.get("OPENAI_BASE_URL")
    if named or server or os.environ.get("OPENAI_API_KEY"):
        return _model(arguments)
    print(
        "minikit: OPENAI_API_KEY is not set; the model 'offline' selects sentences and writes none",
        file=sys.stderr,
    )
    return Model.resolve("offline")


def _report(summary: Summary, seconds: float, *, quiet: bool) -> None:
    for gap in summary.gaps:
        where = f"characters {gap.span.start:,} to {gap.span.end:,}"
        print(f"minikit: {where} could not be read: {gap.reason}", file=sys.stderr)
    if quiet:
        return
    usage, calls = summary.usage, counted(len(summary.calls), "call")
    before = summary.replayed_cost_usd
    paid = f" ({money(before)} of it paid before)" if before else ""
    print(
        f"minikit: {summary.model}, {calls}, {usage.input_tokens:,} tokens in, "
        f"{usage.output_tokens:,} out, {money(summary.cost_usd)}{paid}, {seconds:.1f} s",
        file=sys.stderr,
    )


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


def _range(least: int, most: int) -> str:
    return f"{most:,}" if least == most else f"{least:,} to {most:,}"


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False, default=_plain))


def _plain(value: Decimal | date) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else value.isoformat()
