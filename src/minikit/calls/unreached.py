"""Why there was no reply, as far as the errors tell that led to it: for people to act on."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast
from urllib.parse import urlsplit

from minikit.errors import ArgumentError, MinikitError, MissingExtraError

__all__ = ["PROXY", "place_of", "unusable", "why_unreached"]

PROXY = "check the proxy, and the name and the password that it asks for"
_CHECK = "check the network and the base URL (base_url= or OPENAI_BASE_URL)"
_CLOSED = "the connection was closed"
_CUT = "the connection was closed in the midst of a reply"
_IS_TLS = "is it an https:// server? Else "
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
    if url.startswith("https:"):
        way = way.removeprefix(_IS_TLS)
    return f"no reply from {_places(found[1], url)}: {told}; {way}{_by_proxy(url)}"


def unusable(error: Exception) -> MinikitError:
    """Return the error of an address that the HTTP library takes for none.

    What it says of that is not told: it may quote a password.
    """
    if isinstance(error, ImportError):
        return MissingExtraError(
            "ALL_PROXY, HTTPS_PROXY or HTTP_PROXY names a SOCKS proxy, which wants one more "
            "package: pip install socksio"
        )
    return ArgumentError(
        "the base URL, or a proxy that ALL_PROXY, HTTPS_PROXY or HTTP_PROXY names, is no address "
        "such as http://localhost:8000"
    )


def _places(error: BaseException, url: str) -> str:
    """Return where a reply was looked for: a redirect leads to another place than the URL."""
    place = there = place_of(url)
    with suppress(AttributeError, RuntimeError):  # it knows of no request
        there = place_of(str(cast("Any", error).request.url))
    return place if there == place else f"{there}, to which {place} redirects"


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
    if isinstance(error, OSError) and error.errno and not isinstance(error, ConnectionError):
        return os.strerror(error.errno), _CHECK
    return _told_by_name(type(error).__name__, str(error))


def _told_by_name(name: str, said: str) -> tuple[str, str] | None:
    """Return what an error of the HTTP library means, of which there are two with equal names."""
    if name == "RemoteProtocolError" and "closed connection" in said:
        return _CUT, _CHECK
    if name == "RemoteProtocolError" and "disconnected" not in said:
        return "what came is no HTTP", _IS_TLS + _CHECK
    if name in {"RemoteProtocolError", "ReadError", "WriteError"}:
        return _CLOSED, _IS_TLS + _CHECK
    if name == "ProxyError":
        return f"the proxy refused ({said!r:.80})", PROXY
    if name == "TooManyRedirects":
        return "it redirects without end", _CHECK
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
