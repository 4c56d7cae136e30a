"""Token counts add up and are never nonsense."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.errors import ArgumentError
from minikit.models.usage import Usage

COUNTS = (
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
)
usages = st.builds(
    Usage, **{name: st.integers(0, 10**9) for name in COUNTS}, estimated=st.booleans()
)


def test_an_empty_usage_is_nothing() -> None:
    """Every count starts at 0, and none is estimated."""
    assert Usage() == Usage(input_tokens=0, output_tokens=0, estimated=False)
    assert Usage().total_tokens == 0


def test_the_total_is_input_and_output() -> None:
    """Cached and reasoning tokens are parts of them and not counted again."""
    usage = Usage(input_tokens=100, cached_tokens=60, output_tokens=20, reasoning_tokens=15)
    assert usage.total_tokens == 120


@given(st.lists(usages))
def test_usages_add_up(parts: list[Usage]) -> None:
    """A sum has the sum of each count, and is an estimate if any part is."""
    total = sum(parts, Usage())
    for name in COUNTS:
        assert getattr(total, name) == sum(getattr(part, name) for part in parts)
    assert total.estimated == any(part.estimated for part in parts)


def test_only_usages_are_added() -> None:
    """Adding a number would hide which tokens are meant."""
    with pytest.raises(TypeError, match="unsupported operand"):
        Usage() + 1


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("value", [-1, True, 1.5, None, "7"])
def test_a_count_that_cannot_be_is_refused(name: str, value: object) -> None:
    """A count is a whole number of 0 or more."""
    with pytest.raises(ArgumentError, match=f"{name}=.* must be a whole number of 0 or more"):
        Usage(**cast("dict[str, Any]", {name: value}))
