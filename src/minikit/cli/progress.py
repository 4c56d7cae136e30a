"""How far a job is, on a terminal or in a log."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from minikit.jobs.plain import counted, money

if TYPE_CHECKING:
    from minikit.jobs.result import Progress

__all__ = ["ProgressLine"]


class ProgressLine:
    """One line that is written over on a terminal; in a log, a line for each tenth of the calls."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._tenth = -1

    def show(self, progress: Progress) -> None:
        """Show where the job stands."""
        at_most = max(progress.calls_done, progress.calls_at_most)  # redone calls come on top
        text = (
            f"minikit: {progress.calls_done} of at most {counted(at_most, 'call')}, "
            f"{progress.usage.total_tokens:,} tokens, {money(progress.cost_usd)}"
        )
        if self._is_terminal:
            self._stream.write(f"\r\x1b[K{text}")
            self._stream.flush()
            return
        tenth = 10 * progress.calls_done // at_most
        if tenth != self._tenth:
            self._tenth = tenth
            print(text, file=self._stream, flush=True)

    def end(self) -> None:
        """Clear the line."""
        if self._is_terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
