"""How far a job is, on a terminal or in a log."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from minikit.calls.hooks import BatchWatched
from minikit.text.plain import counted, money

if TYPE_CHECKING:
    from minikit.calls.hooks import Event
    from minikit.jobs.result import Progress

__all__ = ["ProgressLine"]


class ProgressLine:
    """One line that is written over on a terminal; in a log, a line for each tenth of the calls."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._tenth = -1
        self._batches: dict[str, tuple[str, int]] = {}

    def show(self, progress: Progress) -> None:
        """Show where the job stands."""
        at_most = max(progress.calls_done, progress.calls_at_most)  # redone calls come on top
        text = (
            f"minikit: {progress.calls_done} of at most {counted(at_most, 'call')}, "
            f"{progress.usage.total_tokens:,} tokens, {money(progress.cost_usd)}"
        )
        tenth = 10 * progress.calls_done // at_most
        self._show(text, is_news=tenth != self._tenth)
        self._tenth = tenth

    def show_batch(self, event: Event) -> None:
        """Show how far a batch is; in a log, when its state or a tenth of its requests is new."""
        if not isinstance(event, BatchWatched):
            return
        done = event.completed + event.failed
        failed = f", {event.failed:,} failed" if event.failed else ""
        text = (
            f"minikit: batch {event.batch_id}: {event.status.replace('_', ' ')}, {done:,} of "
            f"{counted(event.requests, 'request')} done{failed}"
        )
        news = (event.status, 10 * done // max(1, event.requests))
        self._show(text, is_news=self._batches.get(event.batch_id) != news)
        self._batches[event.batch_id] = news

    def _show(self, text: str, *, is_news: bool) -> None:
        if self._is_terminal:
            self._stream.write(f"\r\x1b[K{text}")
            self._stream.flush()
        elif is_news:
            print(text, file=self._stream, flush=True)

    def end(self) -> None:
        """Clear the line."""
        if self._is_terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
