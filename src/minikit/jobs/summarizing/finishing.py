"""From the last text to the summary: its length, its claims, its tree, what to warn of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from minikit.calls.pipeline import in_thread
from minikit.errors import BudgetExceededError, CallError, ContextOverflowError
from minikit.jobs.grounds import without_unsupported
from minikit.jobs.provenance import Claim, Node
from minikit.jobs.result import Gap, Place, SummaryWarning
from minikit.jobs.summarizing.checks import check_coverage, check_terms
from minikit.jobs.summarizing.merging import numbered_claims
from minikit.jobs.summarizing.prompts import part_fence, revise_prompt
from minikit.jobs.summarizing.summary import Summary, gaps_of
from minikit.jobs.unread import nothing_supported
from minikit.text.document import Span
from minikit.text.words import count_words
from minikit.tokens.chat import count_tokens

if TYPE_CHECKING:
    from minikit.jobs.grounds import Grounds
    from minikit.jobs.sending import Sender
    from minikit.jobs.summarizing.prepare import Job

__all__ = ["Finisher", "planted"]

TOLERANCE = 0.25
"""A summary is as long as was asked for where it is at most so much longer or shorter."""

SHORTEST_SLACK_WORDS = 5


class Finisher:
    """Makes the summary of one run of a job out of its last text."""

    def __init__(self, job: Job, sender: Sender, grounds: Grounds) -> None:
        self._job = job
        self._sender = sender
        self._grounds = grounds

    async def finished(self, root: Node, leaves: Sequence[Node]) -> Summary:
        """Return the summary that `root` is; `leaves` are those that stand nowhere in it yet."""
        job = self._job
        is_streamed = not job.options.cite and job.plan.strategy != "refine"
        streamed = root.text if is_streamed else ""
        root = await self._shortened(root)
        result = await in_thread(partial(self._grounded, root, leaves))
        self._tell(result.text, streamed)
        return Summary(
            text=result.text,
            document=job.document,
            claims=result.claims,
            tree=result.tree,
            gaps=result.gaps,
            warnings=result.warnings,
            words_asked=job.sizes.words,
            chunk_tokens_asked=job.sizes.source,
            chunk_tokens=job.plan.chunk_tokens,
            **self._sender.engine.bill(),
        )

    def _tell(self, text: str, streamed: str) -> None:
        """Tell a listener of what it has not heard of the text as it was written."""
        if not streamed or not text.startswith(streamed):
            self._sender.tell(text)
        elif text != streamed:
            self._sender.tell(text[len(streamed) :], is_first=False)

    async def _shortened(self, root: Node) -> Node:
        """Ask once for a shorter text where a number of words was asked for and passed by far.

        What was written is kept where that fails, or does not come nearer.
        """
        job = self._job
        asked, written = job.sizes.words, count_words(root.text)
        if isinstance(job.options.length, str) or not _is_too_long(written, asked):
            return root
        place = Place(operation="revise", level=0, span=root.span, redone=True)
        no_quotes = ((),) * len(root.claims)
        text = numbered_claims(root.claims, no_quotes) if root.claims else root.text
        fence = part_fence(text, root.span, len(job.document.text))
        prompt = revise_prompt(fence, words=asked, written=written, options=job.options)
        tokens = await in_thread(partial(count_tokens, prompt, model=job.model))
        try:
            reply = await self._sender.send(
                prompt, place, limit=job.sizes.limit(asked, tokens), tokens=tokens
            )
        except (CallError, BudgetExceededError, ContextOverflowError) as error:
            self._note(f"the summary was not shortened: {error}")
            return root
        text, claims = reply.text, tuple[Claim, ...]()
        if job.options.cite:
            text, claims = await in_thread(partial(self._grounds.kept, text, root.claims))
        if _off(count_words(text), asked) >= _off(written, asked):
            self._note("the summary was not shortened: the shorter text was further off")
            return root
        if _support(claims) < _support(root.claims):
            self._note("the summary was not shortened: the shorter text had lost its quotes")
            return root
        return replace(root, text=text, claims=claims, calls=(*root.calls, reply.call))

    def _note(self, note: str) -> None:
        self._sender.engine.tally.notes[note] = None

    def _grounded(self, root: Node, leaves: Sequence[Node]) -> _Result:
        """Hold the text against the source. CPU-bound."""
        job = self._job
        text, claims = root.text, root.claims
        if not job.options.cite:
            claims = self._grounds.attributed(text)
        elif text and not claims:
            text, claims = self._grounds.kept(text, ())
        dropped = 0
        if job.options.unsupported == "drop":
            before = len(claims)
            text, claims = without_unsupported(text, claims)
            dropped = before - len(claims)
            if before and not claims:
                raise nothing_supported()
        tree = planted(replace(root, text=text, claims=(), span=_whole(job)), leaves)
        gaps = gaps_of(tree)
        told = "\n\n".join([text, *map(_gap_note, gaps)])
        source = job.document.text
        warnings = (
            *_claim_warnings(claims, cited=job.options.cite),
            *_dropped_warnings(dropped, tree),
            *_silence_warnings(tree),
            *check_terms(text, source),
            *check_coverage(claims, len(source)),
            *_length_warnings(count_words(text), job),
            *(SummaryWarning(kind="gap", message=_gap_note(gap)) for gap in gaps),
        )
        return _Result(text=told, claims=claims, tree=tree, gaps=gaps, warnings=warnings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """A text held against its source."""

    text: str
    claims: tuple[Claim, ...]
    tree: Node
    gaps: tuple[Gap, ...]
    warnings: tuple[SummaryWarning, ...]


def planted(root: Node, leaves: Sequence[Node]) -> Node:
    """Put leaves into a tree, each into the lowest section or summary around it, in order."""
    if not leaves:
        return root
    children = list(root.children)
    for index, child in enumerate(children):
        if child.kind == "section":
            inside = [leaf for leaf in leaves if _holds(child.span, leaf.span)]
            children[index] = planted(child, inside)
    sections = [child.span for child in root.children if child.kind == "section"]
    children += (leaf for leaf in leaves if not any(_holds(each, leaf.span) for each in sections))
    return replace(root, children=tuple(sorted(children, key=lambda each: each.span)))


def _holds(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _whole(job: Job) -> Span:
    return Span(0, len(job.document.text))


def _off(written: int, asked: int) -> float:
    """Return how many times too long or too short a text is."""
    return max(written / asked, asked / max(1, written))


def _support(claims: Sequence[Claim]) -> float:
    """Return the share of claims that are supported; 0 where there is none."""
    return sum(claim.is_supported for claim in claims) / max(1, len(claims))


def _is_too_long(written: int, asked: int) -> bool:
    return written > asked * (1 + TOLERANCE) + SHORTEST_SLACK_WORDS


def _gap_note(gap: Gap) -> str:
    return f"[Not read: characters {gap.span.start:,} to {gap.span.end:,} ({gap.reason}).]"


def _length_warnings(written: int, job: Job) -> list[SummaryWarning]:
    asked = job.sizes.words
    is_short = written < asked * (1 - TOLERANCE) - SHORTEST_SLACK_WORDS
    if isinstance(job.options.length, str) or not (is_short or _is_too_long(written, asked)):
        return []
    message = f"{asked:,} words were asked for, and the summary has {written:,}"
    return [SummaryWarning(kind="length", message=message)]


def _claim_warnings(claims: Sequence[Claim], *, cited: bool) -> list[SummaryWarning]:
    if not cited:
        return []
    return [
        SummaryWarning(
            kind="claim",
            message=f"{_DOUBTS[claim.verdict]}: {claim.text}",
            start=claim.start,
            end=claim.end,
        )
        for claim in claims
        if claim.verdict in _DOUBTS
    ]


def _dropped_warnings(dropped: int, tree: Node) -> list[SummaryWarning]:
    """Tell of what was left out with `unsupported="drop"`: in parts, and at the end."""
    below = [node for node in tree.walk() if node.kind in ("partial", "section")]
    unsupported = sum(not claim.is_supported for node in below for claim in node.claims)
    message = (
        f"{dropped} sentences of the summary and {unsupported} of the summaries that it was made "
        f"of were left out, since no quote of theirs stands in the source"
    )
    return [SummaryWarning(kind="claim", message=message)] if dropped else []


def _silence_warnings(tree: Node) -> list[SummaryWarning]:
    """Tell of the parts that the model had nothing to say of."""
    parts = [tree] if not tree.text else tree.walk()
    silent = (node.span for node in parts if node.kind in _WRITTEN and not node.text)
    return [
        SummaryWarning(
            kind="coverage",
            message=f"nothing was said of characters {span.start:,} to {span.end:,}",
        )
        for span in silent
    ]


_WRITTEN = ("summary", "partial")

_DOUBTS = {
    "misattributed": "the quote for this stands in another part of the source than told",
    "spliced": "the quote for this joins what stands apart in the source",
    "fabricated": "the quote for this does not stand in the source",
    "unsupported": "no quote was given for this",
}
