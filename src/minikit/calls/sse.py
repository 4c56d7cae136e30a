"""Server-sent events, as streams of chat completions use them (HTML Living Standard, 9.2.6)."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["EventReader"]


class EventReader:
    """Cuts bytes into the data of events, whatever pieces the bytes come in.

    Only line feeds, with or without carriage returns, end a line: all servers send these, and a
    text decoder's other line ends, such as U+2028, stand inside JSON.

    What begins like JSON or HTML is no stream, whatever its content type says, and is given at its
    end as one event.

    Attributes:
        is_whole: Whether it turned out to be no stream.
    """

    def __init__(self) -> None:
        self.is_whole = False
        self._has_begun = False
        self._pieces: list[bytes] = []  # of the line that has not ended
        self._data: list[bytes] = []

    def feed(self, received: bytes) -> Iterator[str]:
        """Yield the data of each event that `received` completes; comments and names are left."""
        if not self._has_begun:
            first = received.lstrip()[:1]
            self._has_begun, self.is_whole = bool(first), first in (b"{", b"[", b"<")
        self._pieces.append(received)
        if self.is_whole or b"\n" not in received:
            return
        *lines, rest = b"".join(self._pieces).split(b"\n")
        self._pieces = [rest]
        for raw in lines:
            line = raw.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:])
            elif not line:
                yield from self._taken()

    def end(self) -> Iterator[str]:
        """Yield what the end completes: some servers send no last empty line."""
        if self.is_whole:
            yield b"".join(self._pieces).decode("utf-8", "replace")
        else:
            yield from self.feed(b"\n")
            yield from self._taken()

    def _taken(self) -> Iterator[str]:
        """Yield the event whose data has come; one without data says nothing."""
        data, self._data = b"\n".join(self._data).strip(), []
        if data:
            yield data.decode("utf-8", "replace")
