"""What a template over rows will take, counted row by row."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from minikit.errors import ArgumentError
from minikit.jobs.plan import Level, VerbPlan
from minikit.jobs.verb import Setting, planned
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from minikit.calls.request import Request
    from minikit.calls.schema import Schema
    from minikit.jobs.completing.rows import Record
    from minikit.text.fields import FieldText

__all__ = ["ManyPlan", "RowCounts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyPlan(VerbPlan):
    """The plan of `complete_many`; of rows that can be read only once it knows nothing.

    Attributes:
        rows: How many there are, or None where they can be read only once.
        rows_unusable: Those of them that cannot be sent: they lack a field, cannot be read, or do
            not fit into the window.
    """

    rows: int | None
    rows_unusable: int

    def __str__(self) -> str:
        if self.rows is None:
            return "unknown: the rows can be read only once"
        drawn = VerbPlan.__str__(self)
        if self.rows_unusable:
            drawn += f"\nrows that cannot be sent: {self.rows_unusable:,} of {self.rows:,}"
        return drawn


class RowCounts:
    """Adds up what rows will take; `digest` is that of all rows."""

    def __init__(self, text: FieldText, schema: Schema[Any] | None, request: Request) -> None:
        self.digest = hashlib.sha256()
        self._text = text
        self._request = request
        self._schema_tokens = 0
        if schema is not None:  # as it is sent to servers that take it; others are told in words
            form = json.dumps(schema.response_format())
            self._schema_tokens = count_text(form, request.model.encoding)
        # Messages are counted one by one, so that a long system prompt is counted once.
        (prompt,) = request.messages[-1].texts
        self._base = request.count_input_tokens() - self._count(prompt)
        self._rows = self._unusable = self._tokens = self._characters = 0

    def see(self, record: Record) -> None:
        """Count a row."""
        told = json.dumps(record.row, default=str).encode()
        self.digest.update(told + b"\n")
        self._rows += 1
        try:
            if record.error is not None:
                raise record.error
            prompt = self._text.filled(record.row)
            tokens = self._base + self._count(prompt)
            replace(self._request, known_input_tokens=tokens).check_fit()
        except ArgumentError:  # the row's outcome will tell
            self._unusable += 1
            return
        self._tokens += tokens
        self._characters += len(prompt)

    def plan(self, verb: str, total: int | None, setting: Setting) -> ManyPlan:
        """Return the plan of the rows that were seen."""
        calls = self._rows - self._unusable
        level = Level(
            operation="map",
            calls_at_least=calls,
            calls_at_most=calls,
            input_tokens_at_least=self._tokens,
            input_tokens_at_most=self._tokens + calls * self._schema_tokens,
            output_tokens_at_most=calls * self._request.reserved_output_tokens,
        )
        made = planned(
            verb,
            self._request.model,
            [level] if calls else [],
            setting,
            document_characters=self._characters,
            document_tokens=self._tokens - calls * self._base,
        )
        told = {each.name: getattr(made, each.name) for each in fields(made)}
        if total is None:
            told |= {"cost_usd_at_least": None, "cost_usd_at_most": None}
        return ManyPlan(**told, rows=total, rows_unusable=self._unusable)

    def _count(self, prompt: str) -> int:
        return count_text(prompt, self._request.model.encoding)
