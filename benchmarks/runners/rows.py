"""Many small calls of one kind through one peer: `rows.py PEER BASE_URL ROWS PLACES`.

Runs in the environment of the peer. Prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

MODEL = "gpt-4o-mini"
TEMPLATE = "Write a friendly line for {name}, who bought {item} in {town}. " + "Be brief. " * 20


def rows(count: int) -> Iterator[dict[str, str]]:
    """Yield rows that all differ."""
    for number in range(count):
        yield {"name": f"Customer {number}", "item": f"item {number % 97}", "town": "Prague"}


def minikit(base_url: str, count: int, places: int) -> int:
    """Fill a template with each row; the rows and their outcomes are streams."""
    from minikit import Client

    good = 0
    with Client(model=MODEL, api_key="none", base_url=base_url, max_concurrency=places) as client:
        for outcome in client.complete_many(rows(count), TEMPLATE, max_output_tokens=100):
            good += bool(outcome.text)
    return good


def raw(base_url: str, count: int, places: int) -> int:
    """Gather all calls of the SDK, so many at a time, as programs do."""
    from openai import AsyncOpenAI

    async def run() -> int:
        gate = asyncio.Semaphore(places)
        async with AsyncOpenAI(api_key="none", base_url=base_url) as client:

            async def one(row: dict[str, str]) -> str:
                async with gate:
                    reply = await client.chat.completions.create(
                        model=MODEL,
                        messages=[{"role": "user", "content": TEMPLATE.format(**row)}],
                        max_completion_tokens=100,
                    )
                return reply.choices[0].message.content or ""

            return sum(map(bool, await asyncio.gather(*map(one, rows(count)))))

    return asyncio.run(run())


def langchain(base_url: str, count: int, places: int) -> int:
    """Run a prompt and a model over a batch."""
    template: Any = import_module("langchain_core.prompts").ChatPromptTemplate
    chat: Any = import_module("langchain_openai").ChatOpenAI

    model = chat(model=MODEL, api_key="none", base_url=base_url, max_tokens=100)
    chain = template.from_template(TEMPLATE) | model
    batch = chain.abatch(list(rows(count)), config={"max_concurrency": places})
    return sum(bool(reply.content) for reply in asyncio.run(batch))


def llamaindex(base_url: str, count: int, places: int) -> int:
    """Complete each prompt, so many jobs at a time."""
    run_jobs: Any = import_module("llama_index.core.async_utils").run_jobs
    model: Any = import_module("llama_index.llms.openai").OpenAI

    async def run() -> int:
        llm = model(model=MODEL, api_key="none", api_base=base_url, max_tokens=100)
        jobs = [llm.acomplete(TEMPLATE.format(**row)) for row in rows(count)]
        return sum(bool(reply.text) for reply in await run_jobs(jobs, workers=places))

    return asyncio.run(run())


def docetl(base_url: str, count: int, places: int) -> int:
    """Map a prompt over a frame."""
    import os
    import tempfile

    os.environ.update(OPENAI_API_KEY="none", OPENAI_BASE_URL=base_url, OPENAI_API_BASE=base_url)
    os.environ["DOCETL_HOME_DIR"] = tempfile.mkdtemp()
    library: Any = import_module("docetl")

    library.default_model = MODEL
    prompt = TEMPLATE
    for name in ("name", "item", "town"):
        prompt = prompt.replace(f"{{{name}}}", f"{{{{ input.{name} }}}}")
    frame = library.from_list(list(rows(count))).map(
        "line", prompt=prompt, output={"schema": {"line": "string"}}
    )
    return sum(bool(row["line"]) for row in frame.collect(max_threads=places))


def main(peer: str, base_url: str, count: int, places: int) -> None:
    """Measure and print."""
    warnings.simplefilter("ignore")
    run: Callable[[str, int, int], int] = globals()[peer]
    run(base_url, 20, places)  # what is loaded once is not timed
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    good = run(base_url, count, places)
    wall_s = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    row = {
        "peer": peer,
        "rows": count,
        "places": places,
        "good": good,
        "calls_per_s": round(count / wall_s, 1),
        "cpu_ms_per_call": round(1e3 * cpu_s / count, 3),
        "memory_before_mb": before.ru_maxrss // 1024,
        "memory_mb": after.ru_maxrss // 1024,
    }
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
