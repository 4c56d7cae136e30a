"""A test double as a server on this machine, for applications that run in another process."""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

from minikit.calls.endpoint import Endpoint
from minikit.calls.standin import OPENAI, forwarded
from minikit.testing.replies import failure
from minikit.testing.request import UnexpectedRequestError

if TYPE_CHECKING:
    from minikit.calls.offline import Reply as Wire
    from minikit.calls.standin import Forward

__all__ = ["loopback"]

Respond = Callable[[str, bytes, "Forward"], Awaitable["Wire"]]


@contextmanager
def loopback(respond: Respond) -> Generator[str]:
    """Serve `respond` at a free port of this machine, and give its base URL.

    What it forwards goes to the server that OPENAI_BASE_URL names as the block begins, else to
    OpenAI, with the key of the request.

    Args:
        respond: Answers a request, as `Double.respond` does; it is called in many threads, in an
            event loop of its own each time.
    """
    upstream = os.environ.get("OPENAI_BASE_URL") or OPENAI
    with _Server(("127.0.0.1", 0), partial(_Handler, respond, upstream)) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), name="minikit loopback")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
            thread.join()
            server.hang_up()


class _Server(ThreadingTCPServer):
    """Listens, and has a thread for each connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: Callable[..., _Handler]) -> None:
        super().__init__(address, handler)
        self._open: set[Any] = set()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as typed above it
        """Remember a connection, and answer what comes by it."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as typed above it
        """Close a connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Break the connections that are open, which ends their threads."""
        for connection in tuple(self._open):
            with suppress(OSError):  # it is being closed
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a piece of a stream does not wait for the next

    def __init__(self, respond: Respond, upstream: str, *connection: Any) -> None:  # noqa: ANN401 - of the base class
        self._respond = respond
        self._upstream = upstream
        super().__init__(*connection)

    def handle(self) -> None:
        """Answer until the connection ends: by the script, or because the client has left."""
        with suppress(ConnectionError):
            super().handle()

    def do_POST(self) -> None:
        """Answer a request; one whose body does not come as it was announced is none."""
        import anyio

        try:
            body = self._body()
        except ValueError:
            self.send_error(400)
            return
        anyio.run(self._answer, body)

    do_GET = do_HEAD = do_OPTIONS = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 - as in HTTP

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
        """Say nothing."""

    def _body(self) -> bytes:
        """Read the body of a request.

        Raises:
            ValueError: It is cut off, or nobody knows how long it is.
        """
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            body = b"".join(iter(self._chunk, b""))
            while self.rfile.readline().strip():
                pass  # fields after the body
            return body
        return self._read(int(self.headers.get("content-length", 0)))

    def _chunk(self) -> bytes:
        """Read the next piece of a body; b"" at its end."""
        size = int(self.rfile.readline().partition(b";")[0], 16)
        return self._read(size + 2)[:-2] if size else b""

    def _read(self, size: int) -> bytes:
        read = self.rfile.read(size) if size > 0 else b""
        if len(read) != size:
            raise ValueError(f"{size} bytes were announced, and {len(read)} came")
        return read

    async def _answer(self, body: bytes) -> None:
        is_usual = self.command in ("GET", "POST")
        target = self.path if is_usual else f"{self.command} {self.path}"
        try:
            reply = await self._respond(target, body, self._forward)
        except TimeoutError:
            self.connection.recv(1)  # which ends when the client has had enough
            raise ConnectionAbortedError from None
        except UnexpectedRequestError as error:
            reply = failure(400, str(error), code=error.code)
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - what asked the real server has failed
            reply = failure(502, f"{type(error).__name__}: {error}")
        await self._send(reply)

    async def _send(self, reply: Wire) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if isinstance(reply.body, bytes):
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body if self.command != "HEAD" else b"")
            return
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        async for piece in reply.body:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    async def _forward(self, body: bytes) -> Wire:
        key = self.headers.get("authorization", "").removeprefix("Bearer ")
        return await forwarded(Endpoint(base_url=self._upstream, api_key=key), body)
