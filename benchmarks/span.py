"""How long a summary takes, beside the ideal schedule of the same calls.

    python benchmarks/span.py [FILE] [SPEED]

The server on loopback answers each call after 0.4 s + prompt / 20,000 s + reply / 80 s, divided by
SPEED (default 4), with an extract of 8 % of the prompt and at most 800 tokens. The ideal schedule
starts each map call the moment one of the places is free, and the merge the moment the last map
call ends. The text is FILE, or the Python language reference four times over.
"""

from __future__ import annotations

import sys
from heapq import heappop, heappush
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from results import save

from minikit import CallRecord, Client, Retry, Usage, count_tokens
from server import ChatServer, Reply, cut_to, ok, prompt_tokens, slow

PLACES = 16


def seconds(usage: Usage) -> float:
    """Return how long the server takes for a call, at SPEED 1."""
    return 0.4 + usage.input_tokens / 20_000 + usage.output_tokens / 80


def answer(body: dict[str, Any], speed: float) -> Reply:
    """Answer with an extract of the prompt, as late as its length asks for."""
    longest = max((message["content"] for message in body["messages"]), key=len)
    text, _ = cut_to(longest[: max(20, len(longest) * 8 // 100)], 800)
    usage = Usage(input_tokens=prompt_tokens(body), output_tokens=count_tokens(text))
    return slow(seconds(usage) / speed, ok(text))


def ideal_s(calls: list[CallRecord]) -> float:
    """Return the least time for the map calls in `PLACES` places, in order, and then the rest."""
    free = [0.0] * PLACES
    rest = 0.0
    for call in calls:
        if call.operation == "map":
            heappush(free, heappop(free) + seconds(call.usage))
        else:
            rest += seconds(call.usage)
    return max(free) + rest


def main() -> None:
    """Summarize once and print the ratio."""
    source = Path(sys.argv[1]) if sys.argv[1:] else "\n\n".join(topics.values()) * 4
    speed = float(sys.argv[2]) if sys.argv[2:] else 4.0
    with (
        ChatServer(handler=lambda body: answer(body, speed)) as server,
        Client(
            model="gpt-4o-mini",
            api_key="none",
            base_url=server.base_url,
            max_concurrency=PLACES,
            retry=Retry(attempts=1),
        ) as client,
    ):
        client.complete("Connect, so that this is not timed.")
        plan = client.plan(source)
        del server.requests[:]
        summary = client.summarize(source)
        began = server.requests[0].at
        last = summary.calls[-1]
        span_s = (server.requests[-1].at - began) * speed + seconds(last.usage)
    ideal = ideal_s(list(summary.calls))
    share = summary.usage.input_tokens / plan.document_tokens
    print(
        f"{len(summary.calls)} calls, {summary.usage.input_tokens:,} tokens in = {share:.3f} x",
        end="",
    )
    print(f" the text, span {span_s:.1f} s = {span_s / ideal:.3f} x the ideal {ideal:.1f} s")
    row = {
        "calls": len(summary.calls),
        "document_tokens": plan.document_tokens,
        "input_tokens": summary.usage.input_tokens,
        "span_s": round(span_s, 2),
        "ideal_s": round(ideal, 2),
    }
    save("span", [row], command="python benchmarks/span.py")


if __name__ == "__main__":
    main()
