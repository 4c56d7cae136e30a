"""Chat messages as values: read from mappings, checked, and written to the wire."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from minikit.errors import ArgumentError

__all__ = ["ContentPart", "Detail", "ImagePart", "Message", "Role", "TextPart", "as_mapping"]

Role = Literal["system", "developer", "user", "assistant", "tool"]
Detail = Literal["auto", "low", "high"]
_ROLES: tuple[str, ...] = get_args(Role)
_DETAILS: tuple[str, ...] = get_args(Detail)
_FIELDS = ("role", "content", "name", "tool_calls", "tool_call_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart:
    """A text within a message.

    Attributes:
        text: Any str.
    """

    text: str

    def __post_init__(self) -> None:
        if not isinstance(cast("object", self.text), str):
            raise ArgumentError(f"the text of a part is a str, not {_kind(self.text)}")

    def __repr__(self) -> str:
        return f"TextPart(<{len(self.text)} characters>)"

    def to_wire(self) -> dict[str, Any]:
        """Return the part as chat completions take it."""
        return {"type": "text", "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePart:
    """An image within a message.

    Attributes:
        url: "data:image/...;base64,..." with the image itself, or an http(s) address.
        detail: How closely the model looks; "auto" leaves it to the server, which is not told.
    """

    url: str
    detail: Detail = "auto"

    def __post_init__(self) -> None:
        url = cast("object", self.url)
        if not isinstance(url, str):
            raise ArgumentError(f"the url of an image is a str, not {_kind(url)}")
        if not url.lower().startswith(("data:image/", "https://", "http://")):
            raise ArgumentError(
                "the url of an image begins with https://, http:// or data:image/; write the "
                'bytes of a file as "data:image/png;base64," and their base64'
            )
        if self.detail not in _DETAILS:
            raise ArgumentError(f"detail={_brief(self.detail)} must be {_one_of(_DETAILS)}")

    def __repr__(self) -> str:
        return f"ImagePart(<{len(self.url)} characters>, detail={self.detail!r})"

    def to_wire(self) -> dict[str, Any]:
        """Return the part as chat completions take it; some servers refuse any `detail`."""
        image = {"url": self.url}
        if self.detail != "auto":
            image["detail"] = self.detail
        return {"type": "image_url", "image_url": image}


ContentPart = TextPart | ImagePart


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: "system", "developer", "user", "assistant" or "tool".
        content: A text, or parts in order; "" where an assistant only calls tools.
        name: Who speaks, where several share a role; or None.
        tool_calls: What an assistant asks tools to do, as it came on the wire.
        tool_call_id: Which call a tool answers; for the role "tool" alone.
    """

    role: Role
    content: str | tuple[ContentPart, ...]
    name: str | None = None
    tool_calls: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    tool_call_id: str | None = None

    def __post_init__(self) -> None:
        if self.role not in _ROLES:
            raise ArgumentError(
                f"the role of a message is {_one_of(_ROLES)}, not {_brief(self.role)}"
            )
        object.__setattr__(self, "content", _content(self.content, empty_allowed=True))
        object.__setattr__(self, "tool_calls", _tool_calls(self.tool_calls))
        for name in ("name", "tool_call_id"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, str) and value):
                raise ArgumentError(f"{name}={_brief(value)} must be a text that is not empty")
        _check_tools(self)

    def __repr__(self) -> str:
        size = f"{len(self.content)} {'characters' if isinstance(self.content, str) else 'parts'}"
        return f"Message(role={self.role!r}, content=<{size}>, name={self.name!r})"

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts in the content, in order; images have none."""
        if isinstance(self.content, str):
            return (self.content,)
        return tuple(part.text for part in self.content if isinstance(part, TextPart))

    @classmethod
    def of(cls, value: Message | Mapping[str, Any]) -> Message:
        """Read a message from a mapping in the form of the wire; a `Message` is itself.

        Args:
            value: With "role" and "content", and "name", "tool_calls" or "tool_call_id" where they
                belong. Other keys may only be empty, as in the dump of a reply.

        Raises:
            ArgumentError: A key is missing, unknown or has a value that no server takes.
        """
        if isinstance(value, Message):
            return value
        if not isinstance(cast("object", value), Mapping):
            raise ArgumentError(
                f"a message is a Message or a mapping such as "
                f'{{"role": "user", "content": "..."}}, not {_kind(value)}'
            )
        _check_keys(value)
        calls = value.get("tool_calls") or ()
        return cls(
            role=value["role"],
            content=_content(value.get("content"), empty_allowed=bool(calls)),
            name=value.get("name"),
            tool_calls=calls,
            tool_call_id=value.get("tool_call_id"),
        )

    def to_wire(self) -> dict[str, Any]:
        """Return the message as chat completions take it; changing the result changes nothing."""
        content: Any = self.content
        if not isinstance(self.content, str):
            content = [part.to_wire() for part in self.content]
        wire: dict[str, Any] = {"role": self.role, "content": content}
        if self.tool_calls:
            wire["content"] = content or None
            wire["tool_calls"] = [deepcopy(dict(call)) for call in self.tool_calls]
        optional = {"name": self.name, "tool_call_id": self.tool_call_id}
        return wire | {name: value for name, value in optional.items() if value is not None}


def as_mapping(value: object) -> Mapping[str, Any] | None:
    """Return `value` if it is a mapping, else None."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else None


def _check_keys(value: Mapping[str, Any]) -> None:
    if "role" not in value:
        raise ArgumentError(f'a message needs a "role": {_one_of(_ROLES)}')
    for key in value:
        if key not in _FIELDS and value[key] not in (None, "", [], (), {}):
            raise ArgumentError(
                f"a message has no {_brief(key)}; its keys are {', '.join(_FIELDS)}. Leave it out"
            )


def _content(value: object, *, empty_allowed: bool) -> str | tuple[ContentPart, ...]:
    if isinstance(value, str):
        return value
    if value is None and empty_allowed:
        return ""
    parts = _items(value)
    if not parts:
        raise ArgumentError(
            "the content of a message is a str or a list of one part or more, "
            f"not {'empty' if parts == () else _kind(value)}"
        )
    return tuple(_part(part) for part in parts)


def _part(value: object) -> ContentPart:
    if isinstance(value, TextPart | ImagePart):
        return value
    part = as_mapping(value) or {}
    kind, image = part.get("type"), as_mapping(part.get("image_url")) or {}
    if kind == "text" and part.keys() == {"type", "text"}:
        return TextPart(text=part["text"])
    if part.keys() == {"type", "image_url"} and image.keys() <= {"url", "detail"}:
        return ImagePart(url=cast("str", image.get("url")), detail=image.get("detail") or "auto")
    raise ArgumentError(
        'a part of a message is {"type": "text", "text": ...} or '
        '{"type": "image_url", "image_url": {"url": ..., "detail": ...}}, '
        f"not {_kind(value)}{f' of type {_brief(kind)}' if kind is not None else ''}"
    )


def _tool_calls(value: object) -> tuple[Mapping[str, Any], ...]:
    calls = _items(value)
    if calls is not None and all(_is_tool_call(call) for call in calls):
        return cast("tuple[Mapping[str, Any], ...]", calls)
    raise ArgumentError(
        'tool_calls are {"id": ..., "type": "function", "function": {"name": ..., '
        f'"arguments": ...}}}}, as they came on the wire, not {_kind(value)}'
    )


def _is_tool_call(value: object) -> bool:
    function = as_mapping((as_mapping(value) or {}).get("function")) or {}
    return isinstance(function.get("name"), str) and isinstance(function.get("arguments"), str)


def _check_tools(message: Message) -> None:
    if message.tool_calls and message.role != "assistant":
        raise ArgumentError(f"only an assistant calls tools, not the role {message.role!r}")
    if (message.role == "tool") != (message.tool_call_id is not None):
        raise ArgumentError(
            'a message with the role "tool", and no other, needs the tool_call_id that it answers; '
            f"role={message.role!r}, tool_call_id={_brief(message.tool_call_id)}"
        )


def _items(value: object) -> tuple[object, ...] | None:
    return tuple(cast("list[object]", value)) if isinstance(value, list | tuple) else None


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _one_of(choices: tuple[str, ...]) -> str:
    return f"{', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}"
