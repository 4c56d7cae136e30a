"""What `minikit ask` does."""

from __future__ import annotations

import argparse
import os
import sys
from argparse import Namespace
from collections.abc import Iterable
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, cast

from minikit.cli import common, inputs
from minikit.errors import ArgumentError
from minikit.text.document import Document, documents

if TYPE_CHECKING:
    from minikit.blocking import Client
    from minikit.jobs.ask import Answer, AskOptions
    from minikit.jobs.verb import OnGap
    from minikit.text.passage import Passage

__all__ = ["add", "add_options", "ask", "asked"]

_SHOWN = 100
"""Characters of a passage that are told."""

_STDIN = "-"


def add(verbs: common.Verbs) -> None:
    """Add the command."""
    verb = common.add_verb(verbs, "ask", "answer a question from files", ask)
    verb.add_argument("question", metavar="QUESTION", help="what to answer, in quotation marks")
    verb.add_argument(
        "files", metavar="FILE", nargs="+", help="a file, a folder, a pattern, or - for stdin"
    )
    verb.add_argument(
        "--follow-up",
        action="store_true",
        help="then answer further questions, a line of stdin each, until one is empty",
    )
    add_options(verb)
    common.add_job_options(verb)


def add_options(verb: argparse.ArgumentParser) -> None:
    """Add what can be asked of an answer."""
    verb.add_argument(
        "--thorough", action="store_true", help="read everything, not only what matches best"
    )
    verb.add_argument("--language", help="language of the answer")
    verb.add_argument("--instructions", help="anything else to ask for")
    verb.add_argument("--chunk-tokens", type=int, metavar="N", help="tokens of source per call")
    common.add_on_gap(verb, "a passage that is refused")
    common.add_model_options(verb)
    common.add_limits(verb)


def asked(arguments: Namespace) -> AskOptions:
    """Return what is asked of an answer."""
    return {
        "engine": inputs.engine(arguments),
        "thorough": arguments.thorough,
        "language": arguments.language,
        "instructions": arguments.instructions,
        "chunk_tokens": arguments.chunk_tokens,
        "on_gap": cast("OnGap", arguments.on_gap),
    }


def ask(arguments: Namespace) -> int:
    """Write an answer to stdout, and where it stands to stderr."""
    options = asked(arguments)
    sources = _sources(arguments)
    model = inputs.model(arguments) if arguments.dry_run else None
    with common.opened(arguments, model) as client:
        if arguments.dry_run:
            question = arguments.question
            plan = client.plan(sources, verb="ask", question=question, **options)
            return common.show_plan(plan, arguments)
        history: list[Answer] = []
        for question in _questions(arguments):
            options["history"] = tuple(history)
            history.append(_answered(client, sources, question, options, arguments))
    return common.INCOMPLETE if any(answer.gaps for answer in history) else common.DONE


def _sources(arguments: Namespace) -> tuple[Document, ...]:
    """Read the files, once for all questions."""
    named: list[str] = arguments.files
    if os.path.isfile(arguments.question):  # noqa: PTH113 - a Path raises for a long question
        raise ArgumentError(
            f"{arguments.question!r} is a file: the question comes first, and then the files"
        )
    found = any(name == _STDIN or glob(name) for name in named)  # noqa: PTH207 - as above
    if not found and os.path.isdir(arguments.question):  # noqa: PTH112 - as above
        raise ArgumentError(
            f"{arguments.question!r} is a folder, and there is no file {named[0]!r}: "
            f"the question comes first, and then the files"
        )
    if arguments.follow_up and _STDIN in named:
        raise ArgumentError("--follow-up reads questions from stdin, which is a source already")
    return tuple(
        document
        for name in named
        for document in (_stdin() if name == _STDIN else documents(Path(name)))
    )


def _stdin() -> tuple[Document, ...]:
    return (Document.from_bytes(sys.stdin.buffer.read(), origin="stdin"),)


def _questions(arguments: Namespace) -> Iterable[str]:
    yield arguments.question
    if not arguments.follow_up:
        return
    while True:
        if sys.stdin.isatty():
            print("? ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line.strip():
            return
        yield line.strip()


def _answered(
    client: Client,
    sources: tuple[Document, ...],
    question: str,
    options: AskOptions,
    arguments: Namespace,
) -> Answer:
    watch = common.Watch(arguments)
    options["on_event"] = watch.on_event
    with common.told(arguments), watch.running():
        answer = client.ask(sources, question, **options)
    print(answer.to_json(indent=2) if arguments.json else answer)
    sys.stdout.flush()
    for gap in answer.gaps:
        named = answer.documents[gap.document_index].document
        common.tell_gap(gap, named or "")
    common.tell(answer, watch.seconds, arguments)
    if not arguments.quiet:
        for passage in answer.sources:
            common.say(_place(passage))
        for warning in answer.warnings:
            if warning.kind != "gap":  # these are told above
                common.say(f"warning: {warning}")
    return answer


def _place(passage: Passage) -> str:
    named = passage.document or "the source"
    page = "" if passage.page is None else f", page {passage.page}"
    text = " ".join(passage.cited_text.split())
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return f"{named}{page}, characters {passage.start:,} to {passage.end:,}: “{shown}”"
