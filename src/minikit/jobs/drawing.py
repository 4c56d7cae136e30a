"""Plans in plain text: the tree of one, and a table of several."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import chain, islice, product
from typing import TYPE_CHECKING

from minikit.jobs.timing import duration
from minikit.text.plain import counted, money, span_of, table, time_text, until_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minikit.jobs.plan import Plan, VerbPlan
    from minikit.text.document import Span

__all__ = ["draw_levels", "draw_notes", "draw_plans", "draw_tree", "likely_text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signs:
    fork: str
    last: str
    beside: str
    more: str
    about: str


_BOXES = _Signs(fork="├─ ", last="└─ ", beside="│  ", more="… {} more …", about="≈")
_ASCII = _Signs(fork="|- ", last="`- ", beside="|  ", more="... {} more ...", about="~")
_BLANK = "   "
_TOLD = "(characters, tokens, headings)"


def draw_tree(plan: Plan, *, lines: int = 24, width: int = 79, encoding: str = "utf-8") -> str:
    """Draw what the summary is made of: its last call, the merges below, the parts of the source.

    Of a part it tells the characters, about how many tokens they are, and the headings it begins
    under. How many merges there will be depends on the replies: drawn are as many as there can be.

    Args:
        plan: What to draw.
        lines: Where there would be more, the middle of long lists is left out, and told as such,
            and then what lies deepest; at least 4.
        width: Longer lines are cut, in cells of a terminal.
        encoding: In what it can be written, such as that of a terminal; the signs are ASCII where
            lines and corners cannot be, and what else cannot be is a question mark.
    """
    tree = _Tree(plan, _BOXES if _has(encoding, _BOXES) else _ASCII)
    room = max(4, lines)
    views = product(range(len(tree.levels) - 1, 0, -1), range(room, 1, -1))
    drawings = (list(islice(tree.lines(depth, most), room + 1)) for depth, most in views)
    drawn = next(drawing for drawing in drawings if len(drawing) <= room)
    return "\n".join(_cut(_printable(line, encoding), width) for line in drawn)


def draw_levels(plan: VerbPlan) -> str:
    """Lay out the calls of a plan level by level, with what they cost and how long they take."""
    rows = [
        [
            level.operation,
            span_of(level.calls_at_least, level.calls_at_most),
            span_of(level.input_tokens_at_least, level.input_tokens_at_most),
            f"up to {level.output_tokens_at_most:,}",
        ]
        for level in plan.levels
    ]
    levels = table(["operation", "calls", "input tokens", "output tokens"], rows)
    return f"{levels}\n\ncost: {_bounds(plan)}\ntime: {_time(plan)}"


def draw_notes(plan: VerbPlan) -> list[str]:
    """Return a line for each note of a plan."""
    return [f"note: {note}" for note in plan.notes]


def _bounds(plan: VerbPlan) -> str:
    if plan.cost_usd_at_most is None:
        return money(None)
    return f"{money(plan.cost_usd_at_least)} to {money(plan.cost_usd_at_most)}"


def _time(plan: VerbPlan) -> str:
    took = duration(plan)
    if took.at_most_s is not None:
        in_turn = any(level.batches_at_least > 1 for level in plan.levels)
        each = "each of the batches one after another" if in_turn else "each level"
        return f"{until_text(took.at_most_s)} in batches, 24 h at most for {each}"
    least, likely = time_text(took.at_least_s), time_text(took.likely_s)
    told = f"likely {likely}" if least == likely else f"likely {likely}, {least} at least"
    limits = [
        f"{counted(limit, noun)} a minute"
        for limit, noun in (
            (plan.requests_per_minute, "request"),
            (plan.tokens_per_minute, "token"),
        )
        if limit
    ]
    side_by_side = any(
        level.operation == "map" or (level.operation == "single" and level.calls_at_most > 1)
        for level in plan.levels
    )
    in_flight = f"{counted(plan.max_concurrency, 'call')} in flight" if side_by_side else ""
    return ", ".join([told, *filter(None, [in_flight, *limits])])


def draw_plans(plans: Sequence[Plan]) -> str:
    """Lay plans of one source for several models side by side; the cheapest of them is marked.

    Tokens are those at most, the cost is that at least and at most, the time is the likely one.
    Cheapest is what costs least at most; a model without a known price is none.
    """
    known = [plan.cost_usd_at_most for plan in plans if plan.cost_usd_at_most is not None]
    cheapest = min(known, default=None) if len(plans) > 1 else None
    head = ["model", "chunks", "calls", "tokens in", "tokens out", "costs", "to", "time"]
    rows = [
        [
            plan.model,
            f"{len(plan.spans):,}",
            span_of(plan.calls_at_least, plan.calls_at_most),
            f"{sum(level.input_tokens_at_most for level in plan.levels):,}",
            f"{sum(level.output_tokens_at_most for level in plan.levels):,}",
            money(plan.cost_usd_at_least, "unknown"),
            money(plan.cost_usd_at_most, "unknown"),
            likely_text(plan),
            "cheapest" if cheapest is not None and plan.cost_usd_at_most == cheapest else "",
        ]
        for plan in plans
    ]
    notes = [f"note: {plan.model}: {note}" for plan in plans for note in plan.notes]
    return "\n".join([table([*head, ""], rows), *notes])


@dataclass(frozen=True, slots=True)
class _View:
    """How much of a tree is drawn: so many levels, and so many nodes below one."""

    depth: int
    most: int

    def left_out(self, first: int, last: int) -> range:
        """Return which of some nodes are left out: those in the middle, unless it is one."""
        middle = range(first + (self.most + 1) // 2, last - self.most // 2)
        return middle if len(middle) > 1 else range(last, last)


def likely_text(plan: VerbPlan) -> str:
    """Write how long a plan likely takes, or in batches at most."""
    took = duration(plan)
    return until_text(took.at_most_s) if took.at_most_s is not None else time_text(took.likely_s)


class _Tree:
    """The tree of a plan, of which a part of it is looked at: there may be 100,000 leaves.

    A level is told by how many nodes it has, from the root down; the nodes of one have the nodes
    of the next in equal shares.
    """

    def __init__(self, plan: Plan, signs: _Signs) -> None:
        self.plan = plan
        self.signs = signs
        merges = [level.calls_at_most for level in plan.levels if level.operation == "merge"]
        self.levels = [1, *reversed(merges[:-1]), len(plan.spans)]
        self.tokens_per_character = plan.document_tokens / max(1, plan.document_characters)
        self.widths = (
            len(f"{len(plan.spans):,}"),
            len(f"{plan.document_characters:,}"),
            len(f"{signs.about}{plan.chunk_tokens:,}"),
        )

    def lines(self, depth: int, most: int) -> Iterator[str]:
        """Yield the lines of so many levels below the root, with at most so many nodes below one.

        One more stands there where a line would else tell that it is left out.
        """
        yield self._root()
        yield from self._below(0, 0, _View(depth, most), "")

    def _below(self, level: int, number: int, view: _View, before: str) -> Iterator[str]:
        if level == view.depth:
            return
        first, last = self._share(level, number, level + 1)
        left_out = view.left_out(first, last)
        for child in chain(range(first, left_out.start), range(left_out.stop, last)):
            if child == left_out.stop and left_out:
                more = self.signs.more.format(f"{len(left_out):,}")
                yield f"{before}{self.signs.beside}{more}"
            is_last = child + 1 == last
            sign = self.signs.last if is_last else self.signs.fork
            yield f"{before}{sign}{self._node(level + 1, child)}"
            under = _BLANK if is_last else self.signs.beside
            yield from self._below(level + 1, child, view, before + under)

    def _share(self, level: int, number: int, below: int) -> tuple[int, int]:
        """Return the first of the nodes below a node, on the level `below`, and the one after."""
        first, last = number, number + 1
        for upper, lower in zip(
            self.levels[level:below], self.levels[level + 1 : below + 1], strict=True
        ):
            first, last = first * lower // upper, last * lower // upper
        return first, last

    def _root(self) -> str:
        if self.plan.strategy == "single":
            return f"summary: one call {_TOLD}"
        parts = counted(len(self.plan.spans), "part")
        if self.plan.strategy == "refine":
            return f"summary: refined over {parts} in turn {_TOLD}"
        merges = f"up to {self.levels[1]:,} merges of " if len(self.levels) > 2 else ""
        return f"summary: merge of {merges}{parts} {_TOLD}"

    def _node(self, level: int, number: int) -> str:
        if level + 1 < len(self.levels):
            first, last = self._share(level, number, len(self.levels) - 1)
            return f"merge {number + 1:,} of parts {first + 1:,} to {last:,}"
        span, path = self.plan.spans[number], self.plan.headings[number]
        cells = (
            f"{number + 1:>{self.widths[0]},}",
            f"{span.start:>{self.widths[1]},} to {span.end:>{self.widths[1]},}",
            f"{self.signs.about}{self._tokens(span):,}".rjust(self.widths[2]),
        )
        return f"{'  '.join(cells)} tokens  {' '.join(' / '.join(path).split())}"

    def _tokens(self, span: Span) -> int:
        """Tell about how many tokens a part has: its share of the source's, by its characters."""
        return min(self.plan.chunk_tokens, round(len(span) * self.tokens_per_character))


def _has(encoding: str, signs: _Signs) -> bool:
    try:
        f"{signs.fork}{signs.last}{signs.beside}{signs.more}{signs.about}".encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _printable(line: str, encoding: str) -> str:
    """Replace what a terminal would obey, as it may stand in a heading, or cannot show."""
    shown = "".join(sign if sign.isprintable() else "?" for sign in line)
    return shown.encode(encoding, "replace").decode(encoding)


def _cut(line: str, width: int) -> str:
    """Cut a line so that it fills `width` cells of a terminal at most."""
    cells = 0
    for at, sign in enumerate(line):
        cells += 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        if cells > width:
            return line[:at].rstrip()
    return line.rstrip()
