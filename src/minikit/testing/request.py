"""What was asked, as a test sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from minikit.errors import CallError

if TYPE_CHECKING:
    from minikit.models.model import Model

__all__ = ["Request", "UnexpectedRequestError"]

CHAT = "/chat/completions"
_NO_OPTIONS = ("messages", "model", "stream", "stream_options")


class UnexpectedRequestError(CallError, AssertionError):
    """A test asked what nothing was scripted or recorded for; the message shows both.

    An application that catches `CallError` hides it; the server raises it again at its end.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it went over the wire.

    Attributes:
        body: The JSON of it; not to be changed.
        is_batched: Whether it came in a batch.
    """

    body: Mapping[str, Any] = field(repr=False)
    is_batched: bool = False

    @classmethod
    def of(cls, path: str, body: bytes) -> Request:
        """Read what was sent.

        Raises:
            UnexpectedRequestError: It asks for no chat completion.
        """
        if not path.endswith(CHAT):
            raise UnexpectedRequestError(
                f"a request for {path!r}: only chat completions, and batches of them, can be "
                f"scripted and recorded",
                code="unexpected_request",
            )
        return cls.read(body)

    @classmethod
    def read(cls, body: bytes, *, is_batched: bool = False) -> Request:
        """Read the body of a request for a chat completion.

        Raises:
            UnexpectedRequestError: It is none.
        """
        try:
            request = cls(body=json.loads(body), is_batched=is_batched)
            _ = request.model, request.texts
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnexpectedRequestError(
                f"a request with a body that asks for no chat completion: {body[:200]!r}",
                code="unexpected_request",
            ) from error
        return request

    @property
    def model(self) -> str:
        """Id of the model that was asked."""
        return str(self.body["model"])

    @property
    def messages(self) -> tuple[Mapping[str, Any], ...]:
        """The messages as on the wire, oldest first."""
        return tuple(self.body["messages"])

    @property
    def prompt(self) -> str:
        """The texts of all messages, joined by new lines."""
        return "\n".join(text for _, text in self.texts)

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """Role and text of each message; a part that is no text stands as its type in brackets."""
        return tuple((str(each["role"]), _text(each.get("content"))) for each in self.messages)

    @property
    def options(self) -> Mapping[str, Any]:
        """All else that was sent, such as "temperature", by its name on the wire."""
        return {name: value for name, value in self.body.items() if name not in _NO_OPTIONS}

    @property
    def max_output_tokens(self) -> int | None:
        """The most output that was asked for, in tokens, or None."""
        asked = self.body.get("max_completion_tokens", self.body.get("max_tokens"))
        return cast("int | None", asked)

    @property
    def is_streamed(self) -> bool:
        """Whether the reply is to come in pieces."""
        return self.body.get("stream") is True

    @property
    def tool(self) -> str | None:
        """Name of the tool that stands for the form of the reply, or None."""
        tools = self.body.get("tools")
        return str(tools[0]["function"]["name"]) if tools else None

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """The JSON schema that the reply must fit, or None where the prompt alone tells."""
        if self.tool is not None:
            return cast("Mapping[str, Any]", self.body["tools"][0]["function"]["parameters"])
        form: Mapping[str, Any] = self.body.get("response_format", {})
        described: Mapping[str, Any] = form.get("json_schema", {})
        return described.get("schema")

    @property
    def input_tokens(self) -> int:
        """The tokens of the prompt, as minikit counts them before it asks."""
        from minikit.tokens.chat import count_tokens

        model = self.priced_model
        tokens = count_tokens(self.messages, model=model, tools=self.body.get("tools", ()))
        form = self.body.get("response_format")
        return tokens + (count_tokens(json.dumps(form), model=model) if form else 0)

    @property
    def priced_model(self) -> Model:
        """The model by which tokens are counted: the one asked for, where it is known."""
        from minikit.errors import UnknownModelError
        from minikit.models.model import DEFAULT_MODEL, Model

        try:
            return Model.resolve(self.model)
        except UnknownModelError:
            return Model.resolve(DEFAULT_MODEL)


def _text(content: object) -> str:
    if isinstance(content, list):
        parts = cast("list[Mapping[str, Any]]", content)
        return "\n".join(part.get("text") or f"[{part.get('type')}]" for part in parts)
    return cast("str | None", content) or ""
