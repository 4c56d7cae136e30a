"""Strategies for what nearly has a form: pieces of it in any order, and damaged wholes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from strategies import pieces

__all__ = ["bytes_near", "json_like", "json_near", "near"]


def near(*fragments: str, wholes: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    """Texts of these fragments, of others, and of runs; or damaged wholes."""
    piece = st.sampled_from(fragments) | st.sampled_from(fragments) | pieces()
    mixed = st.lists(piece, max_size=25).map("".join)
    runs = st.builds(
        lambda before, again, times, after: before + again * times + after,
        st.lists(piece, max_size=3).map("".join),
        st.lists(st.sampled_from(fragments), min_size=1, max_size=3).map("".join),
        st.integers(2, 2_000),
        st.lists(piece, max_size=3).map("".join),
    ).map(lambda text: text[:20_000])
    whole = st.sampled_from(wholes or fragments)
    return mixed | runs | st.builds(damaged, whole, st.lists(places(), max_size=4), piece)


def places() -> st.SearchStrategy[tuple[float, float, str]]:
    """Where to damage, and how."""
    share = st.floats(0, 1)
    return st.tuples(share, share, st.sampled_from(["cut", "double", "put", "end"]))


def damaged(whole: Any, how: list[tuple[float, float, str]], put: Any) -> Any:  # noqa: ANN401 - str or bytes
    """Cut something out, double it, or put something in."""
    for first, last, what in how:
        start, end = sorted((int(first * len(whole)), int(last * len(whole))))
        middle = {"cut": whole[:0], "double": whole[start:end] * 2, "put": put, "end": whole[:0]}
        whole = whole[:start] + middle[what] + (whole[:0] if what == "end" else whole[end:])
    return whole


def bytes_near(*wholes: bytes) -> st.SearchStrategy[bytes]:
    """Damaged wholes, and bytes that begin as they do."""
    some = st.sampled_from(wholes)
    begun = st.builds(
        lambda whole, kept, rest: whole[:kept] + rest, some, st.integers(0, 40), st.binary()
    )
    return st.builds(damaged, some, st.lists(places(), max_size=4), st.binary(max_size=8)) | begun


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(0, 10),
    st.floats(),
    st.sampled_from(["", "stop", "length", "a", "1", "system", "1e400", "NaN", "2026-11-23"]),
    pieces(),
)


def json_near(*keys: str) -> st.SearchStrategy[Any]:
    """JSON values whose objects have these keys."""
    names = st.sampled_from(keys) if keys else st.text(max_size=3)
    return st.recursive(
        SCALARS,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(names, inner, max_size=6)
            | st.dictionaries(names | st.text(max_size=4), inner, max_size=3)
        ),
        max_leaves=20,
    )


def changed(whole: Any, at: list[int], value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON with one of its values replaced, which the numbers lead to."""
    if at and isinstance(whole, dict) and whole:
        key = sorted(whole)[at[0] % len(whole)]
        return {**whole, key: changed(whole[key], at[1:], value)}
    if at and isinstance(whole, list) and whole:
        index = at[0] % len(whole)
        return [*whole[:index], changed(whole[index], at[1:], value), *whole[index + 1 :]]
    return value


def json_like(whole: Any, *keys: str) -> st.SearchStrategy[Any]:  # noqa: ANN401 - JSON
    """A whole with one to three values replaced; or JSON of its keys."""
    change = st.tuples(st.lists(st.integers(0, 9), max_size=5), json_near(*keys))
    several = st.lists(change, min_size=1, max_size=3)
    some = several.map(lambda each: [whole, *each])
    return json_near(*keys) | some.map(_all_changed)


def _all_changed(of: list[Any]) -> Any:  # noqa: ANN401 - JSON
    whole, *changes = of
    for at, value in changes:
        whole = changed(whole, at, value)
    return whole
