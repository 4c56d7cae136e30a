"""The header of a gettext catalogue: its language, its plural forms, and its encoding."""

from __future__ import annotations

import re

from minikit.errors import ArgumentError
from minikit.text.formats.po_entries import Entry
from minikit.text.languages import Language, read_language
from minikit.text.plurals import Plurals

__all__ = ["changed_header", "checked_plurals"]

_FORMS = re.compile(r"nplurals\s*=\s*([1-9]\d?)\s*;\s*plural\s*=\s*([^;]+?)\s*;?")
_CHARSET = re.compile(r"charset=\S+")
_LOCALES = {"zh-Hans": "zh_CN", "zh-Hant": "zh_TW", "sr-Latn": "sr@latin", "sr-Cyrl": "sr"}


def checked_plurals(header: Entry | None, language: Language, *, has_translations: bool) -> Plurals:
    """Return the plural forms of a catalogue: its own, where they are for `language`.

    Args:
        header: Its header, if it has one.
        language: Into which it is translated.
        has_translations: Whether there are some that stay.

    Raises:
        ArgumentError: The catalogue has translations into another language.
    """
    text = "" if header is None else header.texts["msgstr"]
    told = _language(text)
    if told is not None and told.base != language.base:
        if has_translations:
            raise ArgumentError(
                f"the catalogue holds translations into {told}, not {language}: "
                "take its template (.pot), or replace them all with retranslate"
            )
        return language.plurals
    found = _FORMS.fullmatch(_field(text, "Plural-Forms"))
    if found is None or (told is None and not has_translations):
        return language.plurals
    return Plurals(forms=int(found[1]), rule=found[2])


def changed_header(header: Entry, language: Language, plurals: Plurals) -> str | None:
    """Return a header that tells the language, its plural forms and UTF-8; None if it does."""
    text = before = header.texts["msgstr"]
    told = _language(text)
    if told is None or told.base != language.base:
        text = _with_field(text, "Language", _locale(language))
    found = _FORMS.fullmatch(_field(text, "Plural-Forms"))
    if found is None or (int(found[1]), found[2]) != (plurals.forms, plurals.rule):
        text = _with_field(text, "Plural-Forms", str(plurals))
    kind = _field(text, "Content-Type") or "text/plain; charset=UTF-8"
    if "utf-8" not in kind.lower():
        kind = _CHARSET.sub("charset=UTF-8", kind)
    text = _with_field(text, "Content-Type", kind)
    return None if text == before and not header.is_fuzzy else text


def _language(header: str) -> Language | None:
    """Return the language that a header tells, if it is one of the table."""
    try:
        return read_language(_field(header, "Language").partition("@")[0])
    except ArgumentError:
        return None


def _locale(language: Language) -> str:
    return _LOCALES.get(language.code, language.code.replace("-", "_"))


def _form(name: str) -> re.Pattern[str]:
    return re.compile(rf"^{name}:[ \t]*(.*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)


def _field(header: str, name: str) -> str:
    found = _form(name).search(header)
    return found[1] if found else ""


def _with_field(header: str, name: str, value: str) -> str:
    line = f"{name}: {value}"
    form = _form(name)
    if form.search(header):
        return form.sub(lambda _: line, header, count=1)
    ends = not header or header.endswith("\n")
    return f"{header if ends else header + chr(10)}{line}\n"
