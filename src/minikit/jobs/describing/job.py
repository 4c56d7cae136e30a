"""What a description will take: images that were read and checked, in groups, with a plan."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Unpack, get_origin

from minikit.calls.schema import Schema
from minikit.jobs.describing.description import (
    Asked,
    DescribedImage,
    DescribeOptions,
    DescriptionPlan,
    Options,
)
from minikit.jobs.describing.prompts import Group
from minikit.jobs.describing.sizes import ImageSizes, cheaper, images_usd
from minikit.jobs.unread import BROKEN
from minikit.jobs.verb import Job, Setting, digest_of, planned
from minikit.tokens.image_files import read_images

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikit.models.model import Model
    from minikit.tokens.image_files import Image, ImageSource
    from minikit.tokens.messages import Detail

__all__ = ["DescribeJob", "prepare", "told"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeJob(Job):
    """A planned description.

    Attributes:
        plan: The calls and their cost.
        images: What is looked at.
        groups: The images that each call looks at.
        sizes: What is asked, and the limits of the calls.
        kind: The type of the schema, or None.
        takes_notes: Whether the calls that look take notes, from which one call answers.
    """

    plan: DescriptionPlan
    images: tuple[Image, ...]
    groups: tuple[Group, ...]
    sizes: ImageSizes
    kind: Any
    takes_notes: bool


def prepare(
    image: ImageSource | Sequence[ImageSource],
    question: str | None = None,
    *,
    schema: Any = None,  # noqa: ANN401 - whatever pydantic reads
    model: Model,
    setting: Setting,
    **options: Unpack[DescribeOptions],
) -> DescribeJob:
    """Read the images and plan the calls, without a network. CPU-bound.

    Args:
        image: One image, or several.
        question: What to answer.
        schema: The type of value to read out of the images.
        model: Who is asked.
        setting: What the client allows.
        **options: See `DescribeOptions`.

    Raises:
        SourceError: An image cannot be read, or is none that servers take.
        ArgumentError: An argument cannot be used, or the model sees no images.
        ContextOverflowError: An image, or the notes on all of them, do not fit into the window.
    """
    checked = Options(**options)
    form = None if schema is None else Schema[Any].of(schema)
    asked = Asked(
        question=question, form=None if form is None else json.dumps(form.wire), options=checked
    )
    asked.check_model(model)
    marks_gaps = checked.on_gap == "mark"
    images = read_images(image, keeps_faulty=asked.looks_alone and marks_gaps)

    def at(detail: Detail, *notes: str) -> DescribeJob:
        sizes = ImageSizes(model=model, asked=asked, schema=form, detail=detail)
        return _job(images, sizes, schema, setting, notes)

    job = at(checked.detail)
    most, limit = job.plan.cost_usd_at_most, checked.limit_usd
    is_dear = most is not None and limit is not None and most > limit
    if not is_dear or checked.detail != "auto" or asked.needs_detail:
        return job
    low = at(
        "low",
        f'detail="low" was chosen for the budget of ${limit:f}: small print may be lost in it',
    )
    saves = low.plan.images_usd != job.plan.images_usd  # some models look no less closely
    return low if saves else job


def _job(
    images: tuple[Image, ...],
    sizes: ImageSizes,
    kind: Any,  # noqa: ANN401 - as of `prepare`
    setting: Setting,
    notes: tuple[str, ...],
) -> DescribeJob:
    sound = [image for image in images if image.fault is None]
    groups = tuple(each for each in sizes.groups(images) if each.images[0].fault is None)
    joins = sizes.asked.looks_alone or get_origin(kind) is list
    takes_notes = len(groups) > 1 and not joins
    if takes_notes:
        groups = sizes.groups(images, notes=True)
    model, detail = sizes.model, sizes.detail
    left_out = [f"left out: {image.fault}" for image in images if image.fault is not None]
    dear = cheaper(sound, model, detail)
    plan = replace(
        planned("describe", model, sizes.levels(groups, merges=takes_notes), setting),
        notes=(*left_out, *notes, *([] if dear is None else [dear])),
    )
    asked = (sizes.asked.question, sizes.asked.form, sizes.asked.options.task, sizes.output)
    wishes = (sizes.asked.options.language, sizes.asked.options.instructions, detail)
    return DescribeJob(
        model=model,
        plan=DescriptionPlan(
            **{each.name: getattr(plan, each.name) for each in fields(plan)},
            images=tuple(told(image, sizes) for image in images),
            detail=detail,
            images_usd=images_usd(images, model, detail, tier=setting.tier_for(model)),
        ),
        digest=digest_of("describe", model, (), [each.digest for each in images], asked, wishes),
        images=images,
        groups=groups,
        sizes=sizes,
        kind=kind,
        takes_notes=takes_notes,
    )


def told(
    image: Image, sizes: ImageSizes, *, text: str | None = None, gap: str | None = None
) -> DescribedImage:
    """Tell of an image what a result tells, with its text or its gap."""
    width, height = image.size or (None, None)
    return DescribedImage(
        name=image.name,
        media_type=image.media_type,
        width=width,
        height=height,
        tokens=image.count_tokens(sizes.model, sizes.detail),
        text=text,
        gap=gap if image.fault is None else BROKEN,
    )
