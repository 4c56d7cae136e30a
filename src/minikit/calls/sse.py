"""Server-sent events, as streams of chat completions use them (HTML Living Standard, 9.2.6)."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["EventReader", "WholeReader"]


class EventReader:
    """Cuts bytes into the data of events, whatever pieces the bytes come in.

    Only line feeds, with or without carriage returns, end a line: all servers send these, and a
    text decoder's other line ends, such as U+2028, stand inside JSON.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, received: bytes) -> Iterator[str]:
        """Yield the data of each event that `received` completes; comments and names are left."""
        *lines, self._rest = (self._rest + received).split(b"\n")
        for raw in lines:
            line = raw.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                yield self._taken()

    def end(self) -> Iterator[str]:
        """Yield an event that the stream ended in, since some servers send no last empty line."""
        yield from self.feed(b"\n")
        if self._data:
            yield self._taken()

    def _taken(self) -> str:
        data, self._data = b"\n".join(self._data), []
        return data.decode("utf-8", "replace")


class WholeReader:
    """Takes what is no stream for one event."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def feed(self, received: bytes) -> Iterator[str]:
        """Keep `received`; nothing is whole before the end."""
        self._pieces.append(received)
        return iter(())

    def end(self) -> Iterator[str]:
        """Yield all that came."""
        yield b"".join(self._pieces).decode("utf-8", "replace")
