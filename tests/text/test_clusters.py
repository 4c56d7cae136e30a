"""Grapheme clusters are not taken apart."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikit.text.clusters import cluster_boundary
from strategies import texts

regex: Any = import_module("regex")  # comes with tiktoken; knows Unicode's rules in full

ODD = "\u1100\u1161\u11a8\uac00\uac01\ua960\ud7b0\u0915\u094d\u0937\u200d\u093f\U0001f1e9\U0001f1ea"
MORE = (
    "\U0001f44d\U0001f3fd\u2764\ufe0f\r\n a\u0301\u0600\u0e33\u0e01\ud83d\ude00\U000e0062\U0001f3f4"
)


@pytest.mark.parametrize(
    "cluster",
    [
        "\r\n",
        "e\u0301",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\U0001f44d\U0001f3fd",
        "\U0001f3f4\U000e0067\U000e0062",
        "\U0001f1e9\U0001f1ea",
        "\u1100\u1161\u11a8",
        "\u1100\uac00",
        "\uac01\u11a8",
        "\u0915\u094d\u0937",
        "\u0e01\u0e33",
        "\ud83d\ude00",
        "\u06001",
    ],
)
def test_clusters_are_whole(cluster: str) -> None:
    """No place within a cluster is a boundary, those around it are."""
    text = f"a{cluster}b"
    end = len(text) - 1
    assert cluster_boundary(text, end - 1, 2) is None
    assert cluster_boundary(text, end - 1, 1) == 1
    assert cluster_boundary(text, end, 1) == end


@pytest.mark.parametrize(
    "pair", ["ab", "\uac00\uac00", "\u11a8\u1100", "中文", "\ud800\ud800", "क ", "😀😀"]
)
def test_neighbours_are_apart(pair: str) -> None:
    """Two clusters side by side have a boundary between them."""
    assert cluster_boundary(pair, 1, 1) == 1


def test_flags_are_pairs() -> None:
    """Of four regional letters the second and third are apart."""
    flags = "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7"
    assert cluster_boundary(flags, 3, 1) == 2


@given(text=st.one_of(texts(), st.text(st.sampled_from(ODD + MORE))))
def test_no_cluster_is_taken_apart(text: str) -> None:
    """Every boundary is one by Unicode's rules."""
    ends = {match.end() for match in regex.finditer(r"\X", text)}
    for at in range(1, len(text)):
        assert at in ends or cluster_boundary(text, at, at) is None
