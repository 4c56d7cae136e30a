"""Whether a translation is faithful in form: placeholders, tags, lines, terms; not its meaning."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from minikit.text import icu
from minikit.text.formats.markdown import links
from minikit.text.formats.segments import Format, Segment
from minikit.text.glossary import is_rendered, occurring
from minikit.text.languages import Language
from minikit.text.placeholders import Syntax, placeholders, spans

__all__ = ["SYNTAXES", "Fault", "FaultKind", "check"]

FaultKind = Literal[
    "placeholder", "tag", "structure", "empty", "entity", "lines", "untranslated", "glossary"
]

SYNTAXES: dict[Format, Syntax] = {
    "text": "prose",
    "markdown": "markdown",
    "srt": "cue",
    "vtt": "cue",
    "po": "ui",
    "json": "ui",
}
"""What the placeholders of a format look like."""

_FATAL = frozenset({"placeholder", "tag", "structure", "empty"})
_TAG = re.compile(r"<(/?)([A-Za-z][\w.-]*|\d+)[^<>]*?(/?)>")
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track"}
    | {"wbr", "v"}  # the last is the voice of WebVTT
)
# Quotation marks, apostrophes, dashes and spaces: each language has its own.
_TYPOGRAPHY = re.compile(
    r"&(?:quot|apos|#0?39|#x27|#34|[lr][sd]quo|[bs]dquo|sbquo|[lr]s?aquo|[mn]dash|nbsp|#160|#xa0"
    r"|[en]msp|e[nm]sp|thinsp|hellip|shy|middot);",
    re.IGNORECASE,
)
_PRINTF = re.compile(r"%(?![\d(%])[^%]*[A-Za-z@]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_ENOUGH_WORDS = 3
_TOGETHER = {"CJK": ("CJK", "HIRAGANA", "KATAKANA")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that is wrong with a translation.

    Attributes:
        kind: "placeholder" (lost, added, changed or in an order that a program would not take),
            "tag" (not closed as before), "structure" (a message, a cue or a link that would not be
            read as one), "empty"; or "entity", "lines" (of a cue), "untranslated", "glossary".
        message: What it is, in words.
    """

    kind: FaultKind
    message: str

    @property
    def is_fatal(self) -> bool:
        """Whether the translation would break the file or a program that reads it."""
        return self.kind in _FATAL

    def __str__(self) -> str:
        return self.message


def check(
    segment: Segment,
    translation: str,
    format: Format,  # noqa: A002 - the word for it
    *,
    language: Language,
    source: Language | None = None,
    glossary: Mapping[str, str] | None = None,
) -> list[Fault]:
    """Return what is wrong with the form of a translation; [] where nothing is.

    Args:
        segment: What was to be translated.
        translation: What came of it, with its white space as in the source.
        format: Of the file.
        language: Into which it was translated.
        source: From which, where that is known; between variants of one language, such as
            American and British English, a text may stay as it is.
        glossary: Terms and their translations; those that occur are looked for.
    """
    if not translation.strip():
        return [Fault(kind="empty", message="the translation is empty")]
    syntax = SYNTAXES[format]
    message = icu.parse(segment.text) if syntax == "ui" and icu.is_icu(segment.text) else None
    if message is not None:
        faults = list(_icu(message, translation, language))
    else:
        faults = list(_kept(segment, translation, syntax))
    faults += _broken(segment, translation)
    if syntax == "markdown" and not faults:
        faults += _unlinked(segment.text, translation)
    if source is None or source.base != language.base:
        faults += _untranslated(segment, translation, syntax, language)
    texts = (segment.text, translation)
    if message is None:  # else words stand within its braces
        texts = (_words(texts[0], syntax, segment.fixed), _words(texts[1], syntax, segment.fixed))
    return [*faults, *_terms(*texts, glossary or {})]


def _broken(segment: Segment, translation: str) -> Iterator[Fault]:
    """Look for what would not be read as it was: tags that cross, a cue with too many lines."""
    if _nested(segment.text) and not _nested(translation):
        yield Fault(kind="tag", message="its tags do not close in the order in which they open")
    if segment.kind != "cue":
        return
    if "-->" in translation and "-->" not in segment.text:
        yield Fault(kind="structure", message='"-->" in the text of a cue would end it')
    lines, given = segment.text.count("\n") + 1, translation.count("\n") + 1
    if lines != given:
        yield Fault(kind="lines", message=f"the cue has {lines} lines, its translation {given}")


def _unlinked(source: str, translation: str) -> Iterator[Fault]:
    """Look for links whose address is there, but not as Markdown reads one."""
    for address in links(source) - links(translation):
        yield Fault(kind="structure", message=f"the link to {address!r} is broken")


def _icu(message: icu.Message, translation: str, language: Language) -> Iterator[Fault]:
    after = icu.parse(translation)
    if after is None:
        yield Fault(kind="structure", message="its braces do not close as in an ICU message")
        return
    for told in icu.compare(message, after, language.plurals.categories):
        yield Fault(kind="structure", message=f"the ICU message is not as it was: {told}")


def _kept(segment: Segment, translation: str, syntax: Syntax) -> Iterator[Fault]:
    """Compare the placeholders with those of the segment, or of its other text."""
    found = list(_compared(segment.text, translation, syntax, segment.fixed))
    if found and segment.other is not None:
        other = list(_compared(segment.other, translation, syntax, segment.fixed))
        found = other and found
    yield from found


def _compared(
    source: str, translation: str, syntax: Syntax, fixed: tuple[str, ...]
) -> Iterator[Fault]:
    before = placeholders(source, syntax, fixed)
    after = placeholders(translation, syntax, fixed)
    # How often each stands in either text is counted in the same way, so that what follows an
    # address without a space does not hide it.
    lost = [each for each in dict.fromkeys(before) if translation.count(each) < source.count(each)]
    added = [each for each in dict.fromkeys(after) if translation.count(each) > source.count(each)]
    for told, each in [
        *(("lost or changed", each) for each in lost),
        *(("added", each) for each in added),
    ]:
        if not _TYPOGRAPHY.fullmatch(each):
            yield Fault(kind=_kind(each), message=f"{each!r} was {told}")
    if syntax == "ui" and not lost and not added and _ordered(before) != _ordered(after):
        told = " ".join(_ordered(before))
        yield Fault(kind="placeholder", message=f"{told} must stay in this order")


def _ordered(found: list[str]) -> list[str]:
    """Return the placeholders that a program fills by their order."""
    return [each for each in found if _PRINTF.fullmatch(each)]


def _kind(placeholder: str) -> FaultKind:
    if placeholder.startswith("&"):
        return "entity"
    return "tag" if placeholder.startswith("<") else "placeholder"


def _nested(text: str) -> bool:
    """Whether the tags of `text` close in the order in which they open."""
    stack: list[str] = []
    for closing, name, empty in _TAG.findall(text):
        folded = name.casefold()
        if empty or folded in _VOID:
            continue
        if not closing:
            stack.append(folded)
        elif not stack or stack.pop() != folded:
            return False
    return not stack


def _untranslated(
    segment: Segment, translation: str, syntax: Syntax, language: Language
) -> Iterator[Fault]:
    """Look for a text of three words or more that stayed, or has no letter of the script."""
    text = _words(segment.text, syntax, segment.fixed)
    if len(_WORD.findall(text)) < _ENOUGH_WORDS:
        return
    same = segment.text.casefold() == translation.casefold()
    if same or (language.script and not _has_script(translation, language.script)):
        yield Fault(kind="untranslated", message=f"the text seems not to be in {language.name}")


def _words(text: str, syntax: Syntax, fixed: tuple[str, ...]) -> str:
    """Return a text without its placeholders."""
    words: list[str] = []
    position = 0
    for start, end in spans(text, syntax, fixed):
        words.append(text[position:start])
        position = end
    return " ".join([*words, text[position:]])


def _has_script(text: str, script: str) -> bool:
    scripts = _TOGETHER.get(script, script)
    return any(unicodedata.name(sign, "").startswith(scripts) for sign in text)


def _terms(text: str, translation: str, glossary: Mapping[str, str]) -> Iterator[Fault]:
    for term in occurring(text, glossary):
        if not is_rendered(glossary[term], translation):
            message = f"{term!r} is not translated as {glossary[term]!r}"
            yield Fault(kind="glossary", message=message)
