"""Text in markup, so that it stays text."""

from __future__ import annotations

import html
import re

__all__ = ["escaped", "json_for_html", "sha256_source"]

_UNSAFE_IN_SCRIPT = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
# A control character has a picture (U+2400 and up). C1 controls, surrogates and the two signs that
# turn the order of letters whatever their script (U+202D and U+202E) have none.
_VISIBLE = (
    {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"}
    | {0x7F: 0x2421}
    | dict.fromkeys([*range(0x80, 0xA0), 0x202D, 0x202E, *range(0xD800, 0xE000)], 0xFFFD)
)


def escaped(text: str) -> str:
    """Return any text as HTML that shows it, within an element or a quoted attribute.

    Control characters become their pictures, and lone surrogates and overrides of the direction
    U+FFFD, so that the result is legal HTML in UTF-8 and reads in its own order.
    """
    return html.escape(text.translate(_VISIBLE))


def json_for_html(value: object) -> str:
    """Return `value` as JSON that can stand in a `<script>`: nothing in it can end the element.

    Lone surrogates are written as escapes, which JavaScript reads back as they were.
    """
    import json

    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _UNSAFE_IN_SCRIPT.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def sha256_source(content: str) -> str:
    """Return how a Content-Security-Policy allows the one inline style or script `content`.

    Source: https://www.w3.org/TR/CSP3/#grammardef-hash-source, read 2026-11-22.
    """
    import base64
    import hashlib

    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
