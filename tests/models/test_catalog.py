"""The table of models holds what was published."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest

from minikit.models import table
from minikit.models.catalog import catalog
from minikit.models.model import Model

GOOGLE = "https://generativelanguage.googleapis.com/v1beta/openai/"
LIMITS = {
    "gpt-4o-mini": (128_000, None, 16_384, date(2027, 1, 14)),
    "gpt-4o": (128_000, None, 16_384, date(2027, 1, 14)),
    "gpt-3.5-turbo": (16_385, None, 4_096, date(2026, 10, 23)),
    "gpt-4.1-mini": (1_047_576, None, 32_768, date(2027, 1, 14)),
    "gpt-4.1-nano": (1_047_576, None, 32_768, date(2026, 10, 23)),
    "gpt-5-mini": (400_000, 272_000, 128_000, date(2026, 12, 11)),
    "gpt-5-nano": (400_000, 272_000, 128_000, date(2026, 12, 11)),
    "gpt-5.4-mini": (400_000, 272_000, 128_000, None),
    "gpt-5.4-nano": (400_000, 272_000, 128_000, date(2027, 4, 1)),
    "gpt-6-luna": (1_050_000, 922_000, 128_000, None),
    "claude-3-haiku-20240307": (200_000, None, 4_096, date(2026, 4, 20)),
    "claude-haiku-4-5": (200_000, None, 64_000, None),
    "gemini-1.5-flash": (1_000_000, None, 8_192, date(2025, 9, 29)),
    "gemini-2.5-flash-lite": (1_048_576, None, 65_536, None),
    "offline": (128_000, None, 16_384, None),
}


def test_the_table_has_the_published_limits() -> None:
    """Windows, maximum input and output, and last days are those of the providers."""
    limits = {
        model.id: (
            model.context_window,
            model.max_input_tokens,
            model.max_output_tokens,
            model.shutdown_date,
        )
        for model in catalog().values()
    }
    assert limits == LIMITS


def test_providers_have_their_endpoints() -> None:
    """Each provider's OpenAI-compatible endpoint is known; OpenAI's is its SDK's default."""
    endpoints = {model.provider: model.base_url for model in catalog().values()}
    assert endpoints == {
        "openai": None,
        "anthropic": "https://api.anthropic.com/v1/",
        "google": GOOGLE,
        "offline": None,
    }


def test_only_openai_and_the_offline_model_count_exactly() -> None:
    """Claude and Gemini have tokenizers of their own, so their counts are estimates."""
    exact = {model.provider for model in catalog().values() if model.exact_counts}
    assert exact == {"openai", "offline"}
    assert {m.id for m in catalog().values() if m.encoding == "cl100k_base"} == {"gpt-3.5-turbo"}


def test_openai_takes_the_newer_name_of_the_output_limit() -> None:
    """Compatible endpoints take the older one."""
    fields = {model.provider: model.output_limit_field for model in catalog().values()}
    assert fields == {
        "openai": "max_completion_tokens",
        "offline": "max_completion_tokens",
        "anthropic": "max_tokens",
        "google": "max_tokens",
    }


def test_a_model_that_ends_names_a_successor_that_does_not_end_before_it() -> None:
    """Every successor is in the table and is not about to be shut down itself."""
    for model in catalog().values():
        if model.shutdown_date is not None:
            assert model.successor is not None
            assert Model.resolve(model.successor).shutdown_date is None


def test_reasoning_models_take_no_sampling_parameters() -> None:
    """A temperature is not sent where it would be refused."""
    for model in catalog().values():
        assert ("reasoning" in model.supports) != ("sampling" in model.supports)
    assert "tools" not in catalog()["gpt-6-luna"].supports


def test_an_image_rule_goes_with_vision() -> None:
    """No model without eyes has a rule for images."""
    for model in catalog().values():
        assert model.image_rule is None or "vision" in model.supports


def test_the_default_model_is_described_in_full() -> None:
    """The knowledge cutoff and the capabilities of gpt-4o-mini are on record."""
    model = catalog()["gpt-4o-mini"]
    assert model.knowledge_cutoff == date(2023, 10, 1)
    assert model.supports == {
        *("batch", "json_schema", "sampling", "streaming", "tools", "vision"),
    }


def test_the_catalog_cannot_be_changed() -> None:
    """Callers share one catalog."""
    with pytest.raises(TypeError, match="does not support item assignment"):
        catalog()["mine"] = catalog()["offline"]  # type: ignore[index]


def test_every_correction_of_a_price_says_from_when_and_from_where() -> None:
    """Corrections belong to a price that a model asks for, and stand in the order of their days."""
    fine_tuned = ("gpt-4o-mini", "gpt-4o", "gpt-4.1-mini", "gpt-4.1-nano")
    for base in fine_tuned:
        price_id = Model.resolve(f"ft:{base}:org::id").price_id
        assert price_id is not None
        records = table.price_records(price_id)
        assert records
        assert [r["since"] for r in records] == sorted(r["since"] for r in records)
        assert all(date.fromisoformat(r["since"]) <= date(2026, 11, 22) for r in records)
        assert all(r["source"] for r in records)


def test_importing_the_models_loads_nothing_dear() -> None:
    """The table, prices and their libraries are read at first use, not at import."""
    code = (
        "import sys, minikit.models.catalog, minikit.models.prices, minikit.models.retirement\n"
        "late = {'pydantic', 'genai_prices', 'importlib.resources', 'tiktoken'}\n"
        "print(sorted(late & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
