"""What the commands have in common: the bill and what is told beside it."""

from __future__ import annotations

from argparse import Namespace
from decimal import Decimal

import pytest

from minikit import Gap, Result, Span, Usage
from minikit.cli import common


@pytest.mark.parametrize("quiet", [False, True])
def test_the_bill_and_the_notes(quiet: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """The bill is one line, and each note another; neither where it shall be quiet."""
    result = Result(
        model="gpt-4o-mini",
        usage=Usage(input_tokens=1_000, output_tokens=10),
        cost_usd=Decimal("0.000156"),
        calls=(),
        notes=("the server takes no response format",),
    )
    common.tell(result, 1.25, Namespace(quiet=quiet))
    told = (
        "minikit: gpt-4o-mini, 0 calls, 1,000 tokens in, 10 out, $0.0001560, 1.2 s\n"
        "minikit: note: the server takes no response format\n"
    )
    assert capsys.readouterr().err == ("" if quiet else told)


@pytest.mark.parametrize(("named", "begins"), [("", "characters"), ("a.txt", "a.txt: characters")])
def test_gaps_name_their_source(
    named: str, begins: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A gap tells its place and its reason, and its source where there are several."""
    common.tell_gap(Gap(span=Span(1_000, 2_000), reason="refusal"), named)
    told = f"minikit: {begins} 1,000 to 2,000 could not be read: refusal\n"
    assert capsys.readouterr().err == told
