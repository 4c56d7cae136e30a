"""What can be asked of images, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from minikit.calls.batching.settings import Sending
from minikit.checks import check_choice, check_text, check_whole
from minikit.errors import ArgumentError
from minikit.jobs.drawing import draw_levels, draw_notes
from minikit.jobs.plan import VerbPlan
from minikit.jobs.result import Progress, Result
from minikit.jobs.verb import CheckedOptions, JobOptions, OnGap, options_of
from minikit.text.plain import counted, money
from minikit.tokens.image_formats import MediaType
from minikit.tokens.messages import Detail

if TYPE_CHECKING:
    from minikit.models.model import Model

__all__ = [
    "Asked",
    "DescribeOptions",
    "DescribedImage",
    "Description",
    "DescriptionPlan",
    "Options",
    "Task",
]

T = TypeVar("T")

Task = Literal["caption", "text"]


class DescribeOptions(JobOptions, total=False):
    """Options of `describe`, `adescribe` and the client's methods of these names.

    Attributes:
        task: What to do where nothing is asked: "caption" (the default: say what the image shows)
            or "text" (write down all text in it, word for word, and nothing else).
        detail: How closely the model looks: "low" (at 512 x 512 pixels, cheap, blind to small
            print), "high", or "auto" (the default: as the server does, which is counted as "high";
            "low" where `budget_usd` allows no more, but never to read text or to fill a schema).
        language: Language of the reply, such as "French"; default: that of the question. What
            `task="text"` writes down stays in its own.
        instructions: Anything else to ask for, in your own words.
        max_output_tokens: Limit of each reply; one that reaches it is an error. Default: ample for
            what is asked, and where that is not enough, once more with all the room there is.
        on_gap: What to do about an image that cannot be looked at, where others can: "mark" it in
            `Description.gaps` (the default) or "raise" an error, of a file that is no image before
            anything is sent.
        engine: How calls travel: "local" (the default), one by one from this machine; or "batch",
            or a `Batch`, on the Batch API: half the price, and within a day for each level of the
            plan.
        budget_usd: US dollars that this job may cost, such as "0.50", beside the client's budget. A
            call that could pass it is not sent, and the error carries what the others brought.
        on_event: Called with a `Progress` after each call. From the synchronous client it runs
            in the client's own thread. An exception in it warns and is dropped.
    """

    task: Task
    detail: Detail
    language: str | None
    instructions: str | None
    max_output_tokens: int | None
    on_gap: OnGap
    engine: Sending
    budget_usd: str | int | Decimal | None
    on_event: Callable[[Progress], None] | None


@options_of("describe")
@dataclass(frozen=True, slots=True, kw_only=True)
class Options(CheckedOptions):
    """`DescribeOptions` with defaults, checked."""

    task: Task = "caption"
    detail: Detail = "auto"
    language: str | None = None
    instructions: str | None = None
    max_output_tokens: int | None = None
    on_gap: OnGap = "mark"

    def __post_init__(self) -> None:
        CheckedOptions.__post_init__(self)
        check_choice("task", self.task, Task)
        check_choice("detail", self.detail, Detail)
        check_choice("on_gap", self.on_gap, OnGap)
        check_text("language", self.language)
        check_text("instructions", self.instructions)
        if self.max_output_tokens is not None:
            check_whole("max_output_tokens", self.max_output_tokens, 1)
        if self.task == "text" and self.language is not None:
            raise ArgumentError(
                f"task='text' keeps the words of the image, and language={self.language!r} would "
                f"change them: leave one of them out, or translate() the text"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of images.

    Attributes:
        question: What to answer, or None.
        form: The JSON of the schema to fill, or None.
        options: The rest.
    """

    question: str | None
    form: str | None
    options: Options

    def __post_init__(self) -> None:
        check_text("question", self.question)
        other = "question" if self.question is not None else "schema"
        if self.options.task == "text" and not self.looks_alone:
            raise ArgumentError(
                f"task='text' writes all text down, and a {other} asks for something else: leave "
                f"one of them out"
            )

    @property
    def looks_alone(self) -> bool:
        """Whether each image is described by itself: nothing is asked about all together."""
        return self.question is None and self.form is None

    @property
    def needs_detail(self) -> bool:
        """Whether an image of low detail would give wrong words or figures rather than fewer."""
        return self.options.task == "text" or self.form is not None

    def check_model(self, model: Model) -> None:
        """Raise ArgumentError where the model cannot do it."""
        if "vision" not in model.supports:
            raise ArgumentError(f"the model {model.id!r} sees no images: {_another(model)}")
        limit = self.options.max_output_tokens
        if limit is not None:
            check_whole("max_output_tokens", limit, 1, model.max_output_tokens)


def _another(model: Model) -> str:
    """Say which models see images, or how to say so of one's own."""
    from minikit.models.catalog import catalog

    if model.provider == "custom":
        return 'where it does, say so in its Model: supports={"vision", ...} and an image_rule'
    seeing = (each for each in catalog().values() if "vision" in each.supports and each.image_rule)
    left = [
        each.id for each in seeing if not (each.shutdown_date and each.shutdown_date < _today())
    ]
    key = "set OPENAI_API_KEY or " if model.provider == "offline" else ""
    return f"{key}choose another model, such as {', '.join(left)}"


def _today() -> date:
    return datetime.now(UTC).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedImage:
    """One of the images of a description.

    Attributes:
        name: Its path, its address without a query, or "image 3".
        media_type: Its format by its header, such as "image/png"; None at an address.
        width: In pixels; None at an address.
        height: In pixels; None at an address.
        tokens: Input tokens that it is counted as; at an address the most that an image can take.
        text: What the model wrote of it alone; None where the images were looked at together.
        gap: Why it could not be looked at, such as "refusal"; else None.
    """

    name: str
    media_type: MediaType | None
    width: int | None
    height: int | None
    tokens: int
    text: str | None = None
    gap: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Description(Result, Generic[T]):
    """What a model says of images. `str(description)` is the text.

    Attributes:
        text: The reply: a caption, the text in the image, an answer, or the JSON of `parsed`; ""
            where an image has no text. Of several images that were described one by one, their
            texts under their numbers and names.
        question: What was asked, or None.
        parsed: The value that was asked for with a schema, else None. From JSON it comes back as
            plain lists and dicts.
        images: The images, in order.
        detail: How closely they were looked at.
    """

    text: str
    question: str | None
    parsed: T
    images: tuple[DescribedImage, ...]
    detail: Detail

    def __str__(self) -> str:
        return self.text

    @property
    def gaps(self) -> tuple[DescribedImage, ...]:
        """The images that could not be looked at."""
        return tuple(image for image in self.images if image.gap is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriptionPlan(VerbPlan):
    """The plan of a description. `str(plan)` is a table.

    Attributes:
        images: The images, with the tokens of each.
        detail: How closely they will be looked at.
        images_usd: US dollars of the images alone; None when the model's price is unknown.
    """

    images: tuple[DescribedImage, ...]
    detail: Detail
    images_usd: Decimal | None

    def __str__(self) -> str:
        tokens = sum(image.tokens for image in self.images)
        sound = sum(image.gap is None for image in self.images)
        told = f"{counted(sound, 'image')} of {tokens:,} tokens"
        lines = [f'images: {told}, {money(self.images_usd)}, detail "{self.detail}"']
        return "\n".join([draw_levels(self), *lines, *draw_notes(self)])
