"""The verbs of the client that are not summaries: each plans its job, and runs it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar, Unpack, overload

from minikit.core import AsyncCore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minikit.jobs.ask import Answer, AskOptions
    from minikit.jobs.chat import AsyncChat
    from minikit.jobs.chatting.options import ChatOptions
    from minikit.jobs.completing.outcomes import AsyncOutcomes
    from minikit.jobs.completing.rows import Rows
    from minikit.jobs.describe import DescribeOptions, Description
    from minikit.jobs.extract import Extraction, ExtractOptions
    from minikit.jobs.many import ManyOptions
    from minikit.jobs.translate import TranslateOptions, Translation
    from minikit.models.model import Model
    from minikit.text.document import Source, Sources
    from minikit.tokens.image_files import ImageSource

__all__ = ["AsyncVerbs"]

T = TypeVar("T")


class AsyncVerbs(AsyncCore):
    """What `AsyncClient` does beside summaries and measurements."""

    async def ask(
        self,
        source: Sources,
        question: str,
        *,
        model: str | Model | None = None,
        **options: Unpack[AskOptions],
    ) -> Answer:
        """Answer a question from documents of any size.

        Documents that can be read evenly in one call take one. Of longer ones the passages are read
        that match the question best, or, where it shall be `thorough`, every chunk. Cancellation
        ends the calls in flight.

        Args:
            source: A text, a file, a folder, a `Document`, or a list of these.
            question: What to answer.
            model: Another model than the client's.
            **options: See `AskOptions`.

        Returns:
            The answer, with the passages that each sentence rests on; that the documents do not
            say it is an answer, too.

        Raises:
            SourceError: A source is empty, or a file cannot be read.
            ArgumentError: An argument cannot be used.
            MissingKeyError: There is no key for the model's server.
            BudgetExceededError: The budget does not allow the next call.
            CallError: The first call failed for good.
            JobError: A later one did.
        """
        from minikit.jobs import ask

        job = await self._prepared(ask.prepare, source, question, model=model, **options)
        return await ask.run(job, self._pipeline, self._forms)

    async def extract(
        self,
        source: Sources,
        schema: type[T],
        *,
        model: str | Model | None = None,
        **options: Unpack[ExtractOptions],
    ) -> Extraction[T]:
        """Read values of a type out of documents of any size.

        Every chunk is read; what is said of one thing in several places is merged, and what
        contradicts is reported. Cancellation ends the calls in flight.

        Args:
            source: A text, a file, a folder, a `Document`, or a list of these.
            schema: A pydantic model or a dataclass, of which there is one in the documents, or
                `list[...]` of one, of which there are many.
            model: Another model than the client's.
            **options: See `ExtractOptions`.

        Returns:
            The value, and for each item the places in the source that its fields rest on.

        Raises:
            SourceError: A source is empty, or a file cannot be read.
            ArgumentError: An argument cannot be used, such as a schema that no strict schema can
                express, or the offline model, which fills none.
            MissingKeyError: There is no key for the model's server.
            BudgetExceededError: The budget does not allow the next call; `result` is what was read.
            CallError: The first call failed for good.
            JobError: A later one did; `result` is what was read.
        """
        from minikit.jobs import extract

        job = await self._prepared(extract.prepare, source, schema, model=model, **options)
        return await extract.run(job, self._pipeline, self._forms)

    async def translate(
        self,
        source: Source,
        language: str,
        *,
        model: str | Model | None = None,
        **options: Unpack[TranslateOptions],
    ) -> Translation:
        """Translate a text, a Markdown page, subtitles or a catalogue of any length.

        Structure, placeholders, code, links and white space stay as they are; what does not pass
        the checks is asked for again, and then reported. Cancellation ends the calls in flight.

        Args:
            source: A text, a file or a `Document`.
            language: The language to translate into, by name or code: "German", "pt-BR".
            model: Another model than the client's.
            **options: See `TranslateOptions`.

        Returns:
            The translation in the form of the source, and what is wrong with it.

        Raises:
            SourceError: The source is empty, or the file cannot be read.
            ArgumentError: An argument cannot be used, such as an unknown language, or the offline
                model, which translates nothing.
            MissingKeyError: There is no key for the model's server.
            BudgetExceededError: The budget does not allow the next call; `result` is what is done.
            CallError: The first call failed for good.
            JobError: A later one did; `result` is what is done.
        """
        from minikit.jobs import translate

        asked = self._resolved(model)
        job = await self._planned(translate.prepare, source, language, model=asked, **options)
        if job.batches:  # else nothing is sent
            self._pipeline.check_key(asked)
        return await translate.run(job, self._pipeline, self._forms)

    @overload
    async def describe(
        self,
        image: ImageSource | Sequence[ImageSource],
        question: str | None = None,
        *,
        schema: type[T],
        model: str | Model | None = None,
        **options: Unpack[DescribeOptions],
    ) -> Description[T]: ...

    @overload
    async def describe(
        self,
        image: ImageSource | Sequence[ImageSource],
        question: str | None = None,
        *,
        schema: None = None,
        model: str | Model | None = None,
        **options: Unpack[DescribeOptions],
    ) -> Description[None]: ...

    async def describe(
        self,
        image: ImageSource | Sequence[ImageSource],
        question: str | None = None,
        *,
        schema: type[T] | None = None,
        model: str | Model | None = None,
        **options: Unpack[DescribeOptions],
    ) -> Description[T] | Description[None]:
        """Say what images show: a caption, the text in them, an answer, or values of a type.

        Args:
            image: A Path, bytes, or an http(s) or data URL; or a list of these, which are looked at
                together. JPEG, PNG, WEBP and GIF without animation.
            question: What to answer; default: a caption.
            schema: What to read out of the images, such as a receipt: a pydantic model, a
                dataclass, or `list[...]` of one. The result's `parsed` is then a value of it.
            model: Another model than the client's; it must see images.
            **options: See `DescribeOptions`.

        Returns:
            The description, and what it cost.

        Raises:
            SourceError: An image cannot be read, or is none that servers take.
            ArgumentError: An argument cannot be used, such as a model that sees no images.
            MissingKeyError: There is no key for the model's server.
            BudgetExceededError: The budget does not allow the call.
            CallError: The call failed for good.
        """
        from minikit.jobs import describe

        job = await self._prepared(
            describe.prepare, image, question, schema=schema, model=model, **options
        )
        return await describe.run(job, self._pipeline, self._forms)

    @overload
    def complete_many(
        self,
        rows: Rows,
        template: str,
        *,
        schema: type[T],
        model: str | Model | None = None,
        **options: Unpack[ManyOptions],
    ) -> AsyncOutcomes[T]: ...

    @overload
    def complete_many(
        self,
        rows: Rows,
        template: str,
        *,
        schema: None = None,
        model: str | Model | None = None,
        **options: Unpack[ManyOptions],
    ) -> AsyncOutcomes[None]: ...

    def complete_many(
        self,
        rows: Rows,
        template: str,
        *,
        schema: type[T] | None = None,
        model: str | Model | None = None,
        **options: Unpack[ManyOptions],
    ) -> AsyncOutcomes[T] | AsyncOutcomes[None]:
        """Fill a template with each row, and ask the model each time; thousands of times.

        Nothing is read or sent before the stream is opened with `async with`.

        Args:
            rows: A Path of CSV, TSV or JSON Lines, or mappings from an iterable, which may be
                async; they are read as they are needed.
            template: What to ask, such as "Write to {name} about {product}."; `{{` and `}}` are
                braces.
            schema: What each reply shall be, as for `complete`; `Outcome.parsed` is then a value
                of it.
            model: Another model than the client's.
            **options: See `ManyOptions`.

        Returns:
            A stream to open with `async with` and to read with `async for`: one `Outcome` a row,
            with its reply or its error.

        Raises:
            ArgumentError: An argument cannot be used.
        """
        from minikit.jobs import many
        from minikit.jobs.completing.outcomes import AsyncOutcomes

        start = partial(
            self._prepared, many.prepare, rows, template, schema=schema, model=model, **options
        )
        return AsyncOutcomes(start, self._pipeline, self._forms)

    def chat(
        self, *, model: str | Model | None = None, **options: Unpack[ChatOptions]
    ) -> AsyncChat:
        """Begin a conversation, or go on with one that was saved.

        Nothing is sent before the first message.

        Args:
            model: Another model than the client's.
            **options: `system`, `knowledge`, `tools`, `state` and more; see `ChatOptions`.

        Returns:
            The conversation: `await chat.send("...")`.

        Raises:
            ArgumentError: An option cannot be used.
        """
        from minikit.jobs.chat import AsyncChat

        return AsyncChat(self._pipeline, model=self._resolved(model), **options)
