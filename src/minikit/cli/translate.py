"""What `minikit translate` does."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from minikit.cli import common, inputs
from minikit.errors import ArgumentError, BudgetExceededError, JobError
from minikit.jobs.translating.translation import Translation
from minikit.text.formats.segments import Format
from minikit.text.glossary import check_glossary
from minikit.text.plain import counted

if TYPE_CHECKING:
    from minikit.jobs.translate import TranslateOptions

__all__ = ["add", "add_options", "asked", "language_of", "translate"]

_HEADS = {"source", "term", "target", "translation"}


def add(verbs: common.Verbs) -> None:
    """Add the command."""
    verb = common.add_verb(
        verbs, "translate", "translate a text, a page, subtitles or a catalogue", translate
    )
    verb.add_argument(
        "file",
        metavar="FILE",
        help="text, Markdown, SRT, WebVTT, gettext PO or JSON; - for stdin",
    )
    verb.add_argument("--output", "-o", metavar="PATH", help="write to this file, not to stdout")
    add_options(verb)
    common.add_job_options(verb)


def add_options(verb: argparse.ArgumentParser) -> None:
    """Add what can be asked of a translation."""
    verb.add_argument(
        "--to",
        metavar="LANGUAGE",
        required=True,
        action="append",
        help="into which: German, de, pt-BR, zh-Hant",
    )
    verb.add_argument("--from", metavar="LANGUAGE", dest="source_language", help="from which")
    verb.add_argument(
        "--format",
        choices=["auto", *get_args(Format)],
        default="auto",
        help="what the file is (default: told by its name, else by its look)",
    )
    verb.add_argument(
        "--glossary",
        metavar="PATH",
        help="terms and their translations: two columns of CSV or TSV, or an object of JSON",
    )
    verb.add_argument("--instructions", help="anything else to ask for")
    verb.add_argument("--chunk-tokens", type=int, metavar="N", help="tokens of source per call")
    verb.add_argument(
        "--retranslate",
        action="store_true",
        help="translate messages of a PO file that have a translation, too",
    )
    common.add_on_gap(verb, "a text that cannot be translated")
    common.add_model_options(verb)
    common.add_limits(verb)


def asked(arguments: Namespace) -> TranslateOptions:
    """Return what is asked of a translation."""
    return {
        "engine": inputs.engine(arguments),
        "format": arguments.format,
        "source_language": arguments.source_language,
        "glossary": None if arguments.glossary is None else _glossary(Path(arguments.glossary)),
        "instructions": arguments.instructions,
        "chunk_tokens": arguments.chunk_tokens,
        "retranslate": arguments.retranslate,
        "on_gap": arguments.on_gap,
    }


def language_of(arguments: Namespace) -> str:
    """Return the language that is named; two would be two jobs."""
    language: str
    language, *others = arguments.to
    if others:
        raise ArgumentError(
            f"one language at a time, and not {' and '.join(arguments.to)}: run it for each"
        )
    return language


def translate(arguments: Namespace) -> int:
    """Write the translation to stdout or to a file."""
    language = language_of(arguments)
    source = inputs.source(arguments) if arguments.file == "-" else Path(arguments.file)
    options = asked(arguments)
    if arguments.output:
        common.check_place(arguments.output)
    model = inputs.model(arguments) if arguments.dry_run else None
    watch = common.Watch(arguments)
    with common.opened(arguments, model) as client:
        if arguments.dry_run:
            plan = client.plan(source, verb="translate", language=language, **options)
            return common.show_plan(plan, arguments)
        options["on_event"] = watch.on_event
        try:
            with watch.running():
                translation = client.translate(source, language, **options)
        except (BudgetExceededError, JobError) as error:
            _tell_what_is_done(error, arguments)
            raise
    _write(translation, arguments)
    lost = [problem for problem in translation.problems if problem.kept == "source"]
    for problem in lost if arguments.quiet else translation.problems:
        common.say(str(problem))
    common.tell(translation, watch.seconds, arguments)
    return common.INCOMPLETE if lost else common.DONE


def _write(translation: Translation, arguments: Namespace) -> None:
    """Write the text as it is, line ends included, or JSON."""
    if arguments.output:
        common.written(arguments.output, translation.write)
    if arguments.json:
        print(translation.to_json(indent=2))
    elif not arguments.output:
        sys.stdout.flush()
        sys.stdout.buffer.write(translation.text.encode("utf-8", "surrogatepass"))
    sys.stdout.flush()


def _tell_what_is_done(error: BudgetExceededError | JobError, arguments: Namespace) -> None:
    """Tell what an error leaves behind, above the line that it is."""
    done = error.result
    if not isinstance(done, Translation) or not done.translated:
        return
    way = (
        "the same command goes on from there"
        if arguments.journal
        else "with --journal PATH they would have been kept"
    )
    common.say(
        f"{counted(done.translated, 'text')} of {done.segments:,} had been translated: {way}"
    )


def _glossary(path: Path) -> dict[str, str]:
    """Read terms and translations from a file."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name, or no UTF-8
        raise ArgumentError(f"cannot read the glossary {str(path)!r}: {error}") from error
    if path.suffix.lower() == ".json":
        return _from_json(text, str(path))
    first = text.partition("\n")[0]
    delimiter = ";" if ";" in first and "," not in first else ","  # of some spreadsheets
    rows = csv.reader(
        io.StringIO(text), delimiter="\t" if path.suffix.lower() == ".tsv" else delimiter
    )
    terms: dict[str, str] = {}
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells) or (rows.line_num == 1 and set(map(str.lower, cells[:2])) <= _HEADS):
            continue
        if len(cells) < 2 or not all(cells[:2]):
            raise ArgumentError(
                f"line {rows.line_num} of the glossary {str(path)!r} is not a term and its "
                f"translation: {','.join(row)[:60]!r}; these are two columns, parted by commas, "
                f"or by tabs in a .tsv"
            )
        terms[cells[0]] = cells[1]
    return terms


def _from_json(text: str, name: str) -> dict[str, str]:
    try:
        terms = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"the glossary {name!r} is not JSON: {error}") from error
    if not isinstance(terms, dict):
        raise ArgumentError(f"the glossary {name!r} is no object of terms and translations")
    return check_glossary(cast("object", terms))
