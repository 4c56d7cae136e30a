"""A headless Chromium, driven over its DevTools protocol through a pair of pipes.

    with Browser(executable()) as browser:
        page = browser.open("file:///tmp/page.html")
        page.click("button")
        assert page.evaluate("document.title") == "clicked"
        assert page.errors == []

No socket is opened and no package is needed: messages are JSON, ended by a NUL, on descriptors 3
and 4 of the browser (https://chromedevtools.github.io/devtools-protocol/, read 2026-11-22).
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Browser", "BrowserError", "Page", "executable"]

_WAIT_S = 60.0  # no test waits longer for something that must happen
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
)
_KEYS = {
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    " ": (32, " "),
    "End": (35, ""),
    "Home": (36, ""),
    "ArrowLeft": (37, ""),
    "ArrowUp": (38, ""),
    "ArrowRight": (39, ""),
    "ArrowDown": (40, ""),
    "PageUp": (33, ""),
    "PageDown": (34, ""),
    "Tab": (9, ""),
}

JSON = Any  # what the protocol and scripts in a page return


class BrowserError(Exception):
    """The browser refused a command, a script failed, or nothing came in time."""


def executable() -> str | None:
    """Return the path of a Chromium on this machine; None where there is none."""
    if not hasattr(os, "posix_spawn"):
        return None
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Browser:
    """A running browser with a profile of its own; close it, or use it in `with`."""

    def __init__(self, path: str) -> None:
        self._profile = tempfile.mkdtemp(prefix="browser-")
        theirs_in, self._out = _pipe()
        self._in, theirs_out = _pipe()
        null = os.open(os.devnull, os.O_RDWR)
        self._pid = os.posix_spawn(
            path,
            [path, *_FLAGS, f"--user-data-dir={self._profile}", "about:blank"],
            {**os.environ, "HOME": self._profile},
            file_actions=[
                *((os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)),
                (os.POSIX_SPAWN_DUP2, theirs_in, 3),
                (os.POSIX_SPAWN_DUP2, theirs_out, 4),
            ],
            setpgroup=0,
        )
        for fd in (theirs_in, theirs_out, null):
            os.close(fd)
        self._buffer = bytearray()
        self._last = 0
        self._pages: dict[str, Page] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self, url: str, *, width: int = 1280, height: int = 800) -> Page:
        """Open `url` in a new page of this size and wait until it is loaded."""
        target = self.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})
        page = self._pages[attached["sessionId"]] = Page(self, target, attached["sessionId"])
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.send(f"{domain}.enable")
        page.resize(width, height)
        page.send("Page.navigate", {"url": url})
        page.wait("document.readyState === 'complete' && location.href !== 'about:blank'")
        return page

    def send(
        self, method: str, params: Mapping[str, object] | None = None, session: str | None = None
    ) -> JSON:
        """Send a command and return its result; events that come before it are handed on."""
        number = self.post(method, params, session)
        deadline = time.monotonic() + _WAIT_S
        while True:
            reply = self._receive(deadline)
            if reply.get("id") == number:
                break
            if reply.get("sessionId") in self._pages and "method" in reply:
                self._pages[reply["sessionId"]].hear(reply["method"], reply["params"])
        if "error" in reply:
            raise BrowserError(f"{method}: {reply['error']['message']}")
        return reply["result"]

    def post(
        self, method: str, params: Mapping[str, object] | None = None, session: str | None = None
    ) -> int:
        """Send a command without waiting for its result; return its number."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params or {}}
        if session:
            message["sessionId"] = session
        _write(self._out, json.dumps(message).encode() + b"\0")
        return self._last

    def forget(self, session: str) -> None:
        """Hand no more events to a page."""
        del self._pages[session]

    def close(self) -> None:
        """End the browser and remove its profile."""
        os.close(self._out)  # a browser that is driven through a pipe ends with it
        if not self._ended_by(time.monotonic() + 5):
            os.killpg(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._in)
        shutil.rmtree(self._profile, ignore_errors=True)

    def _ended_by(self, deadline: float) -> bool:
        while time.monotonic() < deadline:
            if os.waitpid(self._pid, os.WNOHANG)[0]:
                return True
            select.select([], [], [], 0.02)
        return False

    def _receive(self, deadline: float) -> dict[str, JSON]:
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            if left < 0 or not select.select([self._in], [], [], left)[0]:
                raise BrowserError(f"nothing came within {_WAIT_S:.0f} s")
            data = os.read(self._in, 1 << 20)
            if not data:
                raise BrowserError("the browser has ended")
            self._buffer += data
        message, _, rest = self._buffer.partition(b"\0")
        self._buffer = rest
        decoded: dict[str, JSON] = json.loads(message)
        return decoded


class Page:
    """A page in a browser.

    Attributes:
        errors: Uncaught exceptions, console messages of any kind, and entries of the log.
        requests: Addresses that were asked for, the page's own first.
        dialogs: Messages of the dialogs that opened; each is dismissed.
    """

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        self._browser = browser
        self._target = target
        self._session = session

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, method: str, params: Mapping[str, object] | None = None) -> JSON:
        """Send a command of the protocol to this page."""
        return self._browser.send(method, params, self._session)

    def evaluate(self, script: str) -> JSON:
        """Return the value of an expression in the page; a promise is waited for."""
        result = self.send(
            "Runtime.evaluate",
            {"expression": script, "returnByValue": True, "awaitPromise": True},
        )
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            told = details.get("exception", {}).get("description", details["text"])
            raise BrowserError(f"{script}: {told}")
        return result["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression holds in the page."""
        deadline = time.monotonic() + _WAIT_S
        while not self.evaluate(f"Boolean({condition})"):
            if time.monotonic() > deadline:
                raise BrowserError(f"never true: {condition}")
            select.select([], [], [], 0.02)

    def click(self, selector: str) -> None:
        """Press and release the mouse on the first line of the first element that matches."""
        box = self.evaluate(
            f"(() => {{ const it = document.querySelector({json.dumps(selector)});"
            "it.scrollIntoView({block: 'nearest'});"
            "const {x, y, width, height} = it.getClientRects()[0];"
            "return [x + width / 2, y + height / 2]; })()"
        )
        self.click_at(*box)

    def click_at(self, x: float, y: float) -> None:
        """Press and release the mouse at a point of the window."""
        where = {"x": x, "y": y, "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", {"type": kind, **where})

    def press(self, *keys: str) -> None:
        """Press and release keys, named as in `KeyboardEvent.key`."""
        for key in keys:
            code, text = _KEYS.get(key, (ord(key[0].upper()), key))
            about = {"key": key, "windowsVirtualKeyCode": code, "text": text}
            for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
                self.send("Input.dispatchKeyEvent", {"type": kind, **about})

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", size)

    def emulate(self, media: str = "", **features: str) -> None:
        """Show the page as on a medium ("print"), or with features (`prefers_color_scheme`)."""
        told = [{"name": n.replace("_", "-"), "value": value} for n, value in features.items()]
        self.send("Emulation.setEmulatedMedia", {"media": media, "features": told})

    def screenshot(self) -> bytes:
        """Return what is in view, as PNG."""
        return self._bytes(self.send("Page.captureScreenshot", {"format": "png"}))

    def pdf(self) -> bytes:
        """Return the page as it is printed."""
        return self._bytes(self.send("Page.printToPDF", {"preferCSSPageSize": True}))

    def close(self) -> None:
        """Close the page."""
        self._browser.send("Target.closeTarget", {"targetId": self._target})
        self._browser.forget(self._session)

    def hear(self, event: str, told: Mapping[str, JSON]) -> None:
        """Keep what an event tells."""
        if event == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif event == "Runtime.consoleAPICalled":
            self.errors.append(f"{told['type']}: {told['args']}")
        elif event == "Log.entryAdded":
            self.errors.append(f"{told['entry']['level']}: {told['entry']['text']}")
        elif event == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif event == "Page.javascriptDialogOpening":
            self.dialogs.append(told["message"])
            self._browser.post("Page.handleJavaScriptDialog", {"accept": False}, self._session)

    @staticmethod
    def _bytes(result: Mapping[str, str]) -> bytes:
        import base64

        return base64.b64decode(result["data"])


def _pipe() -> tuple[int, int]:
    """Return a pipe whose ends lie above the descriptors that are copied into the browser."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return high[0], high[1]


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
