"""What could not be read: whether pieces of it may be, and what is left as a gap."""

from __future__ import annotations

from minikit.calls.completion import EMPTY, Completion
from minikit.errors import (
    CallError,
    OutputTruncatedError,
    RefusalError,
    RequestTooLargeError,
)

__all__ = [
    "BROKEN",
    "FAILED_HALVES_AT_MOST",
    "lies_in_the_passage",
    "nothing_supported",
    "truncated",
    "weight",
]

BROKEN = "unreadable"
"""The code of an error about a reply whose JSON is broken."""

FAILED_HALVES_AT_MOST = 32
"""So many pieces of one chunk may be refused before the rest is a gap as it is. To find one short
passage in the largest chunk takes 12; a model that refuses the whole would be paid for without end.
"""


def weight(error: CallError) -> int:
    """Count a failed piece: what is too large costs nothing, and its pieces fit in the end.

    What is cut off was too long for any passage, so that smaller ones hardly mend it: two levels
    of halves are tried.
    """
    if isinstance(error, RequestTooLargeError):
        return 0
    return FAILED_HALVES_AT_MOST // 2 if isinstance(error, OutputTruncatedError) else 1


def lies_in_the_passage(error: CallError) -> bool:
    """Whether what was to be read is the cause, so that pieces of it may fare better."""
    kinds = (RefusalError, RequestTooLargeError, OutputTruncatedError)
    return isinstance(error, kinds) or error.code in (EMPTY, BROKEN)


def nothing_supported() -> RefusalError:
    """Return the error that a summary is of which every sentence would be dropped."""
    return RefusalError(
        "nothing would be left of the summary: no sentence is backed by a quote that stands in the "
        "source; with unsupported='mark' they are kept and marked",
        code="unsupported",
    )


def truncated(completion: Completion) -> OutputTruncatedError:
    """Return the error that a reply cut off by its length is."""
    error = OutputTruncatedError(
        f"the reply was cut off after {completion.usage.output_tokens} tokens; "
        f"ask for a shorter one, or give less to read at a time",
        code="length",
        status=200,
        request_id=completion.request_id,
    )
    error.completion = completion
    return error
