"""What `minikit many` does: a verb over each document of a folder."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from argparse import Namespace
from contextlib import ExitStack, closing
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minikit.blocking import Client
from minikit.cli import ask, common, describe, engines, extract, inputs, summaries, translate
from minikit.cli.documents import DocumentsLine, Given, TextFiles
from minikit.cli.progress import ProgressLine
from minikit.cli.schemas import read_schema
from minikit.errors import ArgumentError, MinikitError
from minikit.jobs.corpus.local import JOURNAL as CLIENTS_JOURNAL
from minikit.text.document import SourceWarning
from minikit.text.plain import counted, money

if TYPE_CHECKING:
    from minikit.jobs.corpus.outcome import DocumentOutcome
    from minikit.jobs.corpus.report import CorpusReport
    from minikit.models.model import Model
    from minikit.outcomes import DocumentOutcomes

__all__ = ["add", "many"]

TOLD_AT_MOST = 5
"""So many documents that failed are told one by one."""

JOURNAL = "_journal"
"""Where in the output replies are kept; readers of its files pass over names with "_"."""

_ABOUT = {
    "summarize": "write a summary of each",
    "ask": "answer a question from each",
    "extract": "read records out of each",
    "translate": "translate each",
    "describe": "say what each image shows",
}
_OPTIONS = {
    "summarize": summaries.add_options,
    "ask": ask.add_options,
    "extract": extract.add_options,
    "translate": translate.add_options,
    "describe": describe.add_options,
}


def add(verbs: common.Verbs) -> None:
    """Add the command."""
    summary = "do something to each document of a folder"
    top = verbs.add_parser("many", help=summary, description=summary.capitalize() + ".")
    actions = top.add_subparsers(title="what to do", metavar="VERB", required=True)
    for name, about in _ABOUT.items():
        verb = common.add_verb(actions, name, about, many)
        verb.set_defaults(verb=name)
        if name == "ask":
            verb.add_argument("question", metavar="QUESTION", help="in quotation marks")
        told = "a folder, a pattern in quotes, files, or - for their names on stdin"
        verb.add_argument("documents", metavar="FOLDER", nargs="+", help=told)
        if name == "describe":
            verb.add_argument("--question", help="what to answer from each image")
        _OPTIONS[name](verb)
        if name == "summarize":  # the others have these among their own
            common.add_model_options(verb)
        _add_run_options(verb)


def _add_run_options(verb: argparse.ArgumentParser) -> None:
    run = verb.add_argument_group("how it is run")
    run.add_argument(
        "--output",
        "-o",
        metavar="FOLDER",
        help="write to files in this folder; what stands there is not done again (default: stdout)",
    )
    run.add_argument(
        "--output-format",
        choices=["jsonl", "parquet", "text"],
        default="jsonl",
        help="of these files: tables with a row for each document, or a file of text for each",
    )
    run.add_argument(
        "--engine",
        metavar="WHO",
        default="local",
        help="who does it: local, batch (half the price, within a day), processes, dask, or the "
        "address of a Dask scheduler, such as tcp://host:8786",
    )
    run.add_argument(
        "--workers", type=int, metavar="N", help="of processes and dask (default: the processors)"
    )
    run.add_argument("--any-order", action="store_true", help="as they come, not in order")
    run.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible server")
    run.add_argument("--budget", metavar="USD", help="what all may cost together, such as 5")
    run.add_argument(
        "--journal",
        metavar="FOLDER",
        help=f"keep replies here, and pay for none twice (default: {JOURNAL} in the output)",
    )
    run.add_argument(
        "--dry-run", action="store_true", help="print what it would take, and send nothing"
    )
    run.add_argument(
        "--quiet", "-q", action="store_true", help="no progress, no bill and no warnings"
    )


def many(arguments: Namespace) -> int:
    """Write what comes of each document to a folder, or to stdout."""
    engines.check_engine(arguments.engine, arguments.workers)
    arguments.batch = arguments.engine == "batch"
    if arguments.output_format != "jsonl" and not arguments.output:
        raise ArgumentError(
            f"--output-format {arguments.output_format} is of files: name their --output"
        )
    given = Given(arguments.documents, images=arguments.verb == "describe")
    options = _asked(arguments)
    # What is left out of a folder is told with the bill.
    warnings.filterwarnings("ignore", r"of .*: [\d,]+ read; ", SourceWarning)
    line = DocumentsLine(sys.stderr, given)
    options["on_event"] = None if arguments.quiet else line.show
    with _client(arguments) as client:
        if arguments.dry_run:
            engine = "batch" if arguments.batch else "local"
            with closing(line):
                plan = client.run_many(given.documents, engine=engine, **options).plan()
            return common.show_plan(plan, arguments)
        options |= _kept(arguments)
        report = _done(client, given, options, line, arguments)
    if arguments.json and arguments.output:
        print(json.dumps(asdict(report), default=_plain))
    return common.INCOMPLETE if report.failed or report.incomplete else common.DONE


def _done(
    client: Client,
    given: Given,
    options: dict[str, Any],
    line: DocumentsLine,
    arguments: Namespace,
) -> CorpusReport:
    """Do the work, and return what it took."""
    write = _Writer(arguments, given).write
    with ExitStack() as stack:
        options["engine"] = stack.enter_context(engines.lent(arguments.engine, arguments.workers))
        outcomes = client.run_many(given.documents, **options)
        at_end = stack.enter_context(ExitStack())  # when nothing is under way any more
        stack.enter_context(outcomes)
        at_end.callback(_tell, outcomes, arguments)
        at_end.callback(line.close)
        try:
            for outcome in outcomes:
                write(outcome)
        except (KeyboardInterrupt, MinikitError) as error:
            line.close()
            if outcomes.report.documents or isinstance(error, KeyboardInterrupt):
                _tell_way(arguments)
            raise
    return outcomes.report


def _client(arguments: Namespace) -> Client:
    named = inputs.model if arguments.dry_run else inputs.model_or_offline
    model: Model = named(arguments)
    if arguments.verb == "describe":
        model = describe.seeing(model)
    tells = arguments.batch and not arguments.quiet
    return Client(
        model=model,
        base_url=arguments.base_url,
        rate_limit=inputs.rate_limit(arguments),
        hooks=(ProgressLine(sys.stderr).show_batch,) if tells else (),
    )


def _asked(arguments: Namespace) -> dict[str, Any]:
    """Return the arguments of `run_many` that say what is asked of each document."""
    verb: str = arguments.verb
    of_verb: dict[str, Any]
    if verb == "summarize":
        of_verb = {**inputs.summary_options(arguments)}
    elif verb == "ask":
        of_verb = {**ask.asked(arguments), "question": arguments.question}
    elif verb == "extract":
        of_verb = {**extract.asked(arguments), "schema": extract.schema_of(arguments)}
    elif verb == "translate":
        of_verb = {**translate.asked(arguments), "language": translate.language_of(arguments)}
    else:
        named = arguments.schema
        schema = None if named is None else read_schema(named)
        of_verb = {**describe.asked(arguments), "question": arguments.question, "schema": schema}
    engines.make_picklable(of_verb.get("schema"))
    del of_verb["engine"]
    return {
        **of_verb,
        "verb": verb,
        "budget_usd": arguments.budget,
        "in_order": not arguments.any_order,
    }


def _kept(arguments: Namespace) -> dict[str, Any]:
    """Return the arguments of `run_many` that say where outcomes and replies are kept."""
    output = arguments.output
    if output and not arguments.journal:
        arguments.journal = str(Path(output) / JOURNAL)
    kept: dict[str, Any] = {"journal": arguments.journal}
    if arguments.journal and arguments.batch:  # for who wants to cancel them
        arguments.journal = str(Path(arguments.journal) / CLIENTS_JOURNAL)
    if output and arguments.output_format != "text":
        kept |= {"output": output, "output_format": arguments.output_format}
    return kept


class _Writer:
    """Writes outcomes where they shall go, and tells of the first that failed."""

    def __init__(self, arguments: Namespace, given: Given) -> None:
        self._arguments = arguments
        is_text = arguments.output_format == "text"
        self._files: TextFiles | None = None
        if is_text:
            self._files = TextFiles(arguments.output, arguments.verb, given.documents)
        self._told = 0

    def write(self, outcome: DocumentOutcome[Any]) -> None:
        """Write an outcome; what has a path was written by who brought it."""
        if outcome.error is not None and self._told < TOLD_AT_MOST:
            common.say(f"{outcome.name}: {outcome.error}")
            self._told += 1
        if self._files:
            self._files.write(outcome)
        elif self._arguments.output:
            return
        elif self._arguments.json:
            print(outcome.to_json(), flush=True)
        elif outcome.error is None:
            print(f"{outcome.name}:\n{outcome.result}\n", flush=True)


def _tell_way(arguments: Namespace) -> None:
    if not arguments.batch:  # of which `main` tells more
        way = (
            "the same command goes on from there"
            if arguments.journal
            else "with --output FOLDER or --journal FOLDER replies would have been kept"
        )
        common.say(f"replies that came are {'kept' if arguments.journal else 'lost'}: {way}")
    if arguments.engine not in engines.OF_THIS_PROCESS:
        common.say("this bill leaves out what workers had not handed over yet")


def _tell(outcomes: DocumentOutcomes[Any], arguments: Namespace) -> None:
    """Tell what failed, what it cost, and what to know."""
    report = outcomes.report
    where = f"; see {arguments.output}" if arguments.output else ""
    if report.failed:
        common.say(f"{report.failed:,} of {counted(report.documents, 'document')} failed{where}")
    if report.incomplete:
        told = counted(report.incomplete, "result")
        common.say(f"{told} with gaps: something could not be read, or not be done{where}")
    if arguments.quiet or not report.documents:
        return
    common.say(_bill(report))
    common.tell_notes(report.notes)


def _bill(report: CorpusReport) -> str:
    kept = f" ({report.kept:,} done before)" if report.kept else ""
    before = report.replayed_cost_usd
    paid = f" ({money(before)} of it paid before)" if before else ""
    failed = f", and {money(report.failed_cost_usd)} for calls that no outcome came of"
    failed = failed if report.failed_cost_usd else ""
    if report.unmeasured:
        failed += f", {counted(report.unmeasured, 'attempt')} of unknown cost"
    return (
        f"{report.model}, {counted(report.documents, 'document')}{kept}, "
        f"{report.usage.input_tokens:,} tokens in, {report.usage.output_tokens:,} out, "
        f"{money(report.cost_usd)}{paid}{failed}, {report.seconds:.1f} s"
    )


def _plain(value: Decimal) -> str:
    return f"{value:f}"
