"""What the command line understands."""

from __future__ import annotations

import argparse
from importlib.metadata import version

from minikit.cli import (
    ask,
    batches,
    chat,
    commands,
    common,
    compare,
    describe,
    extract,
    finetune,
    journal,
    many,
    needle,
    plans,
    summaries,
    translate,
)
from minikit.cli import map as map_verb

__all__ = ["parser"]

EPILOG = """\
to begin with, without a key and at no cost:
  minikit summarize report.txt --model offline
then with OPENAI_API_KEY set, and the cost told before:
  minikit ask "Who signed it?" contracts/ --dry-run
  minikit ask "Who signed it?" contracts/ --budget 0.50

exit codes: 0 done; 1 a call failed for good; 2 an argument or a file cannot be used; 3 done, but
not all of it; 4 no API key; 130 interrupted"""


def parser() -> common.Parser:
    """Return the parser of the command `minikit`; `run` in its result is what to do."""
    top = common.Parser(
        prog="minikit",
        description="Work on texts longer than a model's window, with the cost of each call known.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", "-V", action="version", version=f"minikit {version('minikit')}")
    verbs = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_summarize(verbs)
    _add_plan(verbs)
    _add_report(verbs)
    ask.add(verbs)
    extract.add(verbs)
    translate.add(verbs)
    map_verb.add(verbs)
    many.add(verbs)
    chat.add(verbs)
    describe.add(verbs)
    compare.add(verbs)
    needle.add(verbs)
    _add_count(verbs)
    _add_split(verbs)
    _add_models(verbs)
    _add_journal(verbs)
    batches.add(verbs)
    finetune.add(verbs)
    return top


def _add_summarize(verbs: common.Verbs) -> None:
    verb = common.add_verb(verbs, "summarize", "write a summary of a file", summaries.summarize)
    _add_source(verb)
    summaries.add_options(verb)
    common.add_job_options(verb)
    verb.add_argument("--html", metavar="PATH", help="write it beside its source, as a page")
    verb.add_argument("--save", metavar="PATH", help="write all that is known of it, as JSON")


def _add_plan(verbs: common.Verbs) -> None:
    summary = "show what a summary would take, without a network"
    verb = common.add_verb(verbs, "plan", summary, plans.plan)
    _add_source(verb, several_models=True)
    summaries.add_options(verb)
    common.add_batch(verb)


def _add_report(verbs: common.Verbs) -> None:
    summary = "write a saved summary as a page"
    verb = verbs.add_parser("report", help=summary, description=summary.capitalize() + ".")
    verb.set_defaults(run=summaries.report)
    verb.add_argument("saved", metavar="SAVED", help="what summarize --save has written")
    verb.add_argument("html", metavar="PATH", help="the page")
    verb.add_argument(
        "--source", metavar="FILE", help="what was summarized, where that was not saved with it"
    )


def _add_count(verbs: common.Verbs) -> None:
    verb = common.add_verb(verbs, "count", "count the tokens of a file", commands.count)
    _add_source(verb)


def _add_split(verbs: common.Verbs) -> None:
    verb = common.add_verb(verbs, "split", "cut a file into chunks", commands.split_source)
    _add_source(verb)
    verb.add_argument("--max-tokens", type=int, required=True, metavar="N", help="per chunk")
    verb.add_argument(
        "--overlap", type=int, default=0, metavar="N", help="tokens repeated from the chunk before"
    )


def _add_models(verbs: common.Verbs) -> None:
    common.add_verb(verbs, "models", "list the models that minikit knows", commands.models)


def _add_journal(verbs: common.Verbs) -> None:
    summary = "look into a journal of calls, or empty it"
    verb = verbs.add_parser("journal", help=summary, description=summary.capitalize() + ".")
    actions = verb.add_subparsers(title="actions", metavar="ACTION", required=True)
    stats = common.add_verb(actions, "stats", "sum up what a journal holds", journal.stats)
    clear = actions.add_parser("clear", help="delete what a journal holds")
    clear.set_defaults(run=journal.clear)
    clear.add_argument(
        "--before",
        type=journal.read_time,
        metavar="DATE",
        help="only what was begun before, in UTC",
    )
    export = actions.add_parser("export", help="write a journal to stdout, as JSON Lines")
    export.set_defaults(run=journal.export)
    for action in (stats, clear, export):
        action.add_argument("path", metavar="PATH", help="the file of the journal")


def _add_source(verb: argparse.ArgumentParser, *, several_models: bool = False) -> None:
    told = "a file, a folder, a pattern in quotes, or - for stdin"
    verb.add_argument("file", metavar="FILE", help=told)
    common.add_model_options(verb, several=several_models)
