"""A summary made by hand of the topics of Python's own help, with every kind of claim and part."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from pydoc_data.topics import topics
from typing import TYPE_CHECKING

from minikit.jobs.provenance import Citation, Claim, Node, weakest
from minikit.jobs.result import CallRecord, Operation, SummaryWarning
from minikit.jobs.summarizing.summary import Summary, gaps_of
from minikit.models.usage import Usage
from minikit.text.document import Document, Span
from minikit.text.passage import Places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikit.jobs.provenance import Verdict

__all__ = ["BOOK", "SOURCE", "call", "cited", "example", "phrase", "summary_of", "written"]

_NAMES = ("with", "for", "while", "try", "raise")
SOURCE = "\n\n\n".join(f"# The word {name}\n\n{topics[name]}" for name in _NAMES)
BOOK = "\n\n\n".join(topics[name] for name in sorted(topics))


def phrase(text: str, at: int, words: int = 8) -> Span:
    """Return where the first `words` whole words after `at` stand."""
    pattern = r"(?<=\s)\S+" + r"\s+\S+" * (words - 1) + r"(?=\s)"
    found = re.compile(pattern).search(text, at)
    assert found
    return Span(found.start(), found.end())


def cited(
    places: Places,
    *spans: Span,
    verdict: Verdict = "found",
    quote: str | None = None,
    score: float = 100.0,
) -> Citation:
    """Return a citation of some spans; its quote is by default what stands there."""
    passages = places.passages(spans)
    own = " … ".join(" ".join(passage.cited_text.split()) for passage in passages)
    return Citation(
        quote=own if quote is None else quote, passages=passages, verdict=verdict, score=score
    )


def written(sentences: Sequence[tuple[str, tuple[Citation, ...]]]) -> tuple[str, tuple[Claim, ...]]:
    """Join sentences with a space, two to a paragraph; return the text and its claims."""
    text = ""
    claims: list[Claim] = []
    for number, (sentence, citations) in enumerate(sentences):
        text += ("\n\n" if number % 2 == 0 else " ") if number else ""
        start, text = len(text), text + sentence
        claims.append(
            Claim(
                text=sentence,
                start=start,
                end=len(text),
                citations=citations,
                verdict=weakest(citations),
            )
        )
    return text, tuple(claims)


def call(operation: Operation, span: Span, **changes: object) -> CallRecord:
    """Return the record of a call for a stretch of the source."""
    record = CallRecord(
        operation=operation,
        level=0 if operation == "map" else 1,
        span=span,
        model="gpt-4o-mini-2024-07-18",
        usage=Usage(input_tokens=1200, output_tokens=150),
        cost_usd=Decimal("0.00027"),
        finish_reason="stop",
        attempts=1,
        latency_s=1.25,
    )
    return replace(record, **changes)  # type: ignore[arg-type] # its fields, as the test names them


def summary_of(
    document: Document | None,
    text: str,
    claims: tuple[Claim, ...] = (),
    *,
    tree: Node | None = None,
    calls: tuple[CallRecord, ...] = (),
    warnings: tuple[SummaryWarning, ...] = (),
) -> Summary:
    """Return a summary with the figures that follow from its calls."""
    length = len(document.text) if document else 0
    whole = Node(kind="summary", span=Span(0, length), text=text)
    tree = tree or replace(whole, children=(Node(kind="chunk", span=Span(0, length)),))
    return Summary(
        text=text,
        model="gpt-4o-mini",
        document=document,
        claims=claims,
        tree=tree,
        usage=sum((each.usage for each in calls), Usage()),
        cost_usd=sum((each.cost_usd or Decimal(0) for each in calls), Decimal(0)),
        calls=calls,
        words_asked=60,
        chunk_tokens_asked=1000,
        chunk_tokens=1000,
        gaps=gaps_of(tree),
        warnings=warnings,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretches:
    """How the source is cut: two parts, and between them a gap."""

    first: Span
    gap: Span
    last: Span

    @classmethod
    def of(cls, length: int) -> _Stretches:
        left, right = length * 5 // 10, length * 6 // 10
        return cls(first=Span(0, left), gap=Span(left, right), last=Span(right, length))


def example(text: str = SOURCE, title: str | None = "The statements of Python") -> Summary:
    """Return a summary of `text`: five sentences, a tree of four levels, a gap, two warnings."""
    document = Document(text=text, title=title)
    places = Places(document)
    at = _Stretches.of(len(text))
    early = phrase(text, at.first.end // 8)
    later = phrase(text, at.first.end // 2, words=20)
    late = phrase(text, at.last.start + len(at.last) // 2)
    cut = phrase(text, at.last.start + len(at.last) // 4, words=3)
    summary, claims = written(
        [
            ("The first sentence rests on one passage.", (cited(places, early),)),
            (
                "The second one rests on three, of which one was changed.",
                (
                    cited(places, later, verdict="fuzzy", quote="words nearly so", score=93.4),
                    cited(places, late),
                    cited(places, early, cut, verdict="misattributed"),
                ),
            ),
            (
                "The third has 17 quotes that nobody wrote.",
                (cited(places, verdict="fabricated", quote="nobody wrote this", score=21.0),),
            ),
            (
                "The fourth had none, but is like something.",
                (cited(places, late, verdict="attributed", quote="", score=61.0),),
            ),
            ("The fifth rests on nothing.", ()),
        ]
    )
    calls = (
        call("map", at.first, attempts=2),
        call("map", at.last, replayed=True, finish_reason="length"),
        call("merge", Span(0, len(text)), latency_s=2.5),
        call("revise", Span(0, len(text)), redone=True),
    )
    part, part_claims = written([("A part says something.", (cited(places, later),))])
    first = Node(
        kind="partial",
        span=at.first,
        text=part,
        headings=places.headings(early.start),
        claims=part_claims,
        calls=(0,),
        children=(Node(kind="chunk", span=at.first),),
    )
    gap = Node(kind="gap", span=at.gap, reason="content_filter")
    last = Node(kind="partial", span=at.last, text="Another part.", calls=(1,))
    section = Node(kind="section", span=at.first, text="A section.", children=(first,))
    number = summary.index("17")
    return summary_of(
        document,
        summary,
        claims,
        tree=Node(
            kind="summary",
            span=Span(0, len(text)),
            text=summary,
            calls=(2,),
            children=(section, gap, last),
        ),
        calls=calls,
        warnings=(
            SummaryWarning(kind="coverage", message="The middle is missing."),
            SummaryWarning(
                kind="number",
                message="17 does not stand in the source.",
                start=number,
                end=number + 2,
            ),
        ),
    )
