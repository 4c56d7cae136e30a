"""Plural forms of languages: how many there are, and which numbers each stands for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from minikit.errors import ArgumentError

__all__ = ["FAMILIES", "Plurals", "examples"]

_COUNTED = 1_000
_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Plurals:
    """The plural forms of a language.

    Attributes:
        forms: How many there are in gettext catalogues (`nplurals`).
        rule: The expression in C that tells the form for the number n, from 0 (`plural`).
        categories: The categories of CLDR that whole numbers need, beside "other".
    """

    forms: int
    rule: str
    categories: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"nplurals={self.forms}; plural={self.rule};"


def examples(plurals: Plurals) -> list[tuple[int, ...]]:
    """Return some numbers for each form, the smallest ones; () for a form of none below 1,000.

    Raises:
        ArgumentError: The rule is not an expression that gettext takes, or names other forms.
    """
    rule = _rule(plurals.rule)
    numbers: list[list[int]] = [[] for _ in range(plurals.forms)]
    for number in range(_COUNTED):
        try:
            form = rule(number)
        except (ArithmeticError, ValueError) as error:
            raise _unusable(plurals.rule) from error
        if not 0 <= form < plurals.forms:
            raise ArgumentError(f"{plurals.rule!r} names form {form} of {plurals.forms}")
        if len(numbers[form]) < _SHOWN:
            numbers[form].append(number)
    return [tuple(each) for each in numbers]


def _rule(rule: str) -> Callable[[int], int]:
    from gettext import c2py  # compiles what gettext takes, and nothing else

    try:
        return c2py(rule)
    except (ValueError, RecursionError) as error:
        raise _unusable(rule) from error


def _unusable(rule: str) -> ArgumentError:
    return ArgumentError(f"{rule[:200]!r} is no rule for plural forms")


_SLAVIC_FEW = "n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20)"
_BRETON = (
    "n%10==1 && n%100!=11 && n%100!=71 && n%100!=91 ? 0 : "
    "n%10==2 && n%100!=12 && n%100!=72 && n%100!=92 ? 1 : "
    "(n%10==3 || n%10==4 || n%10==9) && (n%100<10 || n%100>19) && (n%100<70 || n%100>79)"
    " && (n%100<90) ? 2 : n!=0 && n%1000000==0 ? 3 : 4"
)

FAMILIES = {
    "none": Plurals(forms=1, rule="0"),
    "two": Plurals(forms=2, rule="(n != 1)", categories=("one",)),
    "french": Plurals(forms=2, rule="(n > 1)", categories=("one",)),
    "icelandic": Plurals(forms=2, rule="(n%10!=1 || n%100==11)", categories=("one",)),
    "slavic": Plurals(
        forms=3,
        rule=f"(n%10==1 && n%100!=11 ? 0 : {_SLAVIC_FEW} ? 1 : 2)",
        categories=("one", "few", "many"),
    ),
    "balkan": Plurals(
        forms=3,
        rule=f"(n%10==1 && n%100!=11 ? 0 : {_SLAVIC_FEW} ? 1 : 2)",
        categories=("one", "few"),
    ),
    "polish": Plurals(
        forms=3, rule=f"(n==1 ? 0 : {_SLAVIC_FEW} ? 1 : 2)", categories=("one", "few", "many")
    ),
    "czech": Plurals(forms=3, rule="(n==1 ? 0 : n>=2 && n<=4 ? 1 : 2)", categories=("one", "few")),
    "slovenian": Plurals(
        forms=4,
        rule="(n%100==1 ? 0 : n%100==2 ? 1 : n%100==3 || n%100==4 ? 2 : 3)",
        categories=("one", "two", "few"),
    ),
    "lithuanian": Plurals(
        forms=3,
        rule="(n%10==1 && n%100!=11 ? 0 : n%10>=2 && (n%100<10 || n%100>=20) ? 1 : 2)",
        categories=("one", "few"),
    ),
    "latvian": Plurals(
        forms=3,
        rule="(n%10==1 && n%100!=11 ? 0 : n != 0 ? 1 : 2)",
        categories=("zero", "one"),
    ),
    "romanian": Plurals(
        forms=3,
        rule="(n==1 ? 0 : n==0 || (n%100>0 && n%100<20) ? 1 : 2)",
        categories=("one", "few"),
    ),
    "arabic": Plurals(
        forms=6,
        rule="(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5)",
        categories=("zero", "one", "two", "few", "many"),
    ),
    "maltese": Plurals(
        forms=4,
        rule="(n==1 ? 0 : n==0 || (n%100>1 && n%100<11) ? 1 : n%100>10 && n%100<20 ? 2 : 3)",
        categories=("one", "few", "many"),
    ),
    "irish": Plurals(
        forms=5,
        rule="(n==1 ? 0 : n==2 ? 1 : n>=3 && n<=6 ? 2 : n>=7 && n<=10 ? 3 : 4)",
        categories=("one", "two", "few", "many"),
    ),
    "gaelic": Plurals(
        forms=4,
        rule="(n==1 || n==11 ? 0 : n==2 || n==12 ? 1 : n>2 && n<20 ? 2 : 3)",
        categories=("one", "two", "few"),
    ),
    "welsh": Plurals(
        forms=6,
        rule="(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n==3 ? 3 : n==6 ? 4 : 5)",
        categories=("zero", "one", "two", "few", "many"),
    ),
    "breton": Plurals(forms=5, rule=f"({_BRETON})", categories=("one", "two", "few", "many")),
}
"""Plural forms by family of languages. The rules are those of the gettext manual ("Plural forms")
where it has one, else they follow the categories of CLDR, as Babel 2.18 has them; read 2026-11-22.
"""
