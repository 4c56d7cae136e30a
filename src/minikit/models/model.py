"""What a model is: limits, encoding, image rule, capabilities, dates and price, as one value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, cast

from minikit.errors import ArgumentError, UnknownModelError
from minikit.models import table

__all__ = ["CAPABILITIES", "DEFAULT_MODEL", "ENCODINGS", "ImageRule", "Model", "Price"]

DEFAULT_MODEL = "gpt-4o-mini"
ENCODINGS = ("o200k_base", "cl100k_base")
CAPABILITIES = frozenset(
    {"batch", "json_schema", "reasoning", "sampling", "streaming", "tools", "vision"}
)
_RULES = {
    "tile": ("base_tokens", "tile_tokens"),
    "patch": ("patch_budget",),
    "grid": ("patch_budget", "longest_side"),
}
"""What an image rule of each kind needs."""

_OUTPUT_LIMIT_FIELDS = ("max_completion_tokens", "max_tokens")
_SHOWN_CHARACTERS = 80
_FINE_TUNED_FORM = (
    "a fine-tuned model is ft:BASE:ORGANIZATION:NAME:ID, where NAME may be empty, with a base such "
    "as gpt-4o-mini-2024-07-18"
)


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class Price:
    """What a model costs at the default service tier, in US dollars per million tokens.

    Attributes:
        input_usd_per_mtok: For input tokens that were not read from the prompt cache.
        output_usd_per_mtok: For output tokens, reasoning tokens included.
        cached_usd_per_mtok: For input tokens read from the prompt cache; None: as other input.
        batch_share: What the same tokens cost on the Batch API, as a share of the above, such as
            "0.5" for half; None: unknown.
    """

    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal
    cached_usd_per_mtok: Decimal | None
    batch_share: Decimal | None

    def __init__(
        self,
        *,
        input_usd_per_mtok: str | int | Decimal,
        output_usd_per_mtok: str | int | Decimal,
        cached_usd_per_mtok: str | int | Decimal | None = None,
        batch_share: str | int | Decimal | None = None,
    ) -> None:
        """Check and convert the rates.

        Args:
            input_usd_per_mtok: An exact amount, such as "0.15"; a float is refused.
            output_usd_per_mtok: The same.
            cached_usd_per_mtok: The same, or None where cached input costs what other input costs.
            batch_share: An exact share of these prices, or None where that of batches is unknown.

        Raises:
            ArgumentError: A rate is not an exact amount of 0 or more.
        """
        for name, value in (
            ("input_usd_per_mtok", input_usd_per_mtok),
            ("output_usd_per_mtok", output_usd_per_mtok),
            ("cached_usd_per_mtok", cached_usd_per_mtok),
            ("batch_share", batch_share),
        ):
            is_left_out = name in ("cached_usd_per_mtok", "batch_share") and value is None
            object.__setattr__(self, name, None if is_left_out else _amount(name, value))

    @property
    def is_free(self) -> bool:
        """Whether every rate is 0."""
        return not (self.input_usd_per_mtok or self.output_usd_per_mtok or self.cached_usd_per_mtok)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRule:
    """How an image becomes tokens; the formulas are in `minikit.tokens.images`.

    Attributes:
        kind: "tile" (512 px tiles after two scalings), "patch" (32 px patches up to a budget) or
            "grid" (28 px patches up to a budget, whatever the `detail`).
        base_tokens: Tokens of any image, for "tile".
        tile_tokens: Tokens of one tile, for "tile".
        multiplier: Tokens of one patch, for "patch"; the product is rounded up.
        patch_budget: The most patches of one image, for "patch" and "grid"; a larger image is
            shrunk.
        longest_side: The most pixels of a side, for "grid"; a longer image is shrunk.
    """

    kind: Literal["tile", "patch", "grid"]
    base_tokens: int = 0
    tile_tokens: int = 0
    multiplier: Decimal = Decimal(1)
    patch_budget: int = 0
    longest_side: int = 0

    def __post_init__(self) -> None:
        if self.kind not in _RULES:
            raise ArgumentError(
                f'an image rule is "tile", "patch" or "grid", not {_shown(self.kind)}'
            )
        for name in _RULES[self.kind]:
            _check_count(name, getattr(self, name))
        if not _amount("multiplier", self.multiplier):
            raise ArgumentError(f"multiplier={self.multiplier!r} must be more than 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model: one that minikit knows, see `resolve`, or one that you describe.

    Three fields describe a model of your own: `Model(id="my-model", context_window=32_000,
    max_output_tokens=4_000)`. A deployment with a name of its own is a known model with another
    id: `dataclasses.replace(Model.resolve("gpt-4o-mini"), id="my-deployment")`.

    Attributes:
        id: What is sent as the model's name.
        context_window: Tokens of input and output together.
        max_output_tokens: The most tokens of one reply, reasoning included; < `context_window`.
        max_input_tokens: The most tokens of a prompt where the provider limits them apart from
            the window, else None.
        provider: "openai", "anthropic", "google", "offline", or "custom" for your own.
        encoding: The vocabulary that tokens are counted with, one of `ENCODINGS`.
        exact_counts: Whether `encoding` is the model's own; else every count is an estimate.
        image_rule: How images are counted, or None where no rule is known.
        supports: Which of `CAPABILITIES` the model has; "sampling" means that temperature and
            the like are accepted.
        output_limit_field: The field of a request that limits the reply.
        knowledge_cutoff: The day up to which the training data reach (the first of the month
            where only a month is published), or None when unknown.
        shutdown_date: The first day without the model, or None when none is announced.
        successor: The id of the model to move to, or None.
        base_url: The provider's OpenAI-compatible endpoint; None for OpenAI's own.
        price: What it costs; overrides any known price. None: look up `price_id`.
        price_id: The id under which genai-prices knows the price, or None for an unknown price.
    """

    id: str
    context_window: int
    max_output_tokens: int
    max_input_tokens: int | None = None
    provider: str = "custom"
    encoding: str = "o200k_base"
    exact_counts: bool = True
    image_rule: ImageRule | None = None
    supports: frozenset[str] = frozenset({"sampling", "streaming"})
    output_limit_field: Literal["max_completion_tokens", "max_tokens"] = "max_tokens"
    knowledge_cutoff: date | None = None
    shutdown_date: date | None = None
    successor: str | None = None
    base_url: str | None = None
    price: Price | None = None
    price_id: str | None = None

    def __post_init__(self) -> None:
        _check_texts(self)
        _check_limits(self)
        _check_kinds(self)
        _check_dates(self)
        object.__setattr__(self, "supports", _capabilities(self.supports))

    @classmethod
    def resolve(cls, model: str | Model) -> Model:
        """Return the model that an id means; a `Model` is itself.

        Known are the ids of the table, the same after "openai/", their dated snapshots
        ("gpt-4o-mini-2024-07-18"), and fine-tuned models ("ft:gpt-4o-mini-2024-07-18:org::id"),
        which have the limits of their base, but a window of at most 128,000 tokens. The id stays
        as it was given, without "openai/".

        Args:
            model: An id, or a `Model`.

        Raises:
            ArgumentError: `model` is neither a `Model` nor a str that is not empty.
            UnknownModelError: No row describes the id; the message shows how to describe it.
        """
        if isinstance(model, Model):
            return model
        if not isinstance(cast("object", model), str) or not model:
            raise ArgumentError(
                f"a model is an id such as {DEFAULT_MODEL!r}, as a str, or a Model(...), "
                f"not {_shown(model)} of type {type(model).__name__}"
            )
        return _resolved(str.__str__(model))  # a member of a StrEnum is its value

    @property
    def input_limit(self) -> int:
        """The longest prompt in tokens that leaves room for one token of output."""
        return self.room(1)

    def room(self, max_output_tokens: int) -> int:
        """Return the longest prompt, in tokens, beside a reply of `max_output_tokens`.

        Args:
            max_output_tokens: Tokens reserved for the reply; 1 to the model's own maximum.

        Raises:
            ArgumentError: The reply is not a number of tokens that the model can write.
        """
        _check_count("max_output_tokens", max_output_tokens)
        if max_output_tokens > self.max_output_tokens:
            raise ArgumentError(
                f"max_output_tokens={max_output_tokens!r} is out of range: {self.id!r} writes "
                f"1 to {self.max_output_tokens} tokens"
            )
        room = self.context_window - max_output_tokens
        return room if self.max_input_tokens is None else min(room, self.max_input_tokens)


@lru_cache(maxsize=256)
def _resolved(model_id: str) -> Model:
    row = table.find(model_id)
    if row is None:
        raise UnknownModelError(_unknown(model_id))
    return _from_row(row)


def _from_row(row: table.Row) -> Model:
    fields: dict[str, Any] = {name: value for name, value in row.items() if value is not None}
    for name in ("knowledge_cutoff", "shutdown_date"):
        if name in fields:
            fields[name] = date.fromisoformat(fields[name])
    fields["supports"] = frozenset(fields["supports"])
    if "image_rule" in fields:
        fields["image_rule"] = _image_rule(**fields["image_rule"])
    if "price" in fields:
        fields["price"] = Price(**fields["price"])
    return Model(**fields)


def _image_rule(*, multiplier: str = "1", **fields: Any) -> ImageRule:  # noqa: ANN401 - from JSON
    return ImageRule(multiplier=Decimal(multiplier), **fields)


def _unknown(model_id: str) -> str:
    nearest = " or ".join(map(repr, table.nearest(model_id[:_SHOWN_CHARACTERS])))
    known = f"; the nearest known are {nearest}" if nearest else ""
    form = f" ({_FINE_TUNED_FORM})" if model_id.startswith(("ft:", "openai/ft:")) else ""
    return (
        f"no model is known as {_shown(model_id)}{known}{form}. Describe any other model: "
        f"Model(id={_shown(model_id)}, context_window=..., max_output_tokens=...)"
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}...{text[-1]}"


def _amount(name: str, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ArgumentError(f'{name}={value!r} is not an exact amount; write it as a str: "0.15"')
    try:
        amount = Decimal(value)
    except ArithmeticError:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise ArgumentError(f"{name}={_shown(value)} must be an amount of 0 or more")
    return amount.copy_abs()


def _check_count(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ArgumentError(f"{name}={_shown(value)} must be a whole number of 1 or more")


def _check_texts(model: Model) -> None:
    for name in ("id", "provider", "successor", "price_id"):
        value = getattr(model, name)
        required = name in ("id", "provider")
        if value is None and not required:
            continue
        if not isinstance(value, str) or not value.strip():
            raise ArgumentError(f"{name}={_shown(value)} must be a text that is not empty")
    url = cast("object", model.base_url)
    if url is not None and not (isinstance(url, str) and re.match(r"https?://[^/]", url)):
        raise ArgumentError(f"base_url={_shown(url)} must begin with https:// or http://")


def _check_limits(model: Model) -> None:
    _check_count("context_window", model.context_window)
    _check_count("max_output_tokens", model.max_output_tokens)
    if model.max_output_tokens >= model.context_window:
        raise ArgumentError(
            f"max_output_tokens={model.max_output_tokens!r} must be less than "
            f"context_window={model.context_window!r}, which holds the prompt as well"
        )
    if model.max_input_tokens is not None:
        _check_count("max_input_tokens", model.max_input_tokens)
        if model.max_input_tokens > model.context_window:
            raise ArgumentError(
                f"max_input_tokens={model.max_input_tokens!r} must be at most "
                f"context_window={model.context_window!r}"
            )


def _check_kinds(model: Model) -> None:
    for name, choices in (("encoding", ENCODINGS), ("output_limit_field", _OUTPUT_LIMIT_FIELDS)):
        value = getattr(model, name)
        if value not in choices:
            raise ArgumentError(
                f"{name}={_shown(value)} must be one of {', '.join(map(repr, choices))}"
            )
    kinds = (
        ("exact_counts", bool, "bool"),
        ("image_rule", ImageRule | None, "ImageRule or None"),
        ("price", Price | None, "Price or None"),
    )
    for name, kind, expected in kinds:
        value = getattr(model, name)
        if not isinstance(value, kind):
            raise ArgumentError(f"{name} must be {expected}, not {type(value).__name__}")


def _check_dates(model: Model) -> None:
    for name in ("knowledge_cutoff", "shutdown_date"):
        value = getattr(model, name)
        if value is not None and (isinstance(value, datetime) or not isinstance(value, date)):
            raise ArgumentError(f"{name}={_shown(value)} must be a datetime.date")


def _capabilities(value: object) -> frozenset[str]:
    is_set = isinstance(value, set | frozenset)
    names = cast("frozenset[str]", value)
    if not is_set or not names <= CAPABILITIES:
        raise ArgumentError(
            f"supports={_shown(names)} must be a set of {', '.join(sorted(CAPABILITIES))}"
        )
    return frozenset(names)
