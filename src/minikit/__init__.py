"""Summaries and answers from texts longer than the model's window, with the cost known.

from minikit import summarize
summary = summarize(Path("moby-dick.txt"))
print(summary, summary.cost_usd)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikit.errors import (
    ArgumentError,
    AuthenticationError,
    BadReplyError,
    BudgetExceededError,
    CallError,
    CallTimeoutError,
    ChunkTooSmallError,
    ClosedError,
    ContextOverflowError,
    JobError,
    JournalError,
    MinikitError,
    MissingExtraError,
    MissingKeyError,
    OutputTruncatedError,
    QuotaExhaustedError,
    RateLimitError,
    RefusalError,
    RequestRejectedError,
    RequestTooLargeError,
    SchemaError,
    ServerError,
    SharedLimitsError,
    SourceError,
    StreamBrokenError,
    TransportError,
    UnknownModelError,
    UnknownPriceError,
    VocabularyError,
    WorkerError,
)
from minikit.homes import HOMES as _HOMES

if TYPE_CHECKING:
    from minikit.async_functions import (
        aask,
        achat,
        acompare,
        acomplete_many,
        adescribe,
        aextract,
        aneedle,
        aplan,
        arun_many,
        asummarize,
        asummarize_many,
        atranslate,
    )
    from minikit.blocking import Client
    from minikit.calls.batching.settings import Batch, BatchStatus
    from minikit.calls.completion import Completion
    from minikit.calls.hooks import (
        AttemptEnded,
        BatchHeldBack,
        BatchWatched,
        CallEnded,
        CallStarted,
        Event,
        Hook,
        RetryScheduled,
    )
    from minikit.calls.ledger import Ledger, LedgerEntry, Totals
    from minikit.calls.pace import RateLimit
    from minikit.calls.request import CompleteOptions
    from minikit.calls.retry import Retry
    from minikit.calls.shared import Asked, SharedLimits, Standing
    from minikit.calls.sharing.dask_limits import DaskLimits
    from minikit.calls.sharing.local import LocalLimits
    from minikit.calls.sharing.redis_limits import RedisLimits
    from minikit.calls.sharing.served import ServedLimits
    from minikit.calls.stream import AsyncCompletionStream
    from minikit.calls.structured import ParsedCompletion
    from minikit.calls.telemetry import OpenTelemetryHook
    from minikit.chats import Chat, ChatStream
    from minikit.client import AsyncClient
    from minikit.functions import (
        ask,
        chat,
        compare,
        complete_many,
        describe,
        extract,
        needle,
        plan,
        run_many,
        summarize,
        summarize_many,
        translate,
    )
    from minikit.jobs.answering.answer import Answer, DocumentRead
    from minikit.jobs.answering.job import AskOptions
    from minikit.jobs.chat import AsyncChat
    from minikit.jobs.chatting.conversation import Conversation
    from minikit.jobs.chatting.exchange import Reply
    from minikit.jobs.chatting.options import ChatOptions
    from minikit.jobs.chatting.stream import AsyncChatStream
    from minikit.jobs.compare import CompareOptions
    from minikit.jobs.completing.options import ManyOptions
    from minikit.jobs.completing.outcomes import AsyncOutcomes
    from minikit.jobs.completing.plan import ManyPlan
    from minikit.jobs.completing.progress import Remaining, RowsProgress
    from minikit.jobs.completing.run import Outcome
    from minikit.jobs.corpus.options import CorpusOptions, SummarizeManyOptions
    from minikit.jobs.corpus.outcome import DocumentOutcome, Figures
    from minikit.jobs.corpus.outcomes import AsyncDocumentOutcomes
    from minikit.jobs.corpus.plan import CorpusPlan
    from minikit.jobs.corpus.report import CorpusProgress, CorpusReport, WorkerReport
    from minikit.jobs.describing.description import (
        DescribedImage,
        DescribeOptions,
        Description,
        DescriptionPlan,
    )
    from minikit.jobs.extract import (
        Conflict,
        ExtractedField,
        ExtractedItem,
        Extraction,
        ExtractOptions,
    )
    from minikit.jobs.finetune import check_training_file
    from minikit.jobs.measuring.comparison import Comparison, Likeness, ModelReply
    from minikit.jobs.measuring.needles import NeedleCell, NeedleProbe, NeedleReport
    from minikit.jobs.measuring.options import NeedleOptions
    from minikit.jobs.measuring.several import SeveralPlan
    from minikit.jobs.plan import Level, Plan, Plans, VerbPlan
    from minikit.jobs.provenance import Citation, Claim, Node
    from minikit.jobs.result import CallRecord, Gap, Progress, Result, SummaryWarning
    from minikit.jobs.summarizing.coverage import Coverage
    from minikit.jobs.summarizing.options import SummarizeOptions
    from minikit.jobs.summarizing.stream import AsyncSummaryStream
    from minikit.jobs.summarizing.summary import Partial, Summary, TextDelta
    from minikit.jobs.summarizing.templates import SummarizePrompts
    from minikit.jobs.timing import Duration
    from minikit.jobs.training.training import TrainingCheck, TrainingProblem
    from minikit.jobs.translating.job import TranslateOptions
    from minikit.jobs.translating.translation import Translation, TranslationProblem
    from minikit.jobs.verb import JobOptions
    from minikit.models.model import ImageRule, Model, Price
    from minikit.models.retirement import ModelRetirementWarning
    from minikit.models.usage import Usage
    from minikit.outcomes import DocumentOutcomes, Outcomes
    from minikit.streams import CompletionStream, SummaryStream
    from minikit.text.differences import Difference
    from minikit.text.document import Document, SourceWarning, Span
    from minikit.text.pack import Packed, PackedPart, Part, pack
    from minikit.text.passage import Passage
    from minikit.text.split import Chunk, split
    from minikit.tokens.chat import count_tokens
    from minikit.tokens.images import count_image_tokens, image_size
    from minikit.tokens.messages import ImagePart, Message, TextPart

__all__ = [
    "Answer",
    "ArgumentError",
    "AskOptions",
    "Asked",
    "AsyncChat",
    "AsyncChatStream",
    "AsyncClient",
    "AsyncCompletionStream",
    "AsyncDocumentOutcomes",
    "AsyncOutcomes",
    "AsyncSummaryStream",
    "AttemptEnded",
    "AuthenticationError",
    "BadReplyError",
    "Batch",
    "BatchHeldBack",
    "BatchStatus",
    "BatchWatched",
    "BudgetExceededError",
    "CallEnded",
    "CallError",
    "CallRecord",
    "CallStarted",
    "CallTimeoutError",
    "Chat",
    "ChatOptions",
    "ChatStream",
    "Chunk",
    "ChunkTooSmallError",
    "Citation",
    "Claim",
    "Client",
    "ClosedError",
    "CompareOptions",
    "Comparison",
    "CompleteOptions",
    "Completion",
    "CompletionStream",
    "Conflict",
    "ContextOverflowError",
    "Conversation",
    "CorpusOptions",
    "CorpusPlan",
    "CorpusProgress",
    "CorpusReport",
    "Coverage",
    "DaskLimits",
    "DescribeOptions",
    "DescribedImage",
    "Description",
    "DescriptionPlan",
    "Difference",
    "Document",
    "DocumentOutcome",
    "DocumentOutcomes",
    "DocumentRead",
    "Duration",
    "Event",
    "ExtractOptions",
    "ExtractedField",
    "ExtractedItem",
    "Extraction",
    "Figures",
    "Gap",
    "Hook",
    "ImagePart",
    "ImageRule",
    "JobError",
    "JobOptions",
    "JournalError",
    "Ledger",
    "LedgerEntry",
    "Level",
    "Likeness",
    "LocalLimits",
    "ManyOptions",
    "ManyPlan",
    "Message",
    "MinikitError",
    "MissingExtraError",
    "MissingKeyError",
    "Model",
    "ModelReply",
    "ModelRetirementWarning",
    "NeedleCell",
    "NeedleOptions",
    "NeedleProbe",
    "NeedleReport",
    "Node",
    "OpenTelemetryHook",
    "Outcome",
    "Outcomes",
    "OutputTruncatedError",
    "Packed",
    "PackedPart",
    "ParsedCompletion",
    "Part",
    "Partial",
    "Passage",
    "Plan",
    "Plans",
    "Price",
    "Progress",
    "QuotaExhaustedError",
    "RateLimit",
    "RateLimitError",
    "RedisLimits",
    "RefusalError",
    "Remaining",
    "Reply",
    "RequestRejectedError",
    "RequestTooLargeError",
    "Result",
    "Retry",
    "RetryScheduled",
    "RowsProgress",
    "SchemaError",
    "ServedLimits",
    "ServerError",
    "SeveralPlan",
    "SharedLimits",
    "SharedLimitsError",
    "SourceError",
    "SourceWarning",
    "Span",
    "Standing",
    "StreamBrokenError",
    "SummarizeManyOptions",
    "SummarizeOptions",
    "SummarizePrompts",
    "Summary",
    "SummaryStream",
    "SummaryWarning",
    "TextDelta",
    "TextPart",
    "Totals",
    "TrainingCheck",
    "TrainingProblem",
    "TranslateOptions",
    "Translation",
    "TranslationProblem",
    "TransportError",
    "UnknownModelError",
    "UnknownPriceError",
    "Usage",
    "VerbPlan",
    "VocabularyError",
    "WorkerError",
    "WorkerReport",
    "aask",
    "achat",
    "acompare",
    "acomplete_many",
    "adescribe",
    "aextract",
    "aneedle",
    "aplan",
    "arun_many",
    "ask",
    "asummarize",
    "asummarize_many",
    "atranslate",
    "chat",
    "check_training_file",
    "compare",
    "complete_many",
    "count_image_tokens",
    "count_tokens",
    "describe",
    "extract",
    "image_size",
    "needle",
    "pack",
    "plan",
    "run_many",
    "split",
    "summarize",
    "summarize_many",
    "translate",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    for module, names in _HOMES.items():
        if name in names.split():
            value = globals()[name] = getattr(import_module(module), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
