"""Say what images show: captions, the text in them, answers, values of a schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikit.errors import CallError, RefusalError, RequestRejectedError, SourceError
from minikit.jobs.describing.description import DescribeOptions, Description
from minikit.jobs.describing.job import DescribeJob, prepare, told
from minikit.jobs.describing.looking import Looker, Seen
from minikit.jobs.describing.prompts import NO_TEXT, Group
from minikit.jobs.engine import Exit, Kept
from minikit.jobs.mapping import Mapper
from minikit.jobs.unread import BROKEN
from minikit.text.plain import counted

if TYPE_CHECKING:
    from minikit.calls.pipeline import Pipeline
    from minikit.calls.structured import Forms

__all__ = ["DescribeJob", "DescribeOptions", "Description", "prepare", "run"]


async def run(job: DescribeJob, pipeline: Pipeline, forms: Forms) -> Description[Any]:
    """Make the calls of `job` and return the description. Cancellation ends those in flight.

    Args:
        job: What to do.
        pipeline: What sends the calls.
        forms: What is known of the forms that servers take.

    Raises:
        CallError: The only call, or the first of several, failed for good.
        JobError: A later one did; it carries what the others brought.
        BudgetExceededError: The budget does not allow the next call; it carries what is done.
        SourceError: The only image is not what was measured any more.
    """
    try:
        return await _Run(job, pipeline, forms).description()
    except Exit as left:
        raise left.error from None


class _Run:
    """One run of a job, and what it has brought so far."""

    def __init__(self, job: DescribeJob, pipeline: Pipeline, forms: Forms) -> None:
        self.job = job
        self.engine = job.engine(pipeline, job.sizes.asked.options)
        self.engine.tally.notes.update(dict.fromkeys(job.plan.notes))
        self.looker = Looker(job.sizes, self.engine, forms)
        self.mapper = Mapper[Group, Seen](self.engine, self._look, Group.halves, self._leave_out)
        self.gaps = {at: BROKEN for at, each in enumerate(job.images) if each.fault is not None}

    async def description(self) -> Description[Any]:
        groups = self.job.groups
        async with self.engine.keeping(self._kept, self.mapper.errors.values):
            if len(groups) == 1 and not self.gaps:
                return self._result(await self.looker.look(groups[0], "single"))
            await self.mapper.read_all(groups)
            return self._result(await self._merged())

    async def _look(self, group: Group) -> Seen:
        try:
            if self.job.takes_notes:
                return await self.looker.take_notes(group)
            return await self.looker.look(group, "map")
        except SourceError as error:  # of one image, and the others are still there
            raise CallError(str(error), code=BROKEN) from error
        except RequestRejectedError as error:  # such as "invalid_image_format"
            if "image" not in (error.code or ""):
                raise
            raise CallError(f"{self._title(group)}: {error}", code=BROKEN) from error

    def _leave_out(self, group: Group, error: CallError) -> None:
        if error.code == BROKEN:
            self.engine.tally.notes[f"left out: {error}"] = None
        self.gaps.update(dict.fromkeys(range(group.first, group.last), error.code or "unknown"))
        if self.job.sizes.asked.options.on_gap == "raise":
            raise error

    async def _merged(self) -> Seen:
        if not self.mapper.read:
            reasons = ", ".join(dict.fromkeys(self.gaps.values()))
            raise RefusalError(f"none of the images could be looked at: {reasons}", code=reasons)
        if not self.job.takes_notes:
            return self._joined()
        notes = [(group, seen.text) for group, seen in self._read()]
        return await self.looker.merge(notes, sorted(self.gaps))

    def _read(self) -> list[tuple[Group, Seen]]:
        return sorted(self.mapper.read, key=lambda pair: pair[0].first)

    def _joined(self) -> Seen:
        """Join what the calls have brought, each by itself."""
        if self.job.sizes.schema is None or self.job.takes_notes:
            return Seen(text="\n\n".join(self._sections()))
        from pydantic import TypeAdapter

        items = [item for _, seen in self._read() for item in seen.parsed]
        text = TypeAdapter(self.job.kind).dump_json(items).decode()
        return Seen(text=text, parsed=items)

    def _sections(self) -> list[str]:
        """Return what was written of each image or group under its number, gaps among them."""
        told = [(group.first, self._title(group), seen.text) for group, seen in self._read()]
        told += [
            (at, self._title_of(at), f"[could not be looked at: {reason}]")
            for at, reason in self.gaps.items()
        ]
        return [f"{title}:\n{text or NO_TEXT}" for _, title, text in sorted(told)]

    def _title(self, group: Group) -> str:
        if len(group.images) == 1:
            return self._title_of(group.first)
        return f"Images {group.first + 1} to {group.last}"

    def _title_of(self, at: int) -> str:
        title, name = f"Image {at + 1}", self.job.images[at].name
        return title if name == title.lower() else f"{title}, {name}"

    def _result(self, seen: Seen) -> Description[Any]:
        job = self.job
        alone = {group.first: each.text for group, each in self._alone(seen)}
        return Description(
            **self.engine.bill(),
            text=seen.text,
            question=job.sizes.asked.question,
            parsed=seen.parsed,
            images=tuple(
                told(image, job.sizes, text=alone.get(at), gap=self.gaps.get(at))
                for at, image in enumerate(job.images)
            ),
            detail=job.sizes.detail,
        )

    def _alone(self, seen: Seen) -> list[tuple[Group, Seen]]:
        if not self.job.sizes.asked.looks_alone:
            return []
        return self.mapper.read or [(group, seen) for group in self.job.groups]

    async def _kept(self) -> Kept:
        seen = sum(len(group.images) for group, _ in self.mapper.read)
        if not seen:
            return Kept(told="")
        images = f"{seen} of {counted(len(self.job.images), 'image')}"
        told = f"{images} were looked at and are kept in .result"
        return Kept(told=told, result=self._result(self._joined()))
