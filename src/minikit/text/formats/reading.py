"""Which format a file has, and reading it into segments."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from minikit.errors import SourceError
from minikit.text.formats.markdown import read_markdown
from minikit.text.formats.messages import read_json
from minikit.text.formats.paragraphs import read_text
from minikit.text.formats.po import read_po
from minikit.text.formats.segments import Format, Segmented
from minikit.text.formats.subtitles import read_srt, read_vtt

if TYPE_CHECKING:
    from minikit.text.document import Document
    from minikit.text.languages import Language

__all__ = ["AnyFormat", "format_of", "read_segments"]

AnyFormat = Literal["auto", Format]

_SUFFIXES: dict[str, Format] = {
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".mdown": "markdown",
    ".mkd": "markdown",
    ".mdx": "markdown",
    ".qmd": "markdown",
    ".rmd": "markdown",
    ".srt": "srt",
    ".vtt": "vtt",
    ".po": "po",
    ".pot": "po",
    ".json": "json",
    ".arb": "json",
}
_SHAPES: tuple[tuple[Format, re.Pattern[str]], ...] = (
    ("vtt", re.compile(r"\ufeff?WEBVTT(?:[ \t][^\n]*)?(?:[\r\n]|\Z)")),
    ("srt", re.compile(r"\ufeff?\s*(?:\d+[ \t]*[\r\n]+[ \t]*)?\d+:\d+(?::\d+)?[,.]\d+[ \t]*-->")),
    ("po", re.compile(r'\ufeff?(?:[ \t]*(?:#[^\r\n]*)?[\r\n])*+msg(?:id|ctxt)[ \t]*"')),
    ("json", re.compile(r'\ufeff?\s*(?:\[\s*)?+\{\s*"(?:[^"\\]|\\.)*+"\s*:')),
)
_MARKDOWN = re.compile(r"^(?:#{1,6} \S|```|[^\n|]*\]\(\S+\))", re.MULTILINE)
# As plain text, the keys and the markup of these would be translated too.
_STRANGE = re.compile(
    r"\.(?:ya?ml|toml|ini|properties|strings|stringsdict|xcstrings|xliff|xlf|ts|resx|xml|ftl|ass|ssa"
    r"|csv|tsv|jsonl|rst|tex|adoc|typ)"
)
_CUES = "the source has no cue: one begins with a line of times such as {}"


def format_of(document: Document, asked: AnyFormat) -> Format:
    """Return the format of a document: what was asked for, else by its name, else by its shape.

    What has none of these shapes is Markdown where it has a heading, a link or a block of code
    as Markdown writes them, and plain text otherwise.

    Raises:
        SourceError: Its name tells a format that is none of these.
    """
    if asked != "auto":
        return asked
    name = document.origin or document.title or ""
    suffix = PurePath(name).suffix.lower()
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    if _STRANGE.fullmatch(suffix):
        raise SourceError(
            f"{name!r} is in a format that translate does not know, and as plain text its keys and "
            "its markup would be translated too: convert it to JSON, PO or Markdown, or say "
            'format="text"'
        )
    for shape, form in _SHAPES:
        if form.match(document.text):
            return shape
    return "markdown" if _MARKDOWN.search(document.text) else "text"


def read_segments(
    document: Document,
    format: Format,  # noqa: A002 - the word for it
    language: Language,
    *,
    again: bool = False,
) -> Segmented:
    """Read a document into segments, as the reader of its format says.

    Raises:
        SourceError: The document does not have the format.
        ArgumentError: It is a catalogue of another language.
    """
    text = document.text
    if format == "po":
        return read_po(text, language, again=again)
    if format == "json":
        return read_json(text, language)
    readers = {
        "text": read_text,
        "markdown": read_markdown,
        "srt": read_srt,
        "vtt": read_vtt,
    }
    read = readers[format](text)
    if format in ("srt", "vtt") and text.strip() and "->" not in text:
        example = "00:00:01,000 --> 00:00:04,000" if format == "srt" else "00:01.000 --> 00:04.000"
        raise SourceError(_CUES.format(example))
    return read
