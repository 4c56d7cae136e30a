"""Models describe themselves, and ids find their model."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.errors import ArgumentError, UnknownModelError
from minikit.models.catalog import catalog
from minikit.models.model import DEFAULT_MODEL, ImageRule, Model, Price


def own(**changes: object) -> Model:
    """A model of a user's own."""
    fields: dict[str, Any] = {"id": "mine", "context_window": 32_000, "max_output_tokens": 4_000}
    return Model(**fields | changes)


def test_a_model_of_ones_own_needs_three_fields() -> None:
    """The defaults suit a compatible server that knows the older wire."""
    model = own()
    assert (model.provider, model.encoding, model.output_limit_field) == (
        "custom",
        "o200k_base",
        "max_tokens",
    )
    assert model.exact_counts
    assert model.supports == {"sampling", "streaming"}
    unknown = (model.price, model.price_id, model.base_url, model.image_rule)
    assert unknown == (None, None, None, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": ""}, r"id='' must be a text"),
        ({"id": "  "}, r"id='  ' must be a text"),
        ({"id": 3}, r"id=3 must be a text"),
        ({"provider": None}, r"provider=None must be a text"),
        ({"successor": ""}, r"successor='' must be a text"),
        ({"price_id": 7}, r"price_id=7 must be a text"),
        ({"context_window": 0}, r"context_window=0 must be a whole number"),
        ({"context_window": True}, r"context_window=True must be a whole number"),
        ({"context_window": 1e6}, r"context_window=1000000.0 must be a whole number"),
        ({"context_window": "9" * 200}, r"context_window='9{79}\.\.\.' must be a whole number"),
        ({"max_output_tokens": -1}, r"max_output_tokens=-1 must be a whole number"),
        ({"max_output_tokens": 32_000}, r"must be less than context_window=32000"),
        ({"max_input_tokens": 0}, r"max_input_tokens=0 must be a whole number"),
        ({"max_input_tokens": 32_001}, r"max_input_tokens=32001 must be at most"),
        ({"encoding": "p50k_base"}, r"encoding='p50k_base' must be one of 'o200k_base', 'cl100"),
        ({"encoding": []}, r"encoding=\[\] must be one of"),
        ({"output_limit_field": "limit"}, r"output_limit_field='limit' must be one of"),
        ({"exact_counts": 1}, r"exact_counts must be bool, not int"),
        ({"image_rule": "tile"}, r"image_rule must be ImageRule or None, not str"),
        ({"price": "0.15"}, r"price must be Price or None, not str"),
        ({"shutdown_date": "2027-01-14"}, r"shutdown_date='2027-01-14' must be a datetime.date"),
        ({"knowledge_cutoff": datetime(2023, 10, 1)}, r"knowledge_cutoff=.* must be a datetime"),  # noqa: DTZ001 - refused
        ({"supports": {"visoin"}}, r"supports=\{'visoin'\} must be a set of batch, json_schema"),
        ({"supports": "vision"}, r"supports='vision' must be a set of"),
        ({"base_url": "localhost:8000"}, r"base_url='localhost:8000' must begin with https://"),
        ({"base_url": "http://"}, r"base_url='http://' must begin with"),
        ({"base_url": 8000}, r"base_url=8000 must begin with"),
    ],
)
def test_a_model_that_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    """Each field is checked when the model is described, and the message names field and value."""
    with pytest.raises(ArgumentError, match=message):
        own(**changes)


def test_a_model_keeps_what_it_is_given() -> None:
    """Every field can be set, and a plain set of capabilities is frozen."""
    model = own(
        supports={"vision"},
        base_url="http://localhost:8000/v1",
        shutdown_date=date(2030, 1, 1),
        max_input_tokens=32_000,
    )
    assert model.supports == frozenset({"vision"})
    assert hash(model) == hash(replace(model))
    with pytest.raises(FrozenInstanceError, match="id"):
        model.id = "other"  # type: ignore[misc]


def test_models_survive_pickling() -> None:
    """A model of the table goes to another process and comes back equal."""
    for model in catalog().values():
        assert pickle.loads(pickle.dumps(model)) == model  # noqa: S301 - our own bytes


def test_room_is_the_window_less_the_reply() -> None:
    """On the 4o class prompt and reply share one window."""
    model = Model.resolve("gpt-4o-mini")
    assert model.room(16_384) == 111_616
    assert model.input_limit == 127_999


def test_room_is_capped_by_the_maximum_input() -> None:
    """Newer models limit the prompt apart from the window."""
    model = Model.resolve("gpt-5-mini")
    assert model.room(1) == model.input_limit == 272_000
    assert model.room(128_000) == 272_000
    assert Model.resolve("gpt-6-luna").room(128_000) == 922_000


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (0, r"max_output_tokens=0 must be a whole number of 1 or more"),
        (True, r"max_output_tokens=True must be"),
        (4_001, r"max_output_tokens=4001 is out of range: 'mine' writes 1 to 4000 tokens"),
    ],
)
def test_room_refuses_a_reply_that_cannot_be(tokens: int, message: str) -> None:
    """A reply has between one token and the model's maximum."""
    with pytest.raises(ArgumentError, match=message):
        own().room(tokens)


@given(st.integers(2, 10**7), st.data())
def test_room_and_reply_never_exceed_the_window(window: int, data: st.DataObject) -> None:
    """For any limits, prompt and reply fit into the window, and the prompt into its maximum."""
    output = data.draw(st.integers(1, window - 1))
    most = data.draw(st.none() | st.integers(1, window))
    model = own(context_window=window, max_output_tokens=output, max_input_tokens=most)
    reply = data.draw(st.integers(1, output))
    assert model.room(reply) + reply <= window
    assert model.room(reply) <= min(most or window, model.input_limit)


def test_the_default_model_is_known() -> None:
    """What is used when nothing is said is a row of the table."""
    assert Model.resolve(DEFAULT_MODEL).id == "gpt-4o-mini"


def test_a_model_resolves_to_itself() -> None:
    """A described model needs no row."""
    model = own()
    assert Model.resolve(model) is model


@pytest.mark.parametrize("model_id", list(catalog()))
def test_a_row_resolves_by_its_id(model_id: str) -> None:
    """Each id of the table finds its row, also behind the prefix that other tools write."""
    model = catalog()[model_id]
    assert Model.resolve(model_id) == Model.resolve(f"openai/{model_id}") == model
    assert model.id == model_id


@pytest.mark.parametrize(
    ("given_id", "row_id"),
    [
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("gpt-4o-mini-20240718", "gpt-4o-mini"),
        ("gpt-4o-2024-11-20", "gpt-4o"),
        ("gpt-4.1-nano-2025-04-14", "gpt-4.1-nano"),
        ("gpt-3.5-turbo-0125", "gpt-3.5-turbo"),
        ("gpt-6-luna-2026-09-01", "gpt-6-luna"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("gemini-1.5-flash-002", "gemini-1.5-flash"),
    ],
)
def test_a_snapshot_has_the_limits_of_its_row(given_id: str, row_id: str) -> None:
    """A dated snapshot keeps its id, by which it is also priced, and takes the rest of the row."""
    row = Model.resolve(row_id)
    assert Model.resolve(given_id) == replace(row, id=given_id, price_id=given_id)
    assert Model.resolve(f"openai/{given_id}").id == given_id


def test_a_snapshot_may_differ_from_its_row() -> None:
    """The first gpt-4o wrote less and ended earlier."""
    model = Model.resolve("gpt-4o-2024-05-13")
    assert (model.context_window, model.max_output_tokens) == (128_000, 4_096)
    assert model.shutdown_date == date(2026, 10, 23)
    assert "json_schema" not in model.supports


def test_an_alias_becomes_the_id_that_the_provider_knows() -> None:
    """Anthropic knows Claude 3 Haiku by its date alone."""
    model = Model.resolve("claude-3-haiku")
    assert model == Model.resolve("claude-3-haiku-20240307")
    assert model.id == "claude-3-haiku-20240307"


@pytest.mark.parametrize(
    ("given_id", "row_id", "encoding"),
    [
        ("ft:gpt-4o-mini-2024-07-18:org::id", "gpt-4o-mini", "o200k_base"),
        ("ft:gpt-4o-mini:org:name:id", "gpt-4o-mini", "o200k_base"),
        ("openai/ft:gpt-4.1-mini-2025-04-14:org:name:id", "gpt-4.1-mini", "o200k_base"),
        ("ft:gpt-3.5-turbo-0125:org::id", "gpt-3.5-turbo", "cl100k_base"),
        ("ft:gpt-4o-2024-08-06:org:name:id:ckpt-step-90", "gpt-4o", "o200k_base"),
    ],
)
def test_a_fine_tuned_model_has_the_limits_of_its_base(
    given_id: str, row_id: str, encoding: str
) -> None:
    """It keeps its id, has the encoding and end of the base, and no window beyond 128,000."""
    model, row = Model.resolve(given_id), Model.resolve(row_id)
    assert model.id == given_id.removeprefix("openai/")
    assert model.encoding == encoding
    window = min(row.context_window, 128_000)
    assert model == replace(row, id=model.id, price_id=model.price_id, context_window=window)
    assert model.price_id is not None
    assert model.price_id.startswith(f"ft:{row_id}")


def test_a_fine_tuned_model_without_a_published_price_has_none() -> None:
    """The base's price is not the fine-tuned model's."""
    assert Model.resolve("ft:gpt-5-mini:org::id").price_id is None


@pytest.mark.parametrize(
    "model_id",
    [
        "gpt-4o-mni",
        "gpt-4o-mini ",
        "GPT-4o-mini",
        "gpt-4o-mini-2024-13-45",
        "gpt-4o-mini-2024-07",
        "gpt-4o-mini-2024-07-1\u0668",
        "gpt-4o-mini-audio-preview",
        "openai/openai/gpt-4o-mini",
        "ft:gpt-4o-mini",
        "ft:gpt-4o-mini:org",
        "ft::org::id",
        "ft:ft:gpt-4o-mini:org::id",
        "ft:claude-3-haiku:org::id",
        "ft:unknown:org::id",
        "openai/",
        "\ud800",
        "llama3.2:3b",
    ],
)
def test_an_unknown_id_is_refused_with_the_way_to_describe_it(model_id: str) -> None:
    """The message shows the id and a Model that describes it, filled in as far as can be."""
    with pytest.raises(UnknownModelError, match="no model is known as") as caught:
        Model.resolve(model_id)
    assert f"Model(id={model_id!r}, context_window=..., max_output_tokens=...)" in str(caught.value)
    assert isinstance(caught.value, ValueError | LookupError)


def test_an_unknown_id_names_the_nearest_known() -> None:
    """A slip of the pen is pointed out."""
    with pytest.raises(UnknownModelError, match=r"nearest known are 'gpt-4o-mini'"):
        Model.resolve("gpt-4o-mni")
    with pytest.raises(UnknownModelError, match=r"'llama3'\. Describe any other model"):
        Model.resolve("llama3")


@pytest.mark.parametrize("model_id", ["ft:gpt-4o-mini", "openai/ft:gpt-4o-mini:org", "ft::org::id"])
def test_a_malformed_fine_tuned_id_is_shown_its_form(model_id: str) -> None:
    """The message says what stands between the colons."""
    with pytest.raises(UnknownModelError, match=r"ft:BASE:ORGANIZATION:NAME:ID, where NAME may"):
        Model.resolve(model_id)


def test_an_endless_id_gives_a_short_message() -> None:
    """What cannot be an id is not repeated in full."""
    with pytest.raises(UnknownModelError, match=r"Model\(id='x+\.\.\.'") as caught:
        Model.resolve("x" * 1_000_000)
    assert len(str(caught.value)) < 400


class Name(StrEnum):
    """A str that is more than a str."""

    MINI = "gpt-4o-mini"


def test_a_member_of_a_str_enum_is_its_value() -> None:
    """Programs that keep ids in an enumeration get the model of that id."""
    assert Model.resolve(Name.MINI) == Model.resolve("gpt-4o-mini")
    assert type(Model.resolve(Name.MINI).id) is str


@pytest.mark.parametrize("value", [None, True, "", 4, b"gpt-4o-mini", ["gpt-4o-mini"]])
def test_what_is_no_id_is_refused(value: object) -> None:
    """An id is a str that is not empty; the message shows one."""
    with pytest.raises(ArgumentError, match=r"a model is an id such as 'gpt-4o-mini'") as caught:
        Model.resolve(cast("str", value))
    assert type(value).__name__ in str(caught.value)


def test_a_price_is_exact() -> None:
    """Rates come as text, whole numbers or Decimals, and are kept as Decimals."""
    price = Price(input_usd_per_mtok="0.15", output_usd_per_mtok=1, cached_usd_per_mtok=Decimal(0))
    assert (price.input_usd_per_mtok, price.output_usd_per_mtok) == (Decimal("0.15"), Decimal(1))
    assert price.cached_usd_per_mtok == 0
    assert replace(price, cached_usd_per_mtok=None).cached_usd_per_mtok is None
    halved = Price(input_usd_per_mtok=1, output_usd_per_mtok=1, batch_share="0.5")
    assert halved.batch_share == Decimal("0.5")
    assert not price.is_free
    assert Price(input_usd_per_mtok=0, output_usd_per_mtok="-0").is_free


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.15, r'input_usd_per_mtok=0.15 is not an exact amount; write it as a str: "0.15"'),
        (True, r"input_usd_per_mtok=True is not an exact amount"),
        (None, r"input_usd_per_mtok=None is not an exact amount"),
        ("cheap", r"input_usd_per_mtok='cheap' must be an amount of 0 or more"),
        ("-0.1", r"must be an amount of 0 or more"),
        ("NaN", r"must be an amount of 0 or more"),
        (Decimal("sNaN"), r"must be an amount of 0 or more"),
        (Decimal("Infinity"), r"must be an amount of 0 or more"),
    ],
)
def test_a_price_that_cannot_be_is_refused(value: object, message: str) -> None:
    """A rate is never a float, negative, or not a number."""
    with pytest.raises(ArgumentError, match=message):
        Price(input_usd_per_mtok=cast("str", value), output_usd_per_mtok="1")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "pixel"}, r"an image rule is \"tile\", \"patch\" or \"grid\", not 'pixel'"),
        ({"kind": "tile", "base_tokens": 85}, r"tile_tokens=0 must be a whole number"),
        ({"kind": "patch"}, r"patch_budget=0 must be a whole number"),
        ({"kind": "grid", "patch_budget": 9}, r"longest_side=0 must be a whole number"),
        (
            {"kind": "patch", "patch_budget": 9, "multiplier": 1.5},
            r"multiplier=1.5 is not an exact",
        ),
        ({"kind": "patch", "patch_budget": 9, "multiplier": Decimal(0)}, r"must be more than 0"),
    ],
)
def test_an_image_rule_that_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    """A rule has the numbers of its kind."""
    with pytest.raises(ArgumentError, match=message):
        ImageRule(**fields)
