"""Where a model is reached, and with which key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
        if chosen is not None and not chosen.startswith(("http://", "https://")):
            raise ArgumentError(f"a base URL begins with http:// or https://, not {chosen!r}")
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
