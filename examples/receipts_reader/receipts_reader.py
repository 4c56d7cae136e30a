"""Read a folder of receipts, pictures in JPEG, PNG or WEBP, into a table of typed rows.

    python receipts_reader.py receipts --plan     # what it would cost; needs no key
    python receipts_reader.py receipts            # with OPENAI_API_KEY

`receipts.csv` gets a row for each picture. The total on a receipt is held against the sum of its
items, and what does not add up, lacks a total or cannot be read says so in the column `check`.
Replies are kept in `receipts.sqlite`, so that a second run pays for new pictures alone.
The exit code is 0 when all is well, 3 when some rows are to be looked at, 1 when it failed.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, Field

import minikit
from minikit import Client, MinikitError

KINDS = {".jpg", ".jpeg", ".png", ".webp"}
FATAL = (minikit.MissingKeyError, minikit.AuthenticationError, minikit.QuotaExhaustedError)
COLUMNS = ("file", "shop", "day", "currency", "items", "total", "check")


class Item(BaseModel):
    """A line of a receipt."""

    name: str
    price: Decimal = Field(description="of the line, as printed; negative for a discount")


class Receipt(BaseModel):
    """What stands on a receipt."""

    shop: str | None
    day: date | None = Field(description="null where it cannot be read")
    currency: str | None = Field(description="three letters, such as EUR")
    items: list[Item]
    total: Decimal | None = Field(description="what was to be paid; null where it cannot be read")


def doubt(receipt: Receipt) -> str:
    """Return what a person should look at; "" when all is well."""
    added = sum((item.price for item in receipt.items), Decimal(0))
    if receipt.total is None:
        return f"the total cannot be read; the items add up to {added}"
    if added != receipt.total:
        return f"the items add up to {added}, {receipt.total - added:+} to the total"
    return ""


class Row(NamedTuple):
    """A picture, what stands on it (or None), and what a person should look at, or ""."""

    path: Path
    receipt: Receipt | None
    check: str

    def cells(self) -> Mapping[str, object]:
        """Return the row of the table."""
        cells = self.receipt.model_dump(exclude={"items"}) if self.receipt else {}
        items = self.receipt.items if self.receipt else ()
        told = "; ".join(f"{item.name} {item.price}" for item in items)
        return {"file": self.path.name, **cells, "items": told, "check": self.check}


def read(client: Client, path: Path) -> Row:
    """Read a receipt; of one that cannot be read the row says why."""
    try:
        receipt = client.describe(path, schema=Receipt).parsed
    except FATAL:
        raise
    except minikit.SourceError as error:  # an ArgumentError too, but of this picture
        return Row(path, None, f"not read: {error}")
    except minikit.ArgumentError:  # of all of them, such as a model that sees no images
        raise
    except MinikitError as error:  # of this call: refused, beyond the budget
        return Row(path, None, f"not read: {error}")
    return Row(path, receipt, doubt(receipt))


def most_usd(client: Client, path: Path) -> Decimal:
    """Return what reading a receipt may cost; nothing where it cannot be read."""
    try:
        return client.plan(path, verb="describe", schema=Receipt).cost_usd_at_most or Decimal(0)
    except minikit.SourceError:
        return Decimal(0)


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write the rows as spreadsheets read them."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(row.cells() for row in rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the receipts, and tell what they add up to."""
    parser = argparse.ArgumentParser(description="Read pictures of receipts into a table.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("receipts.csv"))
    parser.add_argument("--model", help="default: MINIKIT_MODEL, else gpt-4o-mini")
    parser.add_argument("--budget", default="1.00", help="US dollars")
    parser.add_argument("--plan", action="store_true", help="only tell what it may cost")
    given = parser.parse_args(arguments)
    paths = sorted(path for path in given.folder.glob("*") if path.suffix.lower() in KINDS)
    if not paths:
        print(f"no pictures in {str(given.folder)!r}: {', '.join(sorted(KINDS))}", file=sys.stderr)
        return 1
    journal = given.out.with_suffix(".sqlite")
    try:
        with (
            Client(model=given.model, budget_usd=given.budget, journal=journal) as client,
            ThreadPoolExecutor(8) as pool,
        ):
            if given.plan:
                most = sum(pool.map(partial(most_usd, client), paths), Decimal(0))
                print(f"{len(paths)} receipts, at most {most} USD")
                return 0
            rows = list(pool.map(partial(read, client), paths))
            cost_usd = client.ledger.total.cost_usd
    except MinikitError as error:
        print(error, file=sys.stderr)
        return 1
    write(given.out, rows)
    doubtful = [row for row in rows if row.check]
    for row in doubtful:
        print(f"{row.path.name}: {row.check}", file=sys.stderr)
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        if row.receipt and row.receipt.total is not None:
            sums[row.receipt.currency or "in an unknown currency"] += row.receipt.total
    print(", ".join(f"{amount} {currency}" for currency, amount in sums.items()))
    print(f"{len(rows)} receipts for {cost_usd} USD, {len(doubtful)} to look at")
    return 3 if doubtful else 0


if __name__ == "__main__":
    sys.exit(main())
