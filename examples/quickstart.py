"""Summarize a long text: a file, or the Python language reference that every CPython carries.

    python examples/quickstart.py [FILE]

Without a key in OPENAI_API_KEY the model `offline` selects sentences; nothing leaves the machine.
"""

from __future__ import annotations

import os
import sys
from decimal import Decimal
from pathlib import Path
from pydoc_data.topics import topics

from minikit import Client, Document, MinikitError, Progress


def language_reference() -> Document:
    """Return the topics of Python's `help()`, about 465,000 characters."""
    text = "\n\n".join(f"{title}\n\n{topic.strip()}" for title, topic in topics.items())
    return Document(text=text, title="The Python language reference")


def show(progress: Progress) -> None:
    """Print how far the job is."""
    call = progress.call
    print(
        f"  call {progress.calls_done} of at most {progress.calls_at_most}: "
        f"{call.operation}, {call.usage.input_tokens:,} tokens in, "
        f"{call.usage.output_tokens:,} out"
    )


def usd(amount: Decimal | None) -> str:
    """Return an amount of money to print."""
    return "an unknown price" if amount is None else f"{amount:f} USD"


def main() -> None:
    """Plan, summarize, and show what it took."""
    document = Document.from_path(Path(sys.argv[1])) if sys.argv[1:] else language_reference()
    model = None if os.environ.get("OPENAI_API_KEY") else "offline"  # None: the default model

    with Client(model=model) as client:
        plan = client.plan(document)
        print(f"{document.title}: {len(document.text):,} characters")
        print(
            f"Plan for {plan.model}: {plan.document_tokens:,} tokens, chunks: {len(plan.spans)}, "
            f"calls: at most {plan.calls_at_most}, "
            f"cost: {usd(plan.cost_usd_at_least)} to {usd(plan.cost_usd_at_most)}"
        )
        summary = client.summarize(document, on_event=show)

    print(f"\n{summary}\n")
    print(f"Cost: {usd(summary.cost_usd)}, {summary.usage.total_tokens:,} tokens")
    for note in summary.notes:
        print(f"Note: {note}")
    print("Read from:")
    for span in summary.spans:
        print(f"  characters {span.start:,} to {span.end:,}")


if __name__ == "__main__":
    try:
        main()
    except MinikitError as error:  # its message says the way out
        sys.exit(str(error))
