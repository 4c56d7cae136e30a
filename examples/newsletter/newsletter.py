"""Write a letter to each subscriber in a CSV file, thousands of them, and part those to look at.

    python newsletter.py subscribers.csv --offline              # no key: shows the course of it
    python newsletter.py subscribers.csv --budget 2.50          # with OPENAI_API_KEY

`letters.csv` gets the letters that can go, `review.csv` the rows that a person should look at, with
the reason. Replies are kept in `letters.sqlite`: run the same command again after Ctrl-C, a crash
or a budget that was too small, and nothing is paid for twice.
The exit code is 0 when all letters can go, 3 when some are to be looked at, 1 when it stopped.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from minikit import Client, MinikitError, RowsProgress

NEWS = """You write the newsletter of a shop for boats. The news of this month:
- The shop moves to the old sail loft on 2 May; everything is 10 % off on that day.
- Repairs of pumps and winches now take three days instead of ten.
- A course on sailing by night begins on 9 June, four evenings, 120 euros.
Write 60 to 100 words, warm and plain, and pick the one or two items that matter to the reader.
Begin with "Dear" and the name. Invent nothing: no other prices, dates or offers."""
TEMPLATE = "The reader: {name}, who bought: {bought}. Interested in: {interest}. Write the letter."
MOST_TOKENS = 300  # of a letter
WORDS = range(30, 131)


def doubts(outcome: Mapping[str, Any]) -> list[str]:
    """Return why a person should look at a letter; [] when it can go as it is."""
    letter = outcome["text"]
    if letter is None:
        return [outcome["error"]]
    words = len(letter.split())
    checks = {
        "it is cut off": outcome["finish_reason"] == "length",
        f"it has {words} words": words not in WORDS,
        "it does not name the reader": outcome["row"]["name"] not in letter,
        "it has a blank to fill in": any(mark in letter for mark in ("[", "{", "XX")),
    }
    return [reason for reason, is_so in checks.items() if is_so]


def part(folder: Path) -> int:
    """Write the letters that can go, and those to look at; return how many the latter are."""
    ready, doubtful = list[Mapping[str, Any]](), list[Mapping[str, Any]]()
    with (folder / "letters.jsonl").open(encoding="utf-8") as file:
        for outcome in map(json.loads, file):
            row = {**outcome["row"], "letter": outcome["text"]}
            if why := doubts(outcome):
                doubtful.append({"why": "; ".join(why), **row})
            else:
                ready.append(row)
    for name, rows in (("letters.csv", ready), ("review.csv", doubtful)):
        with (folder / name).open("w", encoding="utf-8-sig", newline="") as table:
            writer = csv.DictWriter(table, rows[0] if rows else ["letter"])
            writer.writeheader()
            writer.writerows(rows)
    return len(doubtful)


def show(progress: RowsProgress) -> None:
    """Tell every hundredth row how far it is, and what is left."""
    if progress.done % 100 == 0:
        left = progress.remaining
        more = f", about {left.seconds:.0f} s and ${left.cost_usd} more" if left else ""
        print(f"{progress.done} of {progress.total}{more}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the letters, and tell what it took."""
    parser = argparse.ArgumentParser(description="Write a letter to each subscriber.")
    parser.add_argument("subscribers", type=Path)
    parser.add_argument("--budget", default="1.00", help="US dollars, over all runs")
    parser.add_argument("--folder", type=Path, default=Path(), help="where the files are written")
    parser.add_argument("--offline", action="store_true", help="needs no key")
    given = parser.parse_args(arguments)
    model, folder = "offline" if given.offline else None, given.folder
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with (
            Client(model=model, journal=folder / "letters.sqlite") as client,
            client.complete_many(
                given.subscribers,
                TEMPLATE,
                system=NEWS,
                max_output_tokens=MOST_TOKENS,
                budget_usd=given.budget,
                on_event=show,
            ) as outcomes,
        ):
            print(outcomes.plan, file=sys.stderr)
            outcomes.write(folder / "letters.jsonl")  # each as it comes
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 1
    except MinikitError as error:
        print(error, file=sys.stderr)
        return 1
    to_look_at = part(folder)
    print(f"{outcomes.done} rows for {outcomes.cost_usd} USD, {to_look_at} to look at")
    return 3 if to_look_at else 0


if __name__ == "__main__":
    sys.exit(main())
