"""What can be asked, and what its calls will be; nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, Unpack, cast

from minikit.calls.batching.settings import Sending
from minikit.checks import check_choice, check_flag, check_text, check_whole
from minikit.errors import ArgumentError, ContextOverflowError, SourceError
from minikit.jobs.answering.answer import Answer
from minikit.jobs.answering.prompts import (
    ANSWER_FORMAT,
    Asked,
    Packer,
    earlier_fences,
    evenly,
    fence_of,
    fence_tokens,
)
from minikit.jobs.answering.shelf import Atlas
from minikit.jobs.material import (
    READ_TOKENS_AT_FINEST,
    READ_TOKENS_AT_MOST,
    REASONING_TOKENS,
    SLACK_TOKENS,
    form_tokens,
)
from minikit.jobs.parts import SourcePart, cut
from minikit.jobs.plan import Level
from minikit.jobs.verb import (
    CheckedOptions,
    Job,
    JobOptions,
    OnGap,
    Setting,
    digest_of,
    exact_level,
    options_of,
    planned,
)
from minikit.text.document import Document, Sources, Span, documents, notes_of
from minikit.text.retrieval import PassageIndex, Ranked, edges_first
from minikit.tokens.chat import count_tokens
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from minikit.jobs.result import Operation, Progress
    from minikit.models.model import Model
    from minikit.tokens.messages import Message

__all__ = ["AskJob", "AskOptions", "Way", "prepare", "rank"]

Way = Literal["single", "passages", "thorough"]

DETAIL = 0.25
"""How much of the room is filled, as the default `detail` of a summary does: of a window filled to
the brim, the middle is read worst."""

ANSWER_TOKENS = 1_500
"""Room for an answer with its quotes, or for the quotes from a chunk; what needs more is asked for
again with all the room there is, or in halves."""

EARLIER_SHARE = 8
"""Earlier answers take an eighth of the room at most."""

ROOM_AT_LEAST = 128


class AskOptions(JobOptions, total=False):
    """Options of `ask`, `aask` and the client's methods of this name.

    Attributes:
        thorough: Whether every chunk of documents too long for one call is read, and what it says
            is quoted before the answer is written. Without it (the default) the passages are read
            that match the question best: one call, whatever the length.
        history: Earlier answers that the question follows, the latest last. Their questions help to
            find passages, and what fits of them stands in the prompt.
        language: Language of the answer, such as "French"; default: that of the question.
        instructions: Anything else to ask for, in your own words.
        chunk_tokens: Tokens of the documents per call at most; default: about 47,000 for a window
            of 128,000.
        on_gap: What to do about a passage that a filter refuses: "mark" it in `Answer.gaps` (the
            default) or "raise" JobError.
        engine: How calls travel: "local" (the default), one by one from this machine; or "batch",
            or a `Batch`, on the Batch API: half the price, and within a day for each level of the
            plan.
        budget_usd: US dollars that this job may cost, such as "0.50", beside the client's budget. A
            call that could pass it is not sent, and the error carries what the others brought.
        on_event: Called with a `Progress` after each call. From the synchronous client it runs
            in the client's own thread. An exception in it warns and is dropped.
    """

    thorough: bool
    history: Sequence[Answer]
    language: str | None
    instructions: str | None
    chunk_tokens: int | None
    on_gap: OnGap
    engine: Sending
    budget_usd: str | int | Decimal | None
    on_event: Callable[[Progress], None] | None


@options_of("ask")
@dataclass(frozen=True, slots=True, kw_only=True)
class _Options(CheckedOptions):
    """`AskOptions` with defaults, checked."""

    thorough: bool = False
    history: Sequence[Answer] = ()
    language: str | None = None
    instructions: str | None = None
    chunk_tokens: int | None = None
    on_gap: OnGap = "mark"

    def __post_init__(self) -> None:
        CheckedOptions.__post_init__(self)
        check_flag("thorough", self.thorough)
        check_text("language", self.language)
        check_text("instructions", self.instructions)
        check_choice("on_gap", self.on_gap, OnGap)
        if self.chunk_tokens is not None:
            check_whole("chunk_tokens", self.chunk_tokens, 1)
        history = cast("object", self.history)
        if not isinstance(history, Sequence):
            raise ArgumentError(f"history is a list of Answer, not {type(history).__name__}")
        for each in cast("Sequence[object]", history):
            if not isinstance(each, Answer):
                raise ArgumentError(f"history is a list of Answer, not of {type(each).__name__}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskJob(Job):
    """A question with all that is needed to answer it.

    Attributes:
        options: How it is asked.
        asked: The question as it stands in the prompts.
        earlier: The questions before it, the latest last.
        way: How the documents are read.
        documents: What is read.
        atlas: Where their headings and pages are.
        parts: The passages of the one call, the best first, or the chunks in order.
        packer: Packs passages into one call.
        matches: Whether a word of the question stands in the documents; True where all are read.
        output: Output limit of each call.
        form: The form of an answer; None where the model takes none.
    """

    options: _Options
    asked: Asked
    earlier: tuple[str, ...]
    way: Way
    documents: tuple[Document, ...]
    atlas: Atlas
    parts: tuple[SourcePart, ...]
    packer: Packer
    matches: bool
    output: int
    form: dict[str, Any] | None

    def fences(self, parts: Sequence[SourcePart]) -> list[str]:
        """Return parts as they stand in a prompt."""
        return [fence_of(part, self.atlas, self.model) for part in parts]

    def material(self, parts: Sequence[SourcePart]) -> list[str]:
        """Return what an answer is written from: documents in order, the best passages outside."""
        return _in_order(self.way, self.fences(parts))


def prepare(
    source: Sources,
    question: str,
    *,
    model: Model,
    setting: Setting,
    **options: Unpack[AskOptions],
) -> AskJob:
    """Plan the answer to a question. CPU-bound; linear in the length of the documents.

    Args:
        source: What to read.
        question: What to answer.
        model: Who is asked.
        setting: What the client allows.
        **options: See `AskOptions`.

    Raises:
        ArgumentError: The question or an option cannot be used.
        SourceError: A source cannot be read, or there is nothing in any of them.
        ContextOverflowError: The window is too small for the request.
    """
    checked = _Options(**options)
    if not isinstance(cast("object", question), str) or not question.strip():
        raise ArgumentError(f"question is a text with more than white space, not {question!r}")
    read = documents(source)
    if not any(document.text.strip() for document in read):
        raise SourceError(f"{_named(read)} empty; there is nothing to answer from")
    return _Planning(read, question, model, checked).job(setting)


class _Planning:
    """Works out the calls for one question."""

    def __init__(
        self, read: tuple[Document, ...], question: str, model: Model, options: _Options
    ) -> None:
        self.documents = read
        self.question = question
        self.model = model
        self.options = options
        self.atlas = Atlas(read)
        self.form = ANSWER_FORMAT if _takes_form(model) else None
        self.output = _output(model)
        self.tokens = sum(count_text(document.text, model.encoding) for document in read)
        bare = Asked(
            question=question, language=options.language, instructions=options.instructions
        )
        room = self._room(bare)
        earlier = earlier_fences(options.history, room // EARLIER_SHARE, model)
        self.asked = Asked(
            question=question,
            earlier=earlier,
            language=options.language,
            instructions=options.instructions,
        )
        room = self._room(self.asked) if earlier else room
        self.packer = Packer(documents=read, atlas=self.atlas, room=self._wanted(room), model=model)

    @property
    def earlier(self) -> tuple[str, ...]:
        return tuple(answer.question for answer in self.options.history)

    def job(self, setting: Setting) -> AskJob:
        way, parts, matches = self._reading()
        asked, options = self.asked, self.options
        digest = digest_of(
            "ask",
            self.model,
            self.documents,
            [self.question, options.language, options.instructions, options.chunk_tokens],
            [options.thorough, *asked.earlier],
        )
        return AskJob(
            model=self.model,
            digest=digest,
            plan=planned(
                "ask",
                self.model,
                self._levels(way, parts),
                setting,
                document_characters=sum(len(each.text) for each in self.documents),
                document_tokens=self.tokens,
            ),
            options=options,
            asked=asked,
            earlier=self.earlier,
            way=way,
            documents=self.documents,
            atlas=self.atlas,
            parts=parts,
            packer=self.packer,
            matches=matches,
            output=self.output,
            form=self.form,
            notes=notes_of(self.documents),
        )

    def _reading(self) -> tuple[Way, tuple[SourcePart, ...], bool]:
        """Return how the documents are read: all at once, by passages, or by chunks."""
        fence = fence_tokens(self.documents, self.model)
        filled = [
            SourcePart(document=document, document_index=index, span=Span(0, len(document.text)))
            for index, document in enumerate(self.documents)
            if document.text.strip()
        ]
        room = self.packer.room
        if self.tokens + fence * len(filled) <= room:
            return "single", tuple(filled), True
        if self.options.thorough:
            return "thorough", cut(self.documents, max(1, room - fence), self.model), True
        ranked = PassageIndex(self.documents).rank(self.question, earlier=self.earlier)
        if ranked[0].score > 0:
            return "passages", self.packer.packed(ranked), True
        return "passages", self.packer.packed(evenly(ranked)), False

    def _levels(self, way: Way, parts: Sequence[SourcePart]) -> list[Level]:
        fences = [fence_of(part, self.atlas, self.model) for part in parts]
        if way != "thorough":
            whole = self.asked.to_answer(_in_order(way, fences))
            return [self._level("single" if way == "single" else "answer", [whole])]
        prompts = [self.asked.for_evidence([fence]) for fence in fences]
        answer = Level(
            operation="answer",
            calls_at_least=0,
            calls_at_most=1,
            input_tokens_at_least=0,
            input_tokens_at_most=self.packer.room + self._overhead(self.asked),
            output_tokens_at_most=self.output,
        )
        return [self._level("map", prompts), answer]

    def _level(self, operation: Operation, prompts: Sequence[tuple[Message, ...]]) -> Level:
        """Return a level of calls whose prompts are known; what a form adds is known at most."""
        tokens = sum(count_tokens(prompt, model=self.model) for prompt in prompts)
        forms = len(prompts) * form_tokens(self.form, self.model)
        level = exact_level(operation, [0] * len(prompts), self.output)
        return replace(level, input_tokens_at_least=tokens, input_tokens_at_most=tokens + forms)

    def _overhead(self, asked: Asked) -> int:
        """Return the tokens of a prompt without its material, at most."""
        prompts = asked.to_answer([]), asked.for_evidence([])
        longest = max(count_tokens(prompt, model=self.model) for prompt in prompts)
        return longest + form_tokens(self.form, self.model) + SLACK_TOKENS

    def _room(self, asked: Asked) -> int:
        """Return the tokens of material that fit into a call."""
        overhead = self._overhead(asked)
        room = self.model.room(self.output) - overhead
        if room < ROOM_AT_LEAST:
            raise ContextOverflowError(
                f"{self.model.id!r} has room for {self.model.room(self.output)} tokens beside the "
                f"answer, {overhead} of them taken by the request itself; shorten the question or "
                f"the instructions, or choose a larger window"
            )
        return room

    def _wanted(self, room: int) -> int:
        """Return how much of the room is filled."""
        wanted = self.options.chunk_tokens
        if wanted is None:
            most, finest = min(room, READ_TOKENS_AT_MOST), min(room, READ_TOKENS_AT_FINEST)
            return int(most ** (1 - DETAIL) * finest**DETAIL)
        if not ROOM_AT_LEAST <= wanted <= room:
            raise ArgumentError(
                f"chunk_tokens={wanted!r} is out of range: {ROOM_AT_LEAST} to {room}, which fit "
                f"beside the request and the answer"
            )
        return wanted


def rank(job: AskJob) -> list[Ranked]:
    """Return all passages of the documents, those that match the question best first."""
    return PassageIndex(job.documents).rank(job.asked.question, earlier=job.earlier)


def _named(read: Sequence[Document]) -> str:
    names = [repr(name) for each in read if (name := each.title or each.origin) is not None]
    return f"the source {names[0]} is" if len(names) == len(read) == 1 else "the source is"


def _in_order(way: Way, fences: Sequence[str]) -> list[str]:
    """Leave documents as they are; of passages, the best stand at the edges."""
    return list(fences) if way == "single" else edges_first(fences)


def _takes_form(model: Model) -> bool:
    return model.provider == "offline" or "json_schema" in model.supports


def _output(model: Model) -> int:
    thoughts = REASONING_TOKENS if "reasoning" in model.supports else 0
    wanted = min(ANSWER_TOKENS, model.context_window // 4) + thoughts
    return min(wanted, model.max_output_tokens)
