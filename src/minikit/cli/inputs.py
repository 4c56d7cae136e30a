"""What the arguments of a command mean: a document, a model, limits, options."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from minikit.calls.pace import RateLimit
from minikit.errors import ArgumentError, UnknownModelError
from minikit.models.model import DEFAULT_MODEL, Model
from minikit.text.document import Document

if TYPE_CHECKING:
    from minikit.jobs.plan import Travel
    from minikit.jobs.summarizing.options import SummarizeOptions

__all__ = [
    "engine",
    "model",
    "model_or_offline",
    "models",
    "rate_limit",
    "source",
    "summary_options",
]


def source(arguments: Namespace) -> Document:
    """Read the file, or stdin."""
    if arguments.file == "-":
        return Document.from_bytes(sys.stdin.buffer.read(), origin="stdin")
    return Document.from_path(Path(arguments.file))


def model(arguments: Namespace) -> Model:
    """Return the model that is named, or the default."""
    return _named(_name(arguments) or DEFAULT_MODEL, arguments)


def models(arguments: Namespace) -> list[Model]:
    """Return the models that are named, or the default; only one can be described."""
    names = arguments.model or [_name(arguments) or DEFAULT_MODEL]
    if len(names) > 1 and arguments.context_window is not None:
        raise ArgumentError("--context-window describes one model, and several are named")
    return [_named(name, arguments) for name in names]


def model_or_offline(arguments: Namespace) -> Model:
    """Choose the offline model, and say so, where no key, model or server was named."""
    server = arguments.base_url or os.environ.get("OPENAI_BASE_URL")
    if _name(arguments) or server or os.environ.get("OPENAI_API_KEY"):
        return model(arguments)
    print(
        "minikit: OPENAI_API_KEY is not set; the model 'offline' selects sentences and writes none",
        file=sys.stderr,
    )
    return Model.resolve("offline")


def rate_limit(arguments: Namespace) -> RateLimit | None:
    """Return the limits of the account, where they are given."""
    if arguments.rpm is None and arguments.tpm is None:
        return None
    return RateLimit(requests_per_minute=arguments.rpm, tokens_per_minute=arguments.tpm)


def engine(arguments: Namespace) -> Travel:
    """Return how calls travel."""
    return "batch" if arguments.batch else "local"


def summary_options(arguments: Namespace) -> SummarizeOptions:
    """Return what is asked of a summary."""
    return {
        "engine": engine(arguments),
        "length": arguments.length,
        "detail": arguments.detail,
        "strategy": arguments.strategy,
        "cite": arguments.cite,
        "unsupported": arguments.unsupported,
        "focus": arguments.focus,
        "language": arguments.language,
        "style": arguments.style,
        "instructions": arguments.instructions,
        "chunk_tokens": arguments.chunk_tokens,
        "on_gap": arguments.on_gap,
    }


def _name(arguments: Namespace) -> str | None:
    return arguments.model or os.environ.get("MINIKIT_MODEL")


def _named(name: str, arguments: Namespace) -> Model:
    window, output = arguments.context_window, arguments.max_output_tokens
    if window is not None:
        limit = min(4_096, window // 4) if output is None else output
        return Model(id=name, context_window=window, max_output_tokens=limit)
    if output is not None:
        limits_replies = hasattr(arguments, "reply_tokens")
        way_out = ": to limit replies, use --reply-tokens" if limits_replies else ""
        raise ArgumentError(
            f"--max-output-tokens describes a model together with --context-window{way_out}"
        )
    try:
        return Model.resolve(name)
    except UnknownModelError as error:
        raise UnknownModelError(f"{error}, or on the command line --context-window N") from error
