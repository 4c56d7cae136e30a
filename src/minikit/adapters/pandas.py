"""minikit on the frames and series of pandas, as `.minikit`.

Importing this module registers the accessors:

    import minikit.adapters.pandas

    labels = frame.minikit.complete("One word for: {comment}")
    frame.join(labels)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack, cast

from minikit.adapters.options import check_options
from minikit.errors import ArgumentError, MinikitError, MissingExtraError
from minikit.functions import default_client
from minikit.notices import warn
from minikit.text.document import Document
from minikit.text.fields import FieldText, check_fields, is_nothing

try:
    import pandas as pd
except ImportError as error:
    raise MissingExtraError("pandas is not installed: pip install 'minikit[pandas]'") from error

if TYPE_CHECKING:
    from minikit.blocking import Client
    from minikit.jobs.completing.options import ManyOptions
    from minikit.jobs.completing.run import Outcome
    from minikit.jobs.corpus.options import SummarizeManyOptions
    from minikit.jobs.corpus.outcome import DocumentOutcome
    from minikit.jobs.corpus.report import CorpusReport
    from minikit.jobs.summarizing.summary import Summary
    from minikit.models.model import Model
    from minikit.outcomes import Outcomes

__all__ = ["FrameAccessor", "SeriesAccessor"]

Rows = Sequence[Mapping[str, Any]]


@pd.api.extensions.register_dataframe_accessor("minikit")
class FrameAccessor:
    """`frame.minikit`: the rows of a frame, asked about side by side."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def complete(
        self,
        template: str,
        *,
        schema: type[Any] | None = None,
        client: Client | None = None,
        model: str | Model | None = None,
        **options: Unpack[ManyOptions],
    ) -> pd.DataFrame:
        """Fill a template with each row, and ask the model each time; see `complete_many`.

        What is wrong with a row, or with its reply, is its error. What ends the job, such as a
        budget that is spent, is raised where no row has a reply; else it is warned of, and is the
        error of the rows without one.

        Args:
            template: What to ask, such as "Write to {name} about {product}.", with the names of
                columns.
            schema: What each reply shall be, as for `complete`; the fields of a pydantic model or
                a dataclass become columns.
            client: Who asks; default: the client of the module functions.
            model: Another model than the client's.
            **options: See `ManyOptions`.

        Returns:
            A frame with the index of this one, to join to it: `reply`, or with a schema its fields
            (or `parsed`, where it has none), then `finish_reason`, `cost_usd` and `error`; the
            bill is `attrs["minikit"]`.

        Raises:
            ArgumentError: An argument cannot be used.
            MinikitError: What ends the job before there is any reply.
        """
        columns = [str(name) for name in self._frame.columns]
        names = FieldText(template).names
        check_fields(names, columns, "the columns of the frame")
        places = [_place(columns, name) for name in names]
        cells = self._frame.iloc[:, places].itertuples(index=False, name=None)
        rows = [dict(zip(names, values, strict=True)) for values in cells]
        index = self._frame.index
        return _completed(
            rows, index, template, schema=schema, client=client, model=model, options=options
        )


@pd.api.extensions.register_series_accessor("minikit")
class SeriesAccessor:
    """`series.minikit`: the texts of a series, asked about side by side."""

    def __init__(self, series: pd.Series[Any]) -> None:
        self._series = series

    def complete(
        self,
        template: str,
        *,
        schema: type[Any] | None = None,
        client: Client | None = None,
        model: str | Model | None = None,
        **options: Unpack[ManyOptions],
    ) -> pd.DataFrame:
        """Fill a template with each value, and ask the model each time.

        Args:
            template: As for `frame.minikit.complete`; `{text}`, or the name of the series, stands
                for the value.
            schema: As there.
            client: As there.
            model: As there.
            **options: As there.

        Returns:
            As there.

        Raises:
            ArgumentError: An argument cannot be used.
            MinikitError: What ends the job before there is any reply.
        """
        name = self._series.name
        known = ("text",) if name is None else ("text", str(name))
        names = FieldText(template).names
        check_fields(names, known, "the names of a value")
        rows: Rows = [dict.fromkeys(names, value) for value in self._series.tolist()]
        index = self._series.index
        return _completed(
            rows, index, template, schema=schema, client=client, model=model, options=options
        )

    def summarize(
        self,
        *,
        client: Client | None = None,
        model: str | Model | None = None,
        **options: Unpack[SummarizeManyOptions],
    ) -> pd.DataFrame:
        """Summarize each value, a text of any length; see `summarize_many`.

        Errors are told as by `complete`; an empty cell is one.

        Args:
            client: Who summarizes; default: the client of the module functions.
            model: Another model than the client's.
            **options: Those of `summarize` for each value, such as `length`, and of
                `summarize_many` for all of them, such as `budget_usd` and `engine`.

        Returns:
            A frame with the index of this series: `summary`, `words`, `warnings` (how many),
            `cost_usd` and `error`; the bill is `attrs["minikit"]`.

        Raises:
            ArgumentError: An argument cannot be used, such as `output`.
            MinikitError: What ends the job before there is any summary.
        """
        check_options(options)
        sources = [_source(value) for value in self._series.tolist()]
        many = (client or default_client()).summarize_many
        with many(sources, model=model, **options) as outcomes:
            names = ["summary", "words", "warnings", "cost_usd", "error"]
            frame = _frame(outcomes, self._series.index, names, _summary_cells)
            report = outcomes.report
            frame.attrs["minikit"] = _bill(report.model, report)
        return frame


def _place(columns: Sequence[str], name: str) -> int:
    if columns.count(name) > 1:
        raise ArgumentError(
            f"{columns.count(name)} columns of the frame are called {name!r}: rename all but one"
        )
    return columns.index(name)


def _source(value: object) -> Any:  # noqa: ANN401 - what is no source is the error of its row
    if isinstance(value, str):  # also where a file is called so
        return Document(text=value)
    return Document(text="") if is_nothing(value) else value


def _summary_cells(outcome: DocumentOutcome[Summary]) -> Sequence[object]:
    summary = outcome.result
    if summary is None:
        return [None, None, None, outcome.cost_usd, outcome.problem]
    return [summary.text, summary.words, len(summary.warnings), outcome.cost_usd, None]


def _completed(
    rows: Rows,
    index: pd.Index[Any],
    template: str,
    *,
    schema: type[Any] | None,
    client: Client | None,
    model: str | Model | None,
    options: ManyOptions,
) -> pd.DataFrame:
    fields = ("reply",) if schema is None else _fields(schema)

    def cells(outcome: Outcome[Any]) -> Sequence[object]:
        completion = outcome.completion
        if completion is None:
            return [*[None] * (len(fields) + 2), outcome.problem]
        values = [completion.text] if schema is None else _values(outcome.parsed, fields)
        return [*values, completion.finish_reason, completion.cost_usd, None]

    asker = client or default_client()
    kind = cast("type[Any]", schema)  # or None: what comes back is told by the overloads
    with asker.complete_many(rows, template, schema=kind, model=model, **options) as outcomes:
        names = _names(fields, ("finish_reason", "cost_usd", "error"))
        frame = _frame(outcomes, index, names, cells)
        frame.attrs["minikit"] = _bill(outcomes.model, outcomes)
    return frame


def _frame(
    outcomes: Iterable[Any],
    index: pd.Index[Any],
    names: Sequence[str],
    cells: Callable[[Any], Sequence[object]],
) -> pd.DataFrame:
    """Return a row for each outcome, at its place; the last column is the error.

    Args:
        outcomes: What came of the rows.
        index: Of the rows.
        names: The columns.
        cells: Makes the cells of an outcome.
    """
    rows: list[Sequence[object]] = [[None] * len(names)] * len(index)
    left = set(range(len(index)))
    has_reply = False
    try:
        for outcome in outcomes:
            rows[outcome.index] = cells(outcome)
            left.discard(outcome.index)
            has_reply = has_reply or outcome.error is None
    except MinikitError as error:
        if not has_reply:
            raise
        warn(f"{len(left)} rows were not asked about: {error}", UserWarning)
        for place in left:
            rows[place] = [*[None] * (len(names) - 1), f"{type(error).__name__}: {error}"]
    return pd.DataFrame(rows, index=index, columns=list(names))


def _bill(model: str, job: Outcomes[Any] | CorpusReport) -> dict[str, Any]:
    """Return what was taken, as values that JSON has, since Parquet keeps `attrs` as JSON."""
    return {
        "model": model,
        "input_tokens": job.usage.input_tokens,
        "output_tokens": job.usage.output_tokens,
        "cost_usd": None if job.cost_usd is None else f"{job.cost_usd:f}",
        "failed_cost_usd": f"{job.failed_cost_usd:f}",
        "unmeasured": job.unmeasured,
        "notes": list(job.notes),
    }


def _fields(schema: type[Any]) -> tuple[str, ...]:
    """Return the columns of a schema: its fields, or one for the whole."""
    if dataclasses.is_dataclass(schema):
        return tuple(field.name for field in dataclasses.fields(schema))
    return tuple(getattr(schema, "model_fields", {})) or ("parsed",)


def _values(parsed: object, fields: Sequence[str]) -> list[object]:
    return [getattr(parsed, name, parsed) for name in fields]


def _names(fields: Sequence[str], added: Sequence[str]) -> list[str]:
    """Return the columns; a field keeps its name, and one of ours that is the same gets a "_"."""
    names = [*fields]
    for name in added:
        while name in names:
            name += "_"  # noqa: PLW2901
        names.append(name)
    return names
