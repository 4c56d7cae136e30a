"""What the commands have in common: the bill and what is told beside it."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from decimal import Decimal

import pytest

from minikit import CallRecord, Gap, Result, Span, Usage
from minikit.cli import common
from minikit.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["plan", "a.txt", "--budget", "1"], "--budget 1; see minikit plan --help"),
        (
            ["summarize", "a.txt", "--budgt=1", "--lenght", "4"],
            "--budgt=1 --lenght 4 (did you mean --budget and --length?); see minikit summarize",
        ),
        (["journal", "stats", "a", "b"], "b; see minikit journal stats --help"),
    ],
)
def test_unknown_arguments(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names what was likely meant, and the command whose help has its options."""
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert f"minikit: unrecognized arguments: {told}" in capsys.readouterr().err


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


def test_what_failed_and_what_was_paid_before(capsys: pytest.CaptureFixture[str]) -> None:
    """The bill tells what came from the journal, and what was lost, also without a price."""
    call = CallRecord(
        operation="map",
        level=0,
        span=Span(0, 9),
        model="own",
        usage=Usage(input_tokens=10, output_tokens=1),
        cost_usd=None,
        finish_reason="stop",
        attempts=0,
        latency_s=0.0,
        replayed=True,
    )
    priced = replace(call, cost_usd=Decimal("0.002"))
    for each in (call, priced):
        result = Result(
            model="own",
            usage=each.usage,
            cost_usd=each.cost_usd,
            calls=(each,),
            failed_cost_usd=Decimal("0.001"),
            unmeasured=2,
        )
        common.tell(result, 0.1, Namespace(quiet=False))
    lost = "and $0.0010 for calls that failed, 2 attempts of unknown cost, 0.1 s\n"
    told = "minikit: own, 1 call (1 from the journal), 10 tokens in, 1 out, "
    assert capsys.readouterr().err == (
        f"{told}price unknown, {lost}{told}$0.0020 ($0.0020 of it paid before), {lost}"
    )


@pytest.mark.parametrize(("named", "begins"), [("", "characters"), ("a.txt", "a.txt: characters")])
def test_gaps_name_their_source(
    named: str, begins: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A gap tells its place and its reason, and its source where there are several."""
    common.tell_gap(Gap(span=Span(1_000, 2_000), reason="refusal"), named)
    told = f"minikit: {begins} 1,000 to 2,000 could not be read: refusal\n"
    assert capsys.readouterr().err == told
