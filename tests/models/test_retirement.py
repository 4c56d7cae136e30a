"""A model near its end is pointed out, once."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest

from minikit.models.model import Model
from minikit.models.retirement import NOTICE, ModelRetirementWarning, warn_if_retiring

pytestmark = pytest.mark.filterwarnings("error")
END = date(2027, 1, 14)
_number = count()


def ending(day: date | None = END, *, name: str = "", successor: str | None = None) -> Model:
    """A model that no test has warned about yet, unless by name."""
    return Model(
        id=name or f"ending-{next(_number)}",
        context_window=9,
        max_output_tokens=1,
        shutdown_date=day,
        successor=successor,
    )


def test_the_notice_is_sixty_days() -> None:
    """Two months are enough to move."""
    assert timedelta(days=60) == NOTICE


@pytest.mark.parametrize("days", [60, 1])
def test_a_model_that_ends_soon_is_pointed_out(days: int) -> None:
    """The warning names the model, the day and the successor."""
    model = ending(successor="gpt-6-luna")
    message = rf"'{model.id}' works until it is shut down on 2027-01-14; before then move to 'gpt-6"
    with pytest.warns(ModelRetirementWarning, match=message):
        warn_if_retiring(model, END - timedelta(days=days))


@pytest.mark.parametrize("days", [0, 400])
def test_a_model_that_has_ended_is_pointed_out(days: int) -> None:
    """From its last day on the warning speaks of the past."""
    with pytest.warns(
        ModelRetirementWarning, match=r"was shut down on 2027-01-14; move to another"
    ):
        warn_if_retiring(ending(), END + timedelta(days=days))


@pytest.mark.parametrize("model", [ending(), ending(None)])
def test_a_model_that_stays_is_not_mentioned(model: Model) -> None:
    """Warnings are errors in these tests, so silence is proved."""
    warn_if_retiring(model, END - timedelta(days=61))


def test_the_time_of_day_does_not_matter() -> None:
    """A datetime is taken as its day."""
    with pytest.warns(ModelRetirementWarning, match="was shut down"):
        warn_if_retiring(ending(), datetime(2027, 1, 14, 23, tzinfo=UTC))


def test_a_model_is_mentioned_once() -> None:
    """Every later call is silent, also through an equal model, and another id is not."""
    model = ending()
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        for _ in range(3):
            warn_if_retiring(model, END)
        warn_if_retiring(ending(name=model.id), END)
        warn_if_retiring(ending(), END)
    assert len(shown) == 2
    assert shown[0].filename == __file__


def test_many_threads_mention_a_model_once() -> None:
    """Calls at the same moment do not each warn."""
    model = ending()
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: warn_if_retiring(model, END), range(64)))
    assert len(shown) == 1


def test_a_warning_made_an_error_is_raised_at_every_call() -> None:
    """Who asked for errors gets them each time, and a warning later if the filter is lifted."""
    model = ending()
    for _ in range(2):
        with pytest.raises(ModelRetirementWarning, match="was shut down"):
            warn_if_retiring(model, END)
    with pytest.warns(ModelRetirementWarning, match="was shut down"):
        warn_if_retiring(model, END)


def test_the_default_model_is_pointed_out_in_time() -> None:
    """gpt-4o-mini ends on 2027-01-14, and its snapshots and fine-tuned models with it."""
    for model_id in ("gpt-4o-mini-2024-07-18", "ft:gpt-4o-mini-2024-07-18:org::id"):
        with pytest.warns(
            ModelRetirementWarning, match=r"2027-01-14; before then move to 'gpt-6-l"
        ):
            warn_if_retiring(Model.resolve(model_id), date(2026, 11, 22))
