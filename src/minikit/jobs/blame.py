"""Whose fault an error is: that of one of many things, or of what all of them have in common."""

from __future__ import annotations

from minikit.calls.batching.settings import NO_BATCHES
from minikit.errors import (
    ArgumentError,
    AuthenticationError,
    CallError,
    JobError,
    JournalError,
    MinikitError,
    MissingExtraError,
    QuotaExhaustedError,
    SchemaError,
    UnknownPriceError,
    WorkerError,
)
from minikit.jobs.unread import lies_in_the_passage

__all__ = ["Patience", "is_of_one"]

FAILED_IN_A_ROW = 50
"""So many fail one after the other, none of them by its own fault and none between them answered,
before the job gives up: a server that is down would be asked for all, with all retries."""


def is_of_one(error: BaseException) -> bool:
    """Tell what is wrong with one of many, or with its reply, from what is wrong with every one."""
    if isinstance(error, AuthenticationError | QuotaExhaustedError | UnknownPriceError):
        return False
    if isinstance(error, JobError):
        is_kept = isinstance(error.__cause__, JournalError)
        return not is_kept and all(map(is_of_one, error.errors))
    is_of_the_server = isinstance(error, CallError) and error.code == NO_BATCHES
    return isinstance(error, ArgumentError | CallError | MissingExtraError) and not is_of_the_server


class Patience:
    """Counts what fails one after the other while nothing is answered."""

    def __init__(self, workers: int) -> None:
        """Begin.

        Args:
            workers: How many are under way at a time: so many may fail of one blow.
        """
        self._most = max(FAILED_IN_A_ROW, workers)
        self._failed = 0

    def answered(self) -> None:
        """Note that something was answered."""
        self._failed = 0

    def is_over(self, error: MinikitError) -> bool:
        """Note a failure, and tell whether to give up; what is its own fault does not count."""
        errors = error.errors if isinstance(error, JobError) else (error,)
        if any(map(_is_no_fault_of_its_own, errors)):
            self._failed += 1
        return self._failed >= self._most


def _is_no_fault_of_its_own(error: object) -> bool:
    if not isinstance(error, CallError) or isinstance(error, SchemaError):
        return isinstance(error, WorkerError)
    return not lies_in_the_passage(error)
