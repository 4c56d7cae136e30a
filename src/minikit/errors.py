"""Every error that minikit raises, as one tree; a class for each action the caller can take.

    MinikitError
    ├── ArgumentError (ValueError)          mend the argument; nothing was sent
    │   ├── SourceError                     the file or text cannot be read as text
    │   ├── ChunkTooSmallError              allow more tokens per chunk
    │   ├── UnknownModelError (LookupError) describe the model with Model(...)
    │   ├── UnknownPriceError (LookupError) give the model a price, or set no budget
    │   └── ContextOverflowError            send less, or choose a larger window
    ├── MissingKeyError                     set a key, or choose the model "offline"
    ├── MissingExtraError (ImportError)     install the extra that the message names
    ├── VocabularyError                     reinstall minikit: a bundled file is damaged
    ├── ClosedError (RuntimeError)          make a new client, or call from another thread
    ├── JournalError                        mend or move the journal file; nothing was sent
    ├── BudgetExceededError                 raise the budget; see `partial` for what is done
    ├── WorkerError                         start the workers again; see how far it came
    ├── CallError                           one call failed for good; see `attempts`
    │   ├── TransportError (ConnectionError)  no reply arrived; try again later
    │   │   ├── CallTimeoutError (TimeoutError)
    │   │   ├── SharedLimitsError           shared limits cannot be asked; nothing was sent
    │   │   └── StreamBrokenError           a stream ended early; see `completion`
    │   ├── ServerError                     the server failed (5xx, 408, 409); try again later
    │   ├── RateLimitError                  slow down; see `retry_after_s`
    │   ├── QuotaExhaustedError             pay, or raise the limit of the account
    │   ├── AuthenticationError             mend the key or its permissions
    │   ├── RequestRejectedError            the server will not answer this request as it is
    │   │   └── RequestTooLargeError (ContextOverflowError)  send less at a time
    │   ├── BadReplyError                   a reply that is not a chat completion
    │   ├── SchemaError                     the reply does not fit the schema; see `completion`
    │   ├── RefusalError                    the model or a filter refused; see `completion`
    │   └── OutputTruncatedError            the reply was cut by its length; see `completion`
    └── JobError                            some calls of a job failed; see `partial`

All of them pickle. Data stand as attributes; no message, repr or attribute of an error of ours
holds the API key, and no message holds text of a document unless the server's own repeats it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from minikit.calls.completion import Completion
    from minikit.jobs.provenance import Node
    from minikit.jobs.result import CallRecord, Result
    from minikit.jobs.summarizing.summary import Partial
    from minikit.models.usage import Usage

__all__ = [
    "ArgumentError",
    "AuthenticationError",
    "BadReplyError",
    "BudgetExceededError",
    "CallError",
    "CallTimeoutError",
    "ChunkTooSmallError",
    "ClosedError",
    "ContextOverflowError",
    "JobError",
    "JournalError",
    "MinikitError",
    "MissingExtraError",
    "MissingKeyError",
    "OutputTruncatedError",
    "QuotaExhaustedError",
    "RateLimitError",
    "RefusalError",
    "RequestRejectedError",
    "RequestTooLargeError",
    "SchemaError",
    "ServerError",
    "SharedLimitsError",
    "SourceError",
    "StreamBrokenError",
    "TransportError",
    "UnknownModelError",
    "UnknownPriceError",
    "VocabularyError",
    "WorkerError",
]


class MinikitError(Exception):
    """The root of every error that minikit raises."""


class ArgumentError(MinikitError, ValueError):
    """An argument cannot be used; nothing was sent. The message names the value and the way out."""


class SourceError(ArgumentError):
    """A source is missing, empty, not a file, or not text."""


class ChunkTooSmallError(ArgumentError):
    """One character needs more tokens than a chunk may have."""


class UnknownModelError(ArgumentError, LookupError):
    """No row describes this model id; the message shows how to describe it with `Model(...)`."""


class UnknownPriceError(ArgumentError, LookupError):
    """The model has no known price, so that a budget cannot be kept; nothing was sent."""


class ContextOverflowError(ArgumentError):
    """The input and the reserved output do not fit into the model's context window."""


class MissingKeyError(MinikitError):
    """No API key was given and none stands in the environment."""


class MissingExtraError(MinikitError, ImportError):
    """A package that this feature needs is not installed; the message names the extra."""


class VocabularyError(MinikitError):
    """A bundled vocabulary does not match its sha256."""


class ClosedError(MinikitError, RuntimeError):
    """The client was closed, or it was called from its own event-loop thread."""


class JournalError(MinikitError):
    """The journal cannot be read or written; nothing was sent, and the file is as it was."""


class BudgetExceededError(MinikitError):
    """The next call could have cost more than is left of the budget; it was not sent.

    Attributes:
        limit_usd: The budget, in US dollars.
        spent_usd: What the calls before this one cost.
        unknown_usd: The most that calls without a known cost (timed out, cut off) may have cost.
        needed_usd: The most that the refused call could have cost.
        partial: What a summary has brought before it, in the order of the document.
        tree: The same as a tree, with the gaps; None outside a summary.
        result: What another job has brought before it, such as an `Extraction` of what was read.
        calls: A record of each call of the job that brought a reply.
    """

    def __init__(
        self,
        message: str,
        *,
        limit_usd: Decimal,
        spent_usd: Decimal,
        unknown_usd: Decimal,
        needed_usd: Decimal,
    ) -> None:
        super().__init__(message)
        self.limit_usd = limit_usd
        self.spent_usd = spent_usd
        self.unknown_usd = unknown_usd
        self.needed_usd = needed_usd
        self.partial: tuple[Partial, ...] = ()
        self.tree: Node | None = None
        self.result: Result | None = None
        self.calls: tuple[CallRecord, ...] = ()

    def __reduce__(self) -> tuple[object, ...]:
        amounts = ("limit_usd", "spent_usd", "unknown_usd", "needed_usd")
        make = partial(type(self), **{name: getattr(self, name) for name in amounts})
        return make, self.args, self.__dict__  # by default it would be made of its message alone


class WorkerError(MinikitError):
    """A worker of a corpus, or all of them, ended before its work was done; run again."""


class CallError(MinikitError):
    """One call failed for good.

    Attributes:
        attempts: How many requests were made for the call, the failed ones included.
        status: The HTTP status of the last reply, or None when none arrived.
        code: The server's error code, such as "rate_limit_exceeded", or None.
        request_id: The server's id of the last request, or None.
        retry_after_s: Seconds that the server asks to wait, or None when it does not say.
        completion: The reply as far as it came, with its usage and cost, or None where there was
            none that could be read. Where the error stands for many calls of a job, as a refusal
            of each part does, it is the last reply, with the usage and cost of all.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.attempts = 1
        self.completion: Completion | None = None


class TransportError(CallError, ConnectionError):
    """No whole reply arrived: the connection was refused, reset or cut."""


class CallTimeoutError(TransportError, TimeoutError):
    """No reply arrived in time. The server may have billed the call: its cost is unknown."""


class SharedLimitsError(TransportError):
    """What keeps the limits of several processes cannot be reached; the call was not sent."""


class StreamBrokenError(TransportError):
    """A stream ended before its reply was whole; `completion` has what came, with counted usage."""


class ServerError(CallError):
    """The server failed or was overloaded (408, 409, 5xx)."""


class RateLimitError(CallError):
    """The server asks to slow down (429); see `retry_after_s`."""


class QuotaExhaustedError(CallError):
    """The account has no money or limit left; trying again does not help."""


class AuthenticationError(CallError):
    """The key is missing, wrong or not allowed to do this (401, 403)."""


class RequestRejectedError(CallError):
    """The server will not answer this request as it is (400, 404, 413, 422)."""


class RequestTooLargeError(RequestRejectedError, ContextOverflowError):
    """The server says that the request is longer than its window or its rate limit allows."""


class BadReplyError(CallError):
    """The server answered 200 with something that is not a chat completion."""


class SchemaError(CallError):
    """The reply does not fit the schema that was asked for, and corrections did not mend it.

    Attributes:
        errors: What is wrong with the last reply, one line each.
    """

    errors: tuple[str, ...] = ()


class RefusalError(CallError):
    """The model or a content filter refused to answer; the reply in `completion` was paid for."""


class OutputTruncatedError(CallError):
    """The reply was cut off by its length limit; it was paid for, see `completion`."""


class JobError(MinikitError):
    """Some calls of a job failed for good; what the others brought is kept.

    Attributes:
        partial: The replies of a summary that did arrive, in the order of the document.
        tree: The same as a tree, with what each was made of, and the gaps.
        result: What another job has brought, such as an `Extraction` of what was read.
        errors: The errors of the calls that failed, in the order of the document.
        calls: A record of each call that brought a reply.
        usage: Tokens of these calls, or None where there was none.
        cost_usd: US dollars of these calls, or None when the price of one is unknown.
        failed_cost_usd: US dollars of attempts that brought no reply, on top of `cost_usd`.
        unmeasured: Attempts whose cost only the server knows, such as timed-out ones.
    """

    def __init__(
        self,
        message: str,
        *,
        partial: tuple[Partial, ...] = (),
        tree: Node | None = None,
        result: Result | None = None,
        errors: tuple[CallError, ...] = (),
        calls: tuple[CallRecord, ...] = (),
        usage: Usage | None = None,
        cost_usd: Decimal | None = None,
        failed_cost_usd: Decimal | None = None,
        unmeasured: int = 0,
    ) -> None:
        super().__init__(message)
        self.partial = partial
        self.tree = tree
        self.result = result
        self.errors = errors
        self.calls = calls
        self.usage = usage
        self.cost_usd = cost_usd
        self.failed_cost_usd = failed_cost_usd
        self.unmeasured = unmeasured
