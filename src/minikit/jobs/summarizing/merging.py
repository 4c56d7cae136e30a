"""Merging partial summaries, level by level, until one is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from minikit.calls.pipeline import in_thread
from minikit.errors import BadReplyError, BudgetExceededError, JournalError
from minikit.jobs.concurrently import concurrently
from minikit.jobs.material import part_heading
from minikit.jobs.points import numbered, unmarked
from minikit.jobs.provenance import Claim, Node
from minikit.jobs.result import Place
from minikit.jobs.summarizing.prompts import merge_prompt, part_fence
from minikit.text.document import Span
from minikit.text.split import split
from minikit.tokens.chat import count_tokens
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from minikit.jobs.grounds import Grounds
    from minikit.jobs.sending import Sender
    from minikit.jobs.summarizing.prepare import Job

__all__ = ["Merger", "Part", "numbered_claims", "plain_quotes"]

HIGHEST_NUMBER = 10_000
"""Numbers of points are counted as if they had so many digits."""

CHARACTERS_PER_TOKEN = 4
"""Of English; what is too long for another language is left out when it is counted."""

DOUBTFUL = "(its quote was not found)"
QUOTE_WORDS_AT_MOST = 40
"""Of a quote beside a point; its place in the source is known, and so is the rest of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A partial summary as it goes into a merge.

    Attributes:
        node: What it is.
        claims: Its points, in order, if it has any.
        quotes: Of each point, else of the whole: what is quoted from the source.
        fence_heading: The heading that its fence tells.
        length: Characters of the source.
        tokens: Of the fenced text, at most.
    """

    node: Node
    claims: tuple[Claim, ...] = ()
    quotes: tuple[tuple[str, ...], ...] = ()
    fence_heading: str = ""
    length: int
    tokens: int = 0

    def fenced(self, first: int) -> str:
        """Return the part as it stands in a prompt, its points numbered from `first`."""
        if self.claims:
            text = numbered_claims(self.claims, self.quotes, first)
        else:
            text = "\n".join([unmarked(self.node.text), *map(_indented, self.quotes[0])])
        return part_fence(text, self.node.span, self.length, self.fence_heading)


def numbered_claims(
    claims: Sequence[Claim], quotes: Sequence[Sequence[str]], first: int = 1
) -> str:
    """Return claims as numbered lines, each with its quotes beneath it."""
    lines = list[str]()
    for number, (claim, quoted) in enumerate(zip(claims, quotes, strict=True), first):
        doubt = "" if claim.is_supported else f" {DOUBTFUL}"
        lines += [numbered(number, claim.text) + doubt, *map(_indented, quoted)]
    return "\n".join(lines)


def plain_quotes(job: Job, grounds: Grounds, text: str, span: Span) -> list[str]:
    """Return what the source says to a partial summary without claims, as much as has room."""
    room = job.sizes.evidence(job.output)
    return grounds.evidence(text, span, max_characters=CHARACTERS_PER_TOKEN * room)


def _indented(quote: str) -> str:
    return f"  “{unmarked(quote)}”"


class Merger:
    """Merges the partial summaries of one run of a job."""

    def __init__(self, job: Job, sender: Sender, grounds: Grounds, *, unread: int) -> None:
        self._job = job
        self._sender = sender
        self._grounds = grounds
        self._unread = unread
        self._stopped: BudgetExceededError | JournalError | None = None

    async def merged(self, nodes: Sequence[Node]) -> Node | None:
        """Merge `nodes`, each call as full as the window allows; None where nothing is left to say.

        Raises:
            BadReplyError: The model does not make summaries shorter.
            BudgetExceededError: The budget does not allow the next call.
        """
        parts = await in_thread(partial(self._parts, nodes))
        level = 1
        while len(groups := self._groups(parts)) > 1:
            merged = await concurrently(
                partial(self._merge_group, level=level),
                groups,
                limit=self._sender.engine.max_concurrency,
            )
            if self._stopped:
                raise self._stopped
            fewer = await in_thread(partial(self._parts, merged))
            if len(fewer) >= len(parts):
                raise BadReplyError(f"{self._job.model.id!r} does not make summaries shorter")
            parts, level = fewer, level + 1
        return await self._merge(groups[0], level=level, is_last=True) if groups else None

    def _groups(self, parts: Sequence[Part]) -> list[list[Part]]:
        """Fill merges in order; only the last group can hold a single summary."""
        groups: list[list[Part]] = []
        room = 0
        for each in parts:
            if each.tokens > room:
                groups.append([])
                room = self._job.sizes.merge_input
            groups[-1].append(each)
            room -= each.tokens
        return groups

    async def _merge_group(self, group: list[Part], *, level: int) -> Node:
        if len(group) == 1 or self._stopped:
            return group[0].node
        try:
            return await self._merge(group, level=level, is_last=False)
        except (BudgetExceededError, JournalError) as error:
            self._stopped = error  # no more are sent, and those in flight are not given up
            return group[0].node

    async def _merge(self, group: list[Part], *, level: int, is_last: bool) -> Node:
        job = self._job
        words = job.sizes.words if is_last else job.reading.words
        span = Span(group[0].node.span.start, group[-1].node.span.end)
        prompt = merge_prompt(
            _numbered(group), words=words, final=is_last, unread=self._unread, options=job.options
        )
        tokens = await in_thread(partial(count_tokens, prompt, model=job.model))
        written = await self._sender.send_whole(
            prompt,
            Place(operation="merge", level=level, span=span),
            limit=job.sizes.limit(words, tokens) if is_last else job.output,
            tokens=tokens,
            is_last=is_last and not job.options.cite,
        )
        text, claims = written.text, tuple[Claim, ...]()
        if job.options.cite:
            known = [claim for part in group for claim in part.claims]
            text, claims = await in_thread(partial(self._grounds.kept, text, known))
        first = group[0].node
        return Node(
            kind="summary" if is_last else "section",
            span=span,
            text=text,
            headings=first.headings,
            page=first.page,
            claims=claims,
            calls=(written.call,),
            children=tuple(part.node for part in group),
        )

    def _parts(self, nodes: Sequence[Node]) -> list[Part]:
        """Return `nodes` as they go into a merge, in pieces such that two fit into one."""
        return [
            part for node in nodes for piece in self._pieces(node) if (part := self._part(piece))
        ]

    def _part(self, node: Node) -> Part | None:
        """Return `node` with its quotes; None where none of what it says may be kept."""
        job, claims = self._job, node.claims
        if job.options.unsupported == "drop":
            claims = tuple(claim for claim in claims if claim.is_supported)
        if not node.text or (job.options.unsupported == "drop" and not claims):
            return None
        room = job.sizes.evidence(job.output)
        part = Part(
            node=node,
            claims=claims,
            quotes=((),) * max(1, len(claims)),
            fence_heading=part_heading(node.headings, job.model),
            length=len(job.document.text),
        )
        if claims:
            return self._with_tokens(part, self._cited_quotes(claims, part))
        quotes = plain_quotes(job, self._grounds, node.text, node.span)
        return self._with_tokens(part, (self._within(quotes, room),))

    def _with_tokens(self, part: Part, quotes: tuple[tuple[str, ...], ...]) -> Part:
        full = replace(part, quotes=quotes)
        return replace(full, tokens=self._count(full.fenced(HIGHEST_NUMBER)))

    def _cited_quotes(self, claims: Sequence[Claim], bare: Part) -> tuple[tuple[str, ...], ...]:
        """Return the quotes beside each claim, as far as there is room."""
        job = self._job
        room = job.output + job.sizes.evidence(job.output) + job.sizes.fence_at_most
        room -= self._count(bare.fenced(HIGHEST_NUMBER))
        chosen = list[tuple[str, ...]]()
        for claim in claims:
            quote = _short_quote(claim)
            tokens = self._count(_indented(quote)) + 1 if quote else 0
            fits = quote and tokens <= room
            room -= tokens if fits else 0
            chosen.append((quote,) if fits else ())
        return tuple(chosen)

    def _within(self, quotes: Sequence[str], room: int) -> tuple[str, ...]:
        kept = list[str]()
        for quote in quotes:
            room -= self._count(_indented(quote)) + 1
            if room >= 0:
                kept.append(quote)
        return tuple(kept)

    def _pieces(self, node: Node) -> list[Node]:
        """Cut what is too long for two to fit into a merge, as a server may ignore the limit."""
        sizes = self._job.sizes
        most = sizes.merge_input // 2 - sizes.fence_at_most - sizes.evidence(self._job.output)
        bare = numbered_claims(node.claims, ((),) * len(node.claims), HIGHEST_NUMBER)
        if self._count(bare if node.claims else node.text) <= most:
            return [node]
        if len(node.claims) > 1:
            return [piece for half in _halves(node) for piece in self._pieces(half)]
        first, *others = split(node.text, most, model=self._job.model)
        return [
            replace(node, text=first.text, claims=()),
            *(replace(node, text=each.text, claims=(), children=()) for each in others),
        ]

    def _count(self, text: str) -> int:
        return count_text(text, self._job.model.encoding)


def _numbered(group: Sequence[Part]) -> list[str]:
    """Return the fenced parts of a merge, their points numbered through."""
    fenced, first = list[str](), 1
    for part in group:
        fenced.append(part.fenced(first))
        first += len(part.claims)
    return fenced


def _halves(node: Node) -> tuple[Node, Node]:
    """Cut a node between two of its claims."""
    middle = len(node.claims) // 2
    cut = node.claims[middle].start
    moved = (
        replace(each, start=each.start - cut, end=each.end - cut) for each in node.claims[middle:]
    )
    return (
        replace(node, text=node.text[:cut], claims=node.claims[:middle]),
        replace(node, text=node.text[cut:], claims=tuple(moved), children=()),
    )


def _short_quote(claim: Claim) -> str:
    """Return the first quote that was found, shortened, where it says more than the claim."""
    quotes = (each.cited_text for each in claim.citations if each.passages)
    words = next(quotes, "").split()
    quote = " ".join(words[:QUOTE_WORDS_AT_MOST])
    return "" if quote == " ".join(claim.text.split()) else quote
