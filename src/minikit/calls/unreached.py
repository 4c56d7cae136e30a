"""Why there was no reply, as far as the errors tell that led to it: for people to act on."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import cast
from urllib.parse import urlsplit

__all__ = ["place_of", "why_unreached"]

_CHECK = "check the network and the base URL (base_url= or OPENAI_BASE_URL)"
_PORTS = {"http": 80, "https": 443}


def place_of(url: str) -> str:
    """Return the host and the port of a URL, and nothing else of it, which may be secret."""
    parts = urlsplit(url)
    host = parts.hostname or "the server"
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{parts.port or _PORTS.get(parts.scheme, 0)}"


def why_unreached(error: BaseException, url: str) -> str:
    """Return why no reply came from `url`, and the way out.

    Args:
        error: What the SDK raised.
        url: Base URL of the server; its host and port are told, and nothing else of it.
    """
    found = list(_led_to(error))
    told, way = next(filter(None, map(_told, found)), (type(found[1]).__name__, _CHECK))
    return f"no reply from {place_of(url)}: {told}; {way}{_by_proxy(url)}"


def _told(error: BaseException) -> tuple[str, str] | None:
    """Return what one of the errors means, and the way out; None of one that tells nothing."""
    if isinstance(error, socket.gaierror):
        return "its name could not be looked up", _CHECK
    if isinstance(error, ssl.SSLCertVerificationError):
        why = getattr(error, "verify_message", error)
        return f"its certificate is not trusted ({why})", (
            "where a proxy of your network has its own, set SSL_CERT_FILE to a file of it"
        )
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({getattr(error, 'reason', None) or error})", (
            "a server without TLS wants http:// in the base URL (base_url= or OPENAI_BASE_URL)"
        )
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused, as where no server runs", _CHECK
    if type(error).__name__ == "RemoteProtocolError":
        closed = "disconnected" in str(error)
        told = "the connection was closed" if closed else "what came is no HTTP"
        return told, f"is it an https:// server? Else {_CHECK}"
    return None


def _led_to(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what led to it, that of several addresses too."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for each in cast("BaseExceptionGroup[BaseException]", error).exceptions:
                yield from _led_to(each)
        error = error.__cause__ or error.__context__


def _by_proxy(url: str) -> str:
    """Tell of the proxy that the environment names for a URL."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    proxies = getproxies()
    scheme = next((each for each in (parts.scheme, "all") if proxies.get(each)), None)
    if scheme is None or proxy_bypass(parts.hostname or ""):
        return ""
    proxy = proxies[scheme]
    named = place_of(proxy if "://" in proxy else f"http://{proxy}")
    return f"; {scheme.upper()}_PROXY names {named}, which may be what does not answer"
