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
)

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
        asummarize,
        atranslate,
    )
    from minikit.blocking import Client
    from minikit.calls.completion import Completion
    from minikit.calls.hooks import (
        AttemptEnded,
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
        summarize,
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
    from minikit.outcomes import Outcomes
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
    "AsyncOutcomes",
    "AsyncSummaryStream",
    "AttemptEnded",
    "AuthenticationError",
    "BadReplyError",
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
    "Coverage",
    "DaskLimits",
    "DescribeOptions",
    "DescribedImage",
    "Description",
    "DescriptionPlan",
    "Difference",
    "Document",
    "DocumentRead",
    "Duration",
    "Event",
    "ExtractOptions",
    "ExtractedField",
    "ExtractedItem",
    "Extraction",
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
    "aask",
    "achat",
    "acompare",
    "acomplete_many",
    "adescribe",
    "aextract",
    "aneedle",
    "aplan",
    "ask",
    "asummarize",
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
    "split",
    "summarize",
    "translate",
]


_HOMES = {
    "minikit.jobs.compare": "CompareOptions",
    "minikit.jobs.measuring.comparison": "Comparison Likeness ModelReply",
    "minikit.jobs.measuring.options": "NeedleOptions",
    "minikit.jobs.measuring.needles": "NeedleCell NeedleProbe NeedleReport",
    "minikit.jobs.measuring.several": "SeveralPlan",
    "minikit.text.differences": "Difference",
    "minikit.blocking": "Client",
    "minikit.calls.completion": "Completion",
    "minikit.calls.hooks": "AttemptEnded CallEnded CallStarted Event Hook RetryScheduled",
    "minikit.calls.ledger": "Ledger LedgerEntry Totals",
    "minikit.calls.pace": "RateLimit",
    "minikit.calls.shared": "Asked SharedLimits Standing",
    "minikit.calls.sharing.dask_limits": "DaskLimits",
    "minikit.calls.sharing.local": "LocalLimits",
    "minikit.calls.sharing.redis_limits": "RedisLimits",
    "minikit.calls.sharing.served": "ServedLimits",
    "minikit.calls.request": "CompleteOptions",
    "minikit.calls.retry": "Retry",
    "minikit.calls.stream": "AsyncCompletionStream",
    "minikit.calls.structured": "ParsedCompletion",
    "minikit.calls.telemetry": "OpenTelemetryHook",
    "minikit.chats": "Chat ChatStream",
    "minikit.client": "AsyncClient",
    "minikit.async_functions": "aask achat acompare acomplete_many adescribe aextract aneedle "
    "aplan asummarize atranslate",
    "minikit.functions": "ask chat compare complete_many describe extract needle plan summarize "
    "translate",
    "minikit.jobs.answering.answer": "Answer DocumentRead",
    "minikit.jobs.answering.job": "AskOptions",
    "minikit.jobs.extract": "Conflict ExtractOptions ExtractedField ExtractedItem Extraction",
    "minikit.jobs.completing.options": "ManyOptions",
    "minikit.jobs.completing.plan": "ManyPlan",
    "minikit.jobs.describing.description": "DescribeOptions DescribedImage Description "
    "DescriptionPlan",
    "minikit.jobs.summarizing.options": "SummarizeOptions",
    "minikit.jobs.completing.outcomes": "AsyncOutcomes",
    "minikit.jobs.plan": "Level Plan Plans VerbPlan",
    "minikit.jobs.chat": "AsyncChat",
    "minikit.jobs.chatting.exchange": "Reply",
    "minikit.jobs.chatting.options": "ChatOptions",
    "minikit.jobs.chatting.stream": "AsyncChatStream",
    "minikit.jobs.chatting.conversation": "Conversation",
    "minikit.jobs.summarizing.coverage": "Coverage",
    "minikit.jobs.provenance": "Citation Claim Node",
    "minikit.jobs.completing.run": "Outcome",
    "minikit.jobs.completing.progress": "Remaining RowsProgress",
    "minikit.jobs.summarizing.stream": "AsyncSummaryStream",
    "minikit.jobs.result": "CallRecord Gap Progress Result SummaryWarning",
    "minikit.jobs.summarizing.summary": "Partial Summary TextDelta",
    "minikit.jobs.summarizing.templates": "SummarizePrompts",
    "minikit.jobs.timing": "Duration",
    "minikit.jobs.finetune": "check_training_file",
    "minikit.jobs.training.training": "TrainingCheck TrainingProblem",
    "minikit.jobs.translating.job": "TranslateOptions",
    "minikit.jobs.translating.translation": "Translation TranslationProblem",
    "minikit.jobs.verb": "JobOptions",
    "minikit.models.model": "ImageRule Model Price",
    "minikit.models.retirement": "ModelRetirementWarning",
    "minikit.models.usage": "Usage",
    "minikit.outcomes": "Outcomes",
    "minikit.streams": "CompletionStream SummaryStream",
    "minikit.text.document": "Document SourceWarning Span",
    "minikit.text.passage": "Passage",
    "minikit.text.pack": "Packed PackedPart Part pack",
    "minikit.text.split": "Chunk split",
    "minikit.tokens.chat": "count_tokens",
    "minikit.tokens.images": "count_image_tokens image_size",
    "minikit.tokens.messages": "ImagePart Message TextPart",
}
"""Where each public name stands; a name is imported at its first use, so that `import minikit`
costs a program that may not need it next to nothing (PEP 562)."""


def __getattr__(name: str) -> object:
    from importlib import import_module

    for module, names in _HOMES.items():
        if name in names.split():
            value = globals()[name] = getattr(import_module(module), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
