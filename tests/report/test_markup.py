"""Text in markup stays text."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re

from hypothesis import given

from minikit.report.markup import escaped, json_for_html, sha256_source
from strategies import texts


def utf16(text: str) -> bytes:
    """Return `text` as JavaScript holds it."""
    return text.encode("utf-16-le", "surrogatepass")


@given(texts())
def test_json_comes_back_as_it_was(text: str) -> None:
    """Any text is read back unit by unit, from legal UTF-8 that holds no markup."""
    written = json_for_html({"text": text})
    assert utf16(json.loads(written.encode())["text"]) == utf16(text)
    assert re.search("[<>&\u2028\u2029]", written) is None


@given(texts())
def test_escaped_text_holds_no_markup_and_no_control_characters(text: str) -> None:
    """Any text becomes legal UTF-8 without markup; all but control characters comes back."""
    shown = escaped(text)
    assert shown.encode().decode() == shown
    assert (
        re.search("[<>\"'\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff]", shown)
        is None
    )
    pictures = re.compile(
        "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff\u2400-\u2421\ufffd]"
    )
    assert pictures.sub("", html.unescape(shown)) == pictures.sub("", text)


def test_a_control_character_becomes_its_picture() -> None:
    """NUL, DEL, a C1 control, a lone surrogate and an override are seen; white space stays."""
    assert escaped("\0\x7f\x85\ud800\u202e\t\r\n") == "␀␡���\t\r\n"


def test_the_hash_is_that_of_the_bytes() -> None:
    """A source in a policy is the base64 of the sha256 of the UTF-8."""
    digest = base64.b64encode(hashlib.sha256("é".encode()).digest()).decode()
    assert sha256_source("é") == f"'sha256-{digest}'"
