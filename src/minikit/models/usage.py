"""How many tokens a call took."""

from __future__ import annotations

from dataclasses import dataclass, fields

from minikit.errors import ArgumentError

__all__ = ["Usage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one or more calls; `+` adds them up, starting from `Usage()`.

    Attributes:
        input_tokens: Of the prompts, cached ones included.
        cached_tokens: Input tokens read from the prompt cache; part of `input_tokens`.
        cache_write_tokens: Input tokens written to the prompt cache; part of `input_tokens`.
        output_tokens: Of the replies, reasoning included.
        reasoning_tokens: Output tokens spent on reasoning; part of `output_tokens`.
        estimated: Whether any of them was counted here and not by the server.
    """

    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False

    def __post_init__(self) -> None:
        for name in _COUNTS:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise ArgumentError(f"{name}={value!r} must be a whole number of 0 or more")

    def __add__(self, other: object) -> Usage:
        if not isinstance(other, Usage):
            return NotImplemented
        counts = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        return Usage(**counts, estimated=self.estimated or other.estimated)

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


_COUNTS = tuple(field.name for field in fields(Usage) if field.name != "estimated")
