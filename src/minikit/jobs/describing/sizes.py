"""How large the calls of a description are, and what they cost: plain arithmetic."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from minikit.errors import ContextOverflowError, SourceError
from minikit.jobs.describing.prompts import Group, ask, ask_for_notes, ask_of_notes
from minikit.jobs.material import REASONING_TOKENS
from minikit.jobs.plan import Level
from minikit.models.money import EXACT
from minikit.models.prices import cost_usd
from minikit.models.usage import Usage
from minikit.text.plain import counted, money
from minikit.tokens.chat import count_tokens
from minikit.tokens.counting import count_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from minikit.calls.schema import Schema
    from minikit.jobs.describing.description import Asked
    from minikit.jobs.result import Operation
    from minikit.models.model import Model
    from minikit.tokens.image_files import Image
    from minikit.tokens.messages import Detail

__all__ = ["ImageSizes", "cheaper", "images_usd"]

PER_CALL = {"anthropic": (100, 30_000_000)}
"""Images and bytes of base64 that a provider takes in one call.

Anthropic: 100 for a window of 200,000 tokens, and 32 MB a request
(https://platform.claude.com/docs/en/build-with-claude/vision, read 2026-11-22).
"""

LONGEST_SIDE = {"anthropic": (8_000, 20, 2_000)}
"""Pixels of a side that a provider takes, and in a call with more than so many images.

Anthropic: 8,000, and 2,000 where there are more than 20 (the same guide, read 2026-11-22).
"""

IMAGES_PER_CALL, BYTES_PER_CALL = 500, 40_000_000
"""The same for all others.

OpenAI's guide "Images and vision" allows 1,500 images and 512 MB since 2026-04 (read 2026-11-22),
and 500 and 50 MB before; in 2026-09 the server was still seen to refuse 49 MB of small images.
"""

OUTPUT_TOKENS = {"caption": 600, "text": 4_096, "answer": 1_500, "values": 4_096}
"""Output limits that are ample for most images; where a reply is cut off, it gets more room."""

NOTES_TOKENS = 1_500
"""Of the notes on one group of images."""

LABEL_TOKENS = 8
"""Of the number above an image, at most."""

SLACK_TOKENS = 64
"""Room for the tokens at the seams of a prompt."""

DEAR = 3
"""Another model is named where it looks at the same images for less than a third."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSizes:
    """Sizes of the calls of one job, in tokens.

    Attributes:
        model: Who is asked.
        asked: What is asked.
        schema: What the reply shall be, or None.
        detail: How closely the images are looked at.
    """

    model: Model
    asked: Asked
    schema: Schema[Any] | None
    detail: Detail

    @property
    def output(self) -> int:
        """The output limit of what is asked."""
        options = self.asked.options
        if options.max_output_tokens is not None:
            return options.max_output_tokens
        if self.schema is not None:
            return self._limit(OUTPUT_TOKENS["values"])
        return self._limit(OUTPUT_TOKENS["answer" if self.asked.question else options.task])

    @property
    def notes_output(self) -> int:
        """The output limit of the notes on one group."""
        return self._limit(NOTES_TOKENS)

    def count(self, group: Group, *, notes: bool = False, least: bool = False) -> int:
        """Count the prompt of a call that looks at `group`.

        Args:
            group: What it looks at.
            notes: Whether it is asked for notes.
            least: Whether images at an address are counted as the smallest there are.
        """
        form = 0 if notes else self._form_tokens
        words = (ask_for_notes if notes else ask)(self.asked, group)
        images = (
            each.least_tokens(self.model, self.detail)
            if least
            else each.count_tokens(self.model, self.detail)
            for each in group.images
        )
        return count_tokens(words, model=self.model) + form + sum(images)

    def groups(self, images: Sequence[Image], *, notes: bool = False) -> tuple[Group, ...]:
        """Put images together, as many to a call as fit.

        Raises:
            ContextOverflowError: One image alone is too large for the window.
        """
        total = len(images)
        output = self.notes_output if notes else self.output
        empty = Group(images=(), first=0, total=total)
        room = self.model.room(output) - self.count(empty, notes=notes) - SLACK_TOKENS
        limits = PER_CALL.get(self.model.provider, (IMAGES_PER_CALL, BYTES_PER_CALL))
        at_most, bytes_at_most = (1, 0) if self.asked.looks_alone else limits
        at_most = min(at_most, self._at_most_by_side(images))
        found: list[list[Image]] = []
        tokens = payload = 0
        for image in images:
            needed = image.count_tokens(self.model, self.detail) + LABEL_TOKENS
            self._check_one(image, needed, room)
            tokens, payload = tokens + needed, payload + image.payload_bytes
            is_full = tokens > room or payload > bytes_at_most
            if not found or is_full or len(found[-1]) == at_most:
                found.append([])
                tokens, payload = needed, image.payload_bytes
            found[-1].append(image)
        return _numbered(found, total)

    def levels(self, groups: Sequence[Group], *, merges: bool) -> tuple[Level, ...]:
        """Return what a plan tells of the calls: those that look, and the one that merges.

        Raises:
            ContextOverflowError: The notes on all groups would not fit into one call.
        """
        is_whole = len(groups) == 1 and len(groups[0].images) == groups[0].total
        operation: Operation = "single" if is_whole else "map"
        output = self.notes_output if merges else self.output
        looking = Level(
            operation=operation,
            calls_at_least=len(groups),
            calls_at_most=len(groups),
            input_tokens_at_least=sum(
                self.count(each, notes=merges, least=True) for each in groups
            ),
            input_tokens_at_most=sum(self.count(each, notes=merges) for each in groups),
            output_tokens_at_most=len(groups) * output,
        )
        return (looking, self._merge(groups)) if merges else (looking,)

    def _merge(self, groups: Sequence[Group]) -> Level:
        words = ask_of_notes(self.asked, [(group, "") for group in groups], ())
        least = count_tokens(words, model=self.model) + self._form_tokens
        most = least + len(groups) * (self.notes_output + 1)
        if most > self.model.room(self.output):
            raise ContextOverflowError(
                f"the notes on {counted(sum(len(each.images) for each in groups), 'image')}, up to "
                f"{most:,} tokens, do not fit into one call of {self.model.id!r}: ask about fewer "
                f'at a time, or with detail="low", which fits more images into a call'
            )
        return Level(
            operation="merge",
            calls_at_least=1,
            calls_at_most=1,
            input_tokens_at_least=least,
            input_tokens_at_most=most,
            output_tokens_at_most=self.output,
        )

    def _at_most_by_side(self, images: Sequence[Image]) -> int:
        """Return how many of these images a call takes for the length of their sides."""
        longest, few, side = LONGEST_SIDE.get(self.model.provider, (0, 0, 0))
        if not longest:
            return IMAGES_PER_CALL
        for image in images:
            if max(image.size or (0,)) > longest:
                raise SourceError(
                    f"{image.name!r} has a side of {max(image.size or (0,)):,} pixels, and "
                    f"{self.model.id!r} takes {longest:,} at most: scale it down, for example: "
                    f"magick FILE -resize 2048x2048 small.jpg"
                )
        is_long = any(max(image.size or (0,)) > side for image in images)
        return few if is_long else IMAGES_PER_CALL

    def _check_one(self, image: Image, needed: int, room: int) -> None:
        if needed > room:
            raise ContextOverflowError(
                f"{image.name!r} takes {needed:,} tokens, and {self.model.id!r} has room for "
                f'{max(0, room):,} beside the request and its reply: use detail="low", a smaller '
                f"image or max_output_tokens, or a model with a larger window"
            )

    def _limit(self, tokens: int) -> int:
        thoughts = REASONING_TOKENS if "reasoning" in self.model.supports else 0
        most = min(self.model.max_output_tokens, self.model.context_window // 3)
        return min(tokens + thoughts, max(1, most))

    @property
    def _form_tokens(self) -> int:
        if self.schema is None:
            return 0
        return count_text(json.dumps(self.schema.response_format()), self.model.encoding)


def images_usd(
    images: Sequence[Image], model: Model, detail: Detail, *, tier: str = "default"
) -> Decimal | None:
    """Return what the images alone cost; None where the model's price is unknown."""
    token_usd = cost_usd(model, Usage(input_tokens=1), tier=tier)
    tokens = sum(image.count_tokens(model, detail) for image in images)
    return None if token_usd is None else EXACT.multiply(token_usd, tokens)


def cheaper(images: Sequence[Image], model: Model, detail: Detail) -> str | None:
    """Name the model of the same provider that looks at these images for much less, if one does.

    It is one that does not shut down before `model`.
    """
    from minikit.models.catalog import catalog

    own_usd = images_usd(images, model, detail)
    others = [each for each in catalog().values() if _may_stand_for(model, each)]
    priced = [(usd, each) for each in others if (usd := images_usd(images, each, detail))]
    usd, other = min(priced, key=lambda pair: pair[0], default=(None, model))
    if not own_usd or usd is None or usd * DEAR >= own_usd:
        return None
    tokens, fewer = (
        sum(image.count_tokens(each, detail) for image in images) for each in (model, other)
    )
    at_most = "at most " if any(image.size is None for image in images) else ""
    return (
        f"{model.id} counts {counted(len(images), 'image')} as {at_most}{tokens:,} input tokens, "
        f"{money(own_usd)}; {other.id} as {fewer:,}, {money(usd)}"
    )


def _may_stand_for(model: Model, other: Model) -> bool:
    is_alike = other.provider == model.provider and other.id != model.id
    if not (is_alike and "vision" in other.supports and other.image_rule):
        return False
    if other.shutdown_date is None:
        return True
    return model.shutdown_date is not None and other.shutdown_date >= model.shutdown_date


def _numbered(found: Sequence[Sequence[Image]], total: int) -> tuple[Group, ...]:
    groups: list[Group] = []
    first = 0
    for images in found:
        groups.append(Group(images=tuple(images), first=first, total=total))
        first += len(images)
    return tuple(groups)
