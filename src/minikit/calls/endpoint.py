"""Where a model is reached, and with which key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from minikit.errors import ArgumentError, MissingKeyError
from minikit.models.model import Model

__all__ = ["Endpoint"]

KEY_VARIABLES = {"anthropic": "ANTHROPIC_API_KEY", "google": "GEMINI_API_KEY"}
"""The variable that holds the key of a provider's own server; OPENAI_API_KEY for all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server and the key for it.

    Attributes:
        base_url: Address of an OpenAI-compatible server, or None for OpenAI's own.
        api_key: The key; not shown in the repr.
    """

    base_url: str | None
    api_key: str = field(repr=False)

    @classmethod
    def of(
        cls,
        model: Model,
        *,
        api_key: str | None,
        base_url: str | None,
        environ: Mapping[str, str],
    ) -> Endpoint:
        """Find the endpoint: arguments first, then the environment, then the model's own.

        OPENAI_BASE_URL names the server for every model. Without it a model of another provider
        is asked at that provider, with that provider's key: an OpenAI key is never sent there.

        Raises:
            MissingKeyError: No key was given and the variable that may hold it is not set.
            ArgumentError: The key or the address cannot be one.
        """
        chosen = base_url or environ.get("OPENAI_BASE_URL") or None
        variable = "OPENAI_API_KEY"
        if chosen is None and model.base_url is not None:
            chosen, variable = model.base_url, KEY_VARIABLES.get(model.provider, variable)
        if chosen is not None:
            chosen = _address(chosen)
        key = (api_key or environ.get(variable) or "").strip()
        if not (key.isascii() and key.isprintable()):
            raise ArgumentError(f"the API key for {model.id!r} has characters that no key has")
        if not key:
            raise MissingKeyError(
                f"no API key for {model.id!r}: set {variable} or pass api_key= (any value, where "
                f"a server of your own asks for none); without a key, model='offline' selects "
                f"sentences on this machine at no cost"
            )
        return cls(base_url=chosen, api_key=key)


def _address(given: str) -> str:
    """Return a base URL, without the white space around it.

    Raises:
        ArgumentError: It is none. It is shown where it cannot hold a key or a password.
    """
    url = given.strip()
    if _is_address(url):
        return url
    may_hold_a_key = "sk-" in url or "@" in url or not set(".:/").intersection(url)
    shown = "what is given" if may_hold_a_key else repr(given)
    raise ArgumentError(
        f"a base URL begins with http:// or https:// and names a host, and a port of 65535 at "
        f"most, such as http://localhost:8000/v1; not {shown}"
    )


def _is_address(url: str) -> bool:
    if not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # its port is no number or none that there is, or it is no IPv6
        return False
