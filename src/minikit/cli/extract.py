"""What `minikit extract` does."""

from __future__ import annotations

import argparse
import json
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Literal, Optional, cast, get_origin

from minikit.cli import common, inputs
from minikit.cli.schemas import read_schema
from minikit.errors import ArgumentError
from minikit.jobs.extracting.records import unannotated
from minikit.jobs.verb import OnGap
from minikit.text.document import Document
from minikit.text.plain import counted

if TYPE_CHECKING:
    from minikit.jobs.extracting.extraction import ExtractedField, Extraction
    from minikit.jobs.extracting.job import ExtractOptions
    from minikit.text.document import Source

__all__ = ["add", "add_options", "asked", "extract", "read_fields", "schema_of"]

_KINDS: dict[str, Any] = {
    "text": str,
    "number": float,
    "integer": int,
    "boolean": bool,
    "date": date,
    "datetime": datetime,
    "time": time,
}
_TOLD_AT_MOST = 5
_SHOWN_CHARACTERS = 60


def add(verbs: common.Verbs) -> None:
    """Add the command."""
    verb = common.add_verb(verbs, "extract", "read records out of files", extract)
    verb.add_argument(
        "files", metavar="FILE", nargs="+", help="a file, a folder, a pattern, or - for stdin"
    )
    add_options(verb)
    verb.add_argument("--csv", metavar="PATH", help="write them as a table, too")
    verb.add_argument(
        "--escape-formulas",
        action="store_true",
        help="in the table, keep spreadsheets from running texts that begin with = + - @",
    )
    verb.add_argument(
        "--bom",
        action="store_true",
        help="begin the table with the mark that Excel needs to read more than English letters",
    )
    common.add_job_options(verb)


def add_options(verb: argparse.ArgumentParser) -> None:
    """Add what can be asked of records."""
    what = verb.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--fields",
        metavar="NAMES",
        help='what to read of each record, such as "name, due: date, amount: number, '
        'state: open|closed, tags: text[]"; types: ' + ", ".join(_KINDS),
    )
    what.add_argument(
        "--schema",
        metavar="TYPE",
        help="the same as a type: MODULE:CLASS or the path of a JSON schema",
    )
    verb.add_argument(
        "--one", action="store_true", help="the files tell of one record, not of many"
    )
    verb.add_argument(
        "--key",
        metavar="NAMES",
        help='fields that tell records apart, such as name,due; "" keeps equal rows apart',
    )
    verb.add_argument("--instructions", help="anything else to ask for")
    verb.add_argument("--chunk-tokens", type=int, metavar="N", help="tokens of source per call")
    common.add_on_gap(verb, "a passage that is refused")
    common.add_model_options(verb)
    common.add_limits(verb)


def asked(arguments: Namespace) -> ExtractOptions:
    """Return what is asked of records."""
    options: ExtractOptions = {
        "engine": inputs.engine(arguments),
        "instructions": arguments.instructions,
        "chunk_tokens": arguments.chunk_tokens,
        "on_gap": cast("OnGap", arguments.on_gap),
    }
    if arguments.key is not None:
        options["key"] = [name.strip() for name in arguments.key.split(",") if name.strip()]
    return options


def extract(arguments: Namespace) -> int:
    """Write the records that were found to stdout, as JSON."""
    schema, options = schema_of(arguments), asked(arguments)
    if arguments.csv is not None:
        common.check_place(arguments.csv)
    sources = [_source(named) for named in arguments.files]
    watch = common.Watch(arguments)
    model = inputs.model(arguments) if arguments.dry_run else None
    with common.opened(arguments, model) as client:
        if arguments.dry_run:
            plan = client.plan(sources, verb="extract", schema=schema, **options)
            return common.show_plan(plan, arguments)
        options["on_event"] = watch.on_event
        with common.told(arguments), watch.running():
            found = client.extract(sources, schema, **options)
    print(found.to_json(indent=2) if arguments.json else found)
    sys.stdout.flush()
    if arguments.csv is not None:
        form = {"escape_formulas": arguments.escape_formulas, "bom": arguments.bom}
        common.written(arguments.csv, lambda path: found.to_csv(path, **form))
    _tell(found, watch.seconds, arguments)
    return common.INCOMPLETE if found.gaps else common.DONE


def read_fields(text: str) -> Any:  # noqa: ANN401 - a type that is made here
    """Return the type of a record with the fields that are named.

    Args:
        text: Names with commas between them, each with a type after a colon where it is no text:
            one of text, number, integer, boolean, date, datetime, time; choices such as
            "open|closed"; a list such as "text[]". Any of them may be missing in a record.

    Raises:
        ArgumentError: A name is empty or stands twice, or a type is unknown.
    """
    from typing_extensions import TypedDict

    fields: dict[str, Any] = {}
    for field in text.split(","):
        name, _, kind = (part.strip() for part in field.partition(":"))
        if not name or name in fields:
            raise ArgumentError(
                f"--fields names {name!r} twice"
                if name
                else f"--fields has an empty name: {text!r}"
            )
        fields[name] = _kind(kind or "text")
    return TypedDict("record", fields)  # type: ignore[operator] # made at run time


def _kind(named: str) -> Any:  # noqa: ANN401 - a type
    """Return the type that a word stands for; a list may be empty, and all else may be missing."""
    if named.endswith("[]"):
        return GenericAlias(list, (_bare(named[:-2].strip()),))
    return Optional[_bare(named)]  # noqa: UP045 - the type is not known here


def _bare(named: str) -> Any:  # noqa: ANN401 - a type
    choices = tuple(choice.strip() for choice in named.split("|"))
    if len(choices) > 1 and all(choices):
        return Literal[choices]
    if named not in _KINDS:
        raise ArgumentError(
            f"--fields has the type {named!r}; there are {', '.join(_KINDS)}, choices such as "
            f"open|closed, and lists such as text[]"
        )
    return _KINDS[named]


def schema_of(arguments: Namespace) -> Any:  # noqa: ANN401 - a type
    """Return the type to look for: a list, unless there is to be one record."""
    if arguments.fields is not None:
        kind = read_fields(arguments.fields)
    else:
        kind = read_schema(arguments.schema)
    is_list = get_origin(unannotated(kind)) is list
    if is_list and arguments.one:
        raise ArgumentError(f"--one is for one record, and {arguments.schema!r} is a list of them")
    return kind if is_list or arguments.one else GenericAlias(list, (kind,))


def _source(named: str) -> Source:
    if named == "-":
        return Document.from_bytes(sys.stdin.buffer.read(), origin="stdin")
    return Path(named)


def _tell(found: Extraction[Any], seconds: float, arguments: Namespace) -> None:
    for gap in found.gaps:
        several = len(found.documents) > 1
        common.tell_gap(gap, found.documents[gap.document_index] if several else "")
    common.tell(found, seconds, arguments)
    if arguments.quiet:
        return
    fields = [
        (f"items[{number}].{field.path}", field)
        for number, item in enumerate(found.items)
        for field in item.fields
    ]
    verdicts = Counter(field.verdict for _, field in fields)
    told = ", ".join(f"{number:,} {verdict}" for verdict, number in verdicts.most_common())
    records = counted(len(found.items), "record")
    common.say(f"{records}, {counted(len(fields), 'value')}{f': {told}' if told else ''}")
    _warn([str(conflict) for conflict in found.conflicts])
    _warn(found.problems)
    _warn([f"{at}: {_weakness(field)}" for at, field in fields if not field.is_supported])


def _weakness(field: ExtractedField) -> str:
    said = json.dumps(field.value, ensure_ascii=False)[:_SHOWN_CHARACTERS]
    if field.verdict == "attributed":
        return f"{said} stands in none of the passages that are quoted for it"
    return f"{said} has no passage that stands behind it"


def _warn(warnings: Sequence[str]) -> None:
    """Tell the first of some warnings, and how many more there are."""
    for warning in warnings[:_TOLD_AT_MOST]:
        common.say(f"warning: {warning}")
    if len(warnings) > _TOLD_AT_MOST:
        common.say(f"warning: and {len(warnings) - _TOLD_AT_MOST:,} more such; see --json")
