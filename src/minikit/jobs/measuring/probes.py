"""The questions of a test with needles: the texts, what is asked of them, and what that takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from minikit.calls.request import Request
from minikit.errors import ArgumentError, ContextOverflowError
from minikit.jobs.material import REASONING_TOKENS
from minikit.jobs.measuring.contenders import SYSTEM
from minikit.jobs.measuring.needles import NeedleProbe
from minikit.jobs.measuring.several import joined_plan
from minikit.jobs.planning import plan_of
from minikit.jobs.verb import exact_level, planned
from minikit.text.document import Document
from minikit.text.fence import fence
from minikit.text.haystack import written
from minikit.text.needles import is_answered, make_needles
from minikit.text.planting import planted

if TYPE_CHECKING:
    from minikit.errors import MinikitError
    from minikit.jobs.measuring.needles import NeedleStrategy
    from minikit.jobs.measuring.several import SeveralPlan
    from minikit.jobs.plan import VerbPlan
    from minikit.jobs.verb import Setting
    from minikit.models.model import Model
    from minikit.text.planting import Hidden

__all__ = ["Probe", "Trial", "how", "outcome", "output_tokens"]

Way = Literal["ask", "summarize"]

REPLY_TOKENS = 100
"""Room for a sentence in whatever language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One question about one needle in one text.

    Attributes:
        strategy: How it is asked.
        length: Tokens of the text that were wanted.
        document: The text.
        hidden: The needle in it.
        plan: What the question takes.
    """

    strategy: NeedleStrategy
    length: int
    document: Document
    hidden: Hidden
    plan: VerbPlan

    def request(self, model: Model) -> Request:
        """Return the call that it is where one call reads the whole text."""
        tokens = self.plan.levels[0].input_tokens_at_most
        return _request(self.document, self.hidden, model, tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A test with needles, whose texts are made by `probes`.

    Attributes:
        document: What to hide needles in; None is for a text that is made up.
        model: Who is asked.
        setting: What the client allows.
        strategies: How it is asked.
        lengths: Tokens of the texts, ascending.
        depths: Where the needles are, ascending.
        needles: Needles for each length and depth, each in a text of its own.
        seed: What needles, and a text that is made up, are made from.
    """

    document: Document | None
    model: Model
    setting: Setting
    strategies: Sequence[NeedleStrategy]
    lengths: Sequence[int]
    depths: Sequence[float]
    needles: int
    seed: int

    def probes(self) -> list[Probe]:
        """Make the texts and the questions: by strategy, then length, then text. CPU-bound.

        Raises:
            SourceError: The text is blank.
            ArgumentError: The needles do not fit into a text, or a text not into the window.
        """
        if "single" in self.strategies and max(self.lengths) > self.model.input_limit:
            raise self._too_long(max(self.lengths))  # before such a text is made
        texts = self._texts()
        return [
            self._probe(strategy, length, document, hidden)
            for strategy in self.strategies
            for length, each in texts
            for document, hidden in each
        ]

    def plan(self, probes: Sequence[Probe]) -> SeveralPlan:
        """Return what `probes` take, by strategy and length."""
        groups: dict[tuple[str, int], list[VerbPlan]] = {}
        for probe in probes:
            groups.setdefault((probe.strategy, probe.length), []).append(probe.plan)
        named = [
            (f"{strategy}, {length:,} tokens", self._joined([("", plan) for plan in plans]))
            for (strategy, length), plans in groups.items()
        ]
        return self._joined(named)

    def _joined(self, named: Sequence[tuple[str, VerbPlan]]) -> SeveralPlan:
        return joined_plan(
            "needle",
            self.model.id,
            named,
            self.setting,
            characters=max(plan.document_characters for _, plan in named),
            tokens=max(plan.document_tokens for _, plan in named),
        )

    def _texts(self) -> list[tuple[int, list[tuple[Document, Hidden]]]]:
        """Return for each length the needles, each with its text; one text has one a depth."""
        source = self.document
        base = written(max(self.lengths), self.seed) if source is None else source.text
        each = len(self.depths)
        needles = make_needles(self.needles * each, seed=self.seed, text=base)
        texts: list[tuple[int, list[tuple[Document, Hidden]]]] = []
        for length in self.lengths:
            hidden: list[tuple[Document, Hidden]] = []
            for first in range(0, len(needles), each):
                result = planted(
                    base,
                    needles[first : first + each],
                    self.depths,
                    tokens=length,
                    encoding=self.model.encoding,
                )
                document = Document(text=result.text, title=source.title if source else None)
                hidden += [(document, needle) for needle in result.needles]
            texts.append((length, hidden))
        return texts

    def _probe(
        self, strategy: NeedleStrategy, length: int, document: Document, hidden: Hidden
    ) -> Probe:
        verb, options = how(strategy, hidden.needle.question)
        if verb is None:
            plan = self._single_plan(length, document, hidden)
        else:
            plan = plan_of(verb, document, model=self.model, setting=self.setting, **options)
        return Probe(strategy=strategy, length=length, document=document, hidden=hidden, plan=plan)

    def _too_long(self, length: int) -> ArgumentError:
        return ArgumentError(
            f"a text of {length} tokens does not fit into one prompt of {self.model.id!r}, whose "
            f"window has {self.model.context_window}: choose shorter lengths, or the strategies "
            f"'ask', 'thorough' or 'summarize', which take any length"
        )

    def _single_plan(self, length: int, document: Document, hidden: Hidden) -> VerbPlan:
        request = _request(document, hidden, self.model)
        try:
            tokens = request.check_fit()
        except ContextOverflowError as error:
            raise self._too_long(length) from error
        output = request.reserved_output_tokens
        return planned(
            "needle",
            self.model,
            [exact_level("single", [tokens], output)],
            self.setting,
            document_characters=len(document.text),
            document_tokens=length,
        )


def how(strategy: NeedleStrategy, question: str) -> tuple[Way | None, dict[str, Any]]:
    """Return the verb that asks `question` by a strategy, and its options; None is a call."""
    if strategy == "single":
        return None, {}
    if strategy == "summarize":
        return "summarize", {"focus": question, "length": "short"}
    return "ask", {"question": question, "thorough": strategy == "thorough"}


def outcome(probe: Probe, reply: str | None, error: MinikitError | None = None) -> NeedleProbe:
    """Return what came of a question: a reply, or an error."""
    needle = probe.hidden.needle
    return NeedleProbe(
        position=probe.hidden.position,
        fact=needle.fact,
        question=needle.question,
        answer=needle.answer,
        reply=reply,
        found=reply is not None and is_answered(needle, reply),
        error=None if error is None else str(error),
    )


def output_tokens(model: Model) -> int:
    """Return the limit of a reply to a question."""
    thoughts = REASONING_TOKENS if "reasoning" in model.supports else 0
    return min(REPLY_TOKENS + thoughts, model.max_output_tokens)


def _request(
    document: Document, hidden: Hidden, model: Model, tokens: int | None = None
) -> Request:
    question = hidden.needle.question
    asked = f"{fence(document.text)}\n\nAnswer from the document, in one sentence: {question}"
    request = Request.of(asked, system=SYSTEM, model=model, max_output_tokens=output_tokens(model))
    return replace(request, known_input_tokens=tokens)
