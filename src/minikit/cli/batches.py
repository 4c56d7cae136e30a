"""What `minikit batch` does: list batches, wait for them, cancel them."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from minikit.blocking import Client
from minikit.cli import common, inputs
from minikit.cli.progress import ProgressLine
from minikit.errors import ArgumentError
from minikit.text.plain import table

if TYPE_CHECKING:
    from minikit.calls.batching.settings import BatchStatus

__all__ = ["add", "cancel", "show", "wait"]


def add(verbs: common.Verbs) -> None:
    """Add the command."""
    summary = "look after batches that were sent with --batch"
    verb = verbs.add_parser("batch", help=summary, description=summary.capitalize() + ".")
    actions = verb.add_subparsers(title="actions", metavar="ACTION", required=True)
    listed = common.add_verb(actions, "list", "tell how far batches are", show)
    waited = common.add_verb(
        actions, "wait", "wait until batches are over, and keep their replies", wait
    )
    waited.add_argument(
        "--quiet", "-q", action="store_true", help="tell nothing until they are over"
    )
    cancelled = common.add_verb(
        actions, "cancel", "cancel batches; what is done is paid for", cancel
    )
    for action in (waited, cancelled):
        action.add_argument(
            "ids", metavar="ID", nargs="*", help="default: all that there is something to do for"
        )
    for action in (listed, waited, cancelled):
        common.add_model_options(action)
        action.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible server")
        action.add_argument(
            "--journal", metavar="PATH", help="the journal of the jobs that made them"
        )


def show(arguments: Namespace) -> int:
    """Print the batches that the journal knows, or of the account's last ones minikit's."""
    with _opened(arguments) as client:
        return _told(client.batches(), arguments)


def wait(arguments: Namespace) -> int:
    """Wait for batches one after the other: they all go on meanwhile."""
    with _opened(arguments) as client:
        names = arguments.ids or [each.id for each in client.batches() if _brings_more(each)]
        found = [client.wait_for_batch(name) for name in names]
    _told(found, arguments)
    done = all(batch.status == "completed" and not batch.failed for batch in found)
    return common.DONE if done else common.INCOMPLETE


def cancel(arguments: Namespace) -> int:
    """Cancel batches."""
    with _opened(arguments) as client:
        names = arguments.ids or [each.id for each in client.batches() if not each.is_over]
        return _told([client.cancel_batch(name) for name in names], arguments)


def _opened(arguments: Namespace) -> Client:
    if arguments.journal is not None and not Path(arguments.journal).is_file():
        raise ArgumentError(f"there is no file {arguments.journal!r}")  # a journal would make it
    is_quiet = getattr(arguments, "quiet", True)
    return Client(
        model=inputs.model(arguments),
        base_url=arguments.base_url,
        journal=arguments.journal,
        hooks=() if is_quiet else (ProgressLine(sys.stderr).show_batch,),
    )


def _brings_more(batch: BatchStatus) -> bool:
    """Whether it goes on, or has replies that the journal does not."""
    without_reply = batch.requests - batch.completed
    return not batch.is_over or (batch.waiting or 0) > without_reply


def _told(batches: Sequence[BatchStatus], arguments: Namespace) -> int:
    if arguments.json:
        for batch in batches:
            print(json.dumps(asdict(batch), ensure_ascii=False, default=datetime.isoformat))
        return common.DONE
    rows = [
        [
            batch.id,
            batch.status,
            batch.model or "",
            f"{batch.requests:,}",
            f"{batch.completed:,}",
            f"{batch.failed:,}",
            "" if batch.waiting is None else f"{batch.waiting:,}",
            _shown(batch.created_at),
            _shown(batch.expires_at),
        ]
        for batch in batches
    ]
    head = ["batch", "state", "model", "requests", "done", "failed", "to fetch"]
    print(table([*head, "made", "ends by"], rows) if rows else "no batches")
    return common.DONE


def _shown(time: datetime | None) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if time else ""
