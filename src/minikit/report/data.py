"""A summary as the data of its page: plain values, offsets in UTF-16 units."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING

from minikit.errors import ArgumentError
from minikit.report.figures import (
    VERDICTS,
    call_details,
    figures,
    offsets,
    reason,
    title,
    totals,
    verdict_counts,
)
from minikit.report.offsets import Units
from minikit.report.strip import passages_per_bin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikit.jobs.provenance import Citation, Claim, Node
    from minikit.jobs.result import CallRecord, Gap
    from minikit.jobs.summarizing.summary import Summary
    from minikit.text.document import Document
    from minikit.text.passage import Passage

__all__ = ["is_hard_wrapped", "page_data"]

Data = dict[str, object]
"""What JSON has for an object."""

_BINS = 240
_LINE = re.compile(r"[^\n]+")


def page_data(summary: Summary, document: Document) -> Data:
    """Return what the page of `summary` shows.

    Raises:
        ArgumentError: A passage reads differently in `document`, which then is another text.
    """
    evidence = _Evidence(document)
    units = evidence.units
    claims = evidence.add(summary.claims, summary.text)
    cited = len(evidence.places)
    spans = [(units(passage.start), units(passage.end)) for passage in summary.sources]
    tree = _Tree(evidence, summary.calls)
    tree.add(summary.tree)
    return {
        "title": title(summary),
        "figures": [asdict(figure) for figure in figures(summary)],
        "notes": summary.notes,
        "verdicts": {name: asdict(sign) for name, sign in VERDICTS.items()},
        "counts": verdict_counts(claim.verdict for claim in summary.claims),
        "text": summary.text,
        "ownClaims": len(claims),
        "claims": evidence.claims,
        "cited": cited,
        "places": evidence.places,
        "warnings": _warnings(summary),
        "gaps": [_gap(gap, units) for gap in summary.gaps],
        "nodes": tree.nodes,
        "calls": [_call(call) for call in summary.calls],
        "strip": passages_per_bin(spans, units(units.length), _BINS),
        "isWrapped": is_hard_wrapped(document.text),
        "source": document.text,
    }


def is_hard_wrapped(text: str) -> bool:
    """Whether the lines of `text` were broken to a width of 50 to 90 characters.

    Such lines are joined where the page is narrower than they are, or they would break twice.
    """
    lengths = [found.end() - found.start() for found in _LINE.finditer(text)]
    full = sum(50 <= length <= 90 for length in lengths)
    over = sum(length > 90 for length in lengths)
    return len(lengths) >= 20 and 2 * full >= len(lengths) and 100 * over <= len(lengths)


class _Evidence:
    """Claims and the places in the source that they rest on, each place once."""

    def __init__(self, document: Document) -> None:
        self.units = Units(document.text)
        self.claims: list[Data] = []
        self.places: list[Data] = []
        self._document = document
        self._numbers: dict[tuple[int, int], int] = {}

    def add(self, claims: Sequence[Claim], text: str) -> list[int]:
        """Add the claims that `text` makes; return their numbers."""
        first = len(self.claims)
        units = Units(text)
        self.claims.extend(
            {
                "start": units(claim.start),
                "end": units(claim.end),
                "verdict": claim.verdict,
                "citations": [self._citation(each) for each in claim.citations],
            }
            for claim in claims
        )
        return list(range(first, len(self.claims)))

    def _citation(self, citation: Citation) -> Data:
        return {
            "quote": citation.quote,
            "verdict": citation.verdict,
            "score": f"{citation.score:.0f}",
            "places": [self._number(passage) for passage in citation.passages],
        }

    def _number(self, passage: Passage) -> int:
        """Return the number of a place, which it gets when it is first met."""
        key = passage.start, passage.end
        if key not in self._numbers:
            if self._document[passage.span] != passage.cited_text:
                raise ArgumentError(
                    f"the source reads differently at {passage.start}-{passage.end} from what the "
                    f"summary cites: pass the source that was summarized, unchanged"
                )
            self._numbers[key] = len(self.places)
            self.places.append(_place(passage, self.units))
        return self._numbers[key]


class _Tree:
    """The nodes of a tree as a list, from above, in the order of the source."""

    def __init__(self, evidence: _Evidence, calls: Sequence[CallRecord]) -> None:
        self.nodes: list[Data] = []
        self._evidence = evidence
        self._calls = calls

    def add(self, node: Node) -> int:
        """Add a node and what is below it; return its number."""
        number = len(self.nodes)
        self.nodes.append({})
        units = self._evidence.units
        made_by = [at for at in node.calls if at < len(self._calls)]
        self.nodes[number] |= {
            "kind": node.kind,
            "start": units(node.span.start),
            "end": units(node.span.end),
            "headings": node.headings,
            "offsets": offsets(node.span.start, node.span.end, node.page),
            "text": node.text if number else "",  # that of the root is the summary's
            "claims": self._evidence.add(node.claims, node.text) if number else [],
            "calls": made_by,
            "totals": totals([self._calls[at] for at in made_by]) if made_by else None,
            "reason": reason(node.reason) if node.kind == "gap" else "",
            "children": [self.add(child) for child in node.children],
        }
        return number


def _place(passage: Passage, units: Units) -> Data:
    return {
        "start": units(passage.start),
        "end": units(passage.end),
        "headings": passage.headings,
        "offsets": offsets(passage.start, passage.end, passage.page),
    }


def _warnings(summary: Summary) -> list[Data]:
    units = Units(summary.text)
    return [
        {
            "kind": warning.kind,
            "message": warning.message,
            "start": None if warning.start is None else units(warning.start),
            "end": None if warning.end is None else units(warning.end),
        }
        for warning in summary.warnings
    ]


def _gap(gap: Gap, units: Units) -> Data:
    return {
        "start": units(gap.span.start),
        "end": units(gap.span.end),
        "offsets": offsets(gap.span.start, gap.span.end, None),
        "reason": reason(gap.reason),
    }


def _call(call: CallRecord) -> Data:
    return {"details": call_details(call), **totals([call])}
