"""What is done to each document, whoever does it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

from minikit.calls.account import Account, paying
from minikit.calls.pipeline import in_thread
from minikit.errors import MinikitError
from minikit.jobs.blame import is_of_one
from minikit.jobs.corpus.outcome import DocumentOutcome, Figures
from minikit.jobs.corpus.parts import Row, kept
from minikit.jobs.verb import digest_of
from minikit.text.document import Document

if TYPE_CHECKING:
    from minikit.jobs.corpus.entries import Entry
    from minikit.jobs.corpus.options import CorpusVerb
    from minikit.models.model import Model

__all__ = ["Work", "source_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A verb with its arguments. It pickles where the arguments do.

    Attributes:
        verb: What is done.
        model: Who is asked.
        options: The arguments of the verb, by name.
        job: Tells it from every other.
    """

    verb: CorpusVerb
    model: Model
    options: Mapping[str, Any]
    job: str

    @classmethod
    def of(cls, verb: CorpusVerb, model: Model, options: Mapping[str, Any]) -> Work:
        """Return what is done; CPU-bound where a type is among the options."""
        told = {name: _told(value) for name, value in sorted(options.items())}
        return cls(verb=verb, model=model, options=options, job=digest_of(verb, model, (), told))

    async def outcome(
        self,
        client: Any,  # noqa: ANN401 - an `AsyncClient`, which stands above
        entry: Entry,
        *,
        payers: tuple[Account, ...] = (),
        rows: Mapping[str, Row] | None = None,
    ) -> DocumentOutcome[Any]:
        """Do it to one document.

        Args:
            client: An `AsyncClient`.
            entry: The document.
            payers: Who pays beside the client.
            rows: What was done before, by the digest of the document.

        Raises:
            MinikitError: What would be wrong with every document.
        """
        outcome: DocumentOutcome[Any] = DocumentOutcome(index=entry.index, name=entry.name)
        digest: str | None = None
        done: Any
        try:
            source, found = await in_thread(partial(self.read, entry))
            digest = found
            if rows and found in rows:
                return kept(entry.index, entry.name, rows[found])
            with paying(*payers):
                verb = getattr(client, self.verb)
                done = await verb(source, model=self.model, **self.options)
        except MinikitError as error:
            if not is_of_one(error):
                raise
            return replace(outcome, error=error, figures=Figures.of(error), digest=digest)
        return replace(outcome, result=done, figures=Figures.of(done), digest=digest)

    def read(self, entry: Entry) -> tuple[Any, str]:
        """Return what the verb takes, and what tells it and what is asked of it; blocks.

        Raises:
            MinikitError: The document cannot be read.
        """
        source = source_of(self.verb, entry)
        if isinstance(source, Document):
            return source, self._digest(source.title, source.text)
        return source, self._digest(*(image.digest for image in entry.look()))

    def _digest(self, *told: str | None) -> str:
        return sha256(json.dumps([self.job, *told]).encode()).hexdigest()


def source_of(verb: CorpusVerb, entry: Entry) -> Any:  # noqa: ANN401 - what the verb takes
    """Return what a verb takes: a document, which is read, or an image, which it reads; blocks.

    Raises:
        MinikitError: It cannot be read.
    """
    return entry.sound() if verb == "describe" else entry.read()


def _told(value: object) -> object:
    """Return what tells an argument from another; of a type its fields, too."""
    if not isinstance(value, type) and not hasattr(value, "__origin__"):
        return str(value)
    from pydantic import TypeAdapter

    return TypeAdapter(cast("Any", value)).json_schema()
