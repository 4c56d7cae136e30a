"""Summarize a folder of documents on a Dask cluster into a table, a row for each document.

    MINIKIT_MODEL=offline python corpus_job.py archive            # workers of this machine; no key
    python corpus_job.py archive --workers 4 --budget 5           # with OPENAI_API_KEY
    python corpus_job.py archive --scheduler tcp://10.0.0.7:8786  # a cluster that is there

One budget holds for all workers. Replies are kept in the folder `--journal`, so that a worker that
dies, or a second run, pays for nothing twice; the workers of several machines need a folder that
all of them see. They read OPENAI_API_KEY from their own environment: it is never sent.
The exit code is 0 when all is well, 3 when some documents failed, 1 when the run stopped.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from distributed import Client as Cluster
from distributed import LocalCluster

from minikit import Client, CorpusProgress, MinikitError

COLUMNS = ("name", "summary", "words", "cost_usd", "error")


def show(progress: CorpusProgress) -> None:
    """Tell how far it is, as often as a worker comes back."""
    print(f"{progress.documents} documents, {progress.cost_usd} USD", file=sys.stderr)


def summarize_folder(cluster: Cluster, given: argparse.Namespace) -> int:
    """Write a row as soon as a document is done; return how many failed."""
    with (
        Client(model=given.model) as client,
        given.out.open("w", encoding="utf-8-sig", newline="") as file,
        client.summarize_many(
            given.folder,
            engine=cluster,
            length=given.words,
            budget_usd=given.budget,
            journal=given.journal,
            partition_size=given.partition,
            in_order=False,  # a long document holds up no other
            on_event=show,
        ) as outcomes,
    ):
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for outcome in outcomes:
            words = outcome.result.words if outcome.result else None
            table.writerow([outcome.name, outcome.text, words, outcome.cost_usd, outcome.problem])
        print(outcomes.report)
        return outcomes.report.failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Connect to a cluster, or begin one here, and give it the folder."""
    parser = argparse.ArgumentParser(description="Summarize a folder on a Dask cluster.")
    parser.add_argument("folder", type=Path, help="a folder, or a pattern such as 'docs/**/*.md'")
    parser.add_argument("--out", type=Path, default=Path("summaries.csv"))
    parser.add_argument("--journal", type=Path, default=Path("journal"), help="folder of replies")
    parser.add_argument("--model", help="default: MINIKIT_MODEL, else gpt-4o-mini")
    parser.add_argument("--words", type=int, default=60, help="of a summary")
    parser.add_argument("--budget", default="1.00", help="US dollars, over all workers")
    parser.add_argument("--partition", type=int, default=32, help="documents for a worker at once")
    parser.add_argument("--scheduler", help="address of a cluster; default: one of this machine")
    parser.add_argument("--workers", type=int, default=2, help="of this machine")
    given = parser.parse_args(arguments)
    if given.workers < 1:
        parser.error(f"--workers {given.workers} would do nothing: give 1 or more")
    try:
        if given.scheduler:
            with Cluster(given.scheduler) as cluster:
                failed = summarize_folder(cluster, given)
        else:
            with (
                LocalCluster(n_workers=given.workers, dashboard_address="127.0.0.1:0") as local,
                Cluster(local) as cluster,
            ):
                failed = summarize_folder(cluster, given)
    except (MinikitError, OSError) as error:  # OSError: no such cluster, or no room for the table
        print(error, file=sys.stderr)
        return 1
    return 3 if failed else 0


if __name__ == "__main__":  # the processes of a local cluster import this file
    sys.exit(main())
