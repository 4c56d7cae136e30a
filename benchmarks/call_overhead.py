"""What the pipeline adds to a call: CPU time beside the bare SDK, and memory over many calls.

    python benchmarks/call_overhead.py [CALLS] [ROUNDS]
    python benchmarks/call_overhead.py memory [CALLS]

A server of this file, in a process of its own on loopback, answers every request at once. The
ratio is of the CPU time of this process alone, user and system, for the same calls, 16 in flight;
rounds alternate, and the median ratio counts.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from results import save

IN_FLIGHT = 16
PROMPT = "Say something about the sea and the ships on it. " * 20

REPLY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "service_tier": "default",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "The sea is wide. " * 20},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 240, "completion_tokens": 100, "total_tokens": 340},
    }
).encode()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each request of a connection with the same reply."""
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_1\r\n"
        b"x-ratelimit-limit-requests: 30000\r\nx-ratelimit-remaining-requests: 29999\r\n"
        b"x-ratelimit-reset-requests: 2ms\r\nx-ratelimit-limit-tokens: 150000000\r\n"
        b"x-ratelimit-remaining-tokens: 149999000\r\nx-ratelimit-reset-tokens: 0s\r\n"
        b"content-length: %d\r\n\r\n" % len(REPLY)
    )
    try:
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            lines = request.lower().split(b"\r\n")
            (length,) = (line for line in lines if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            writer.write(head + REPLY)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def server() -> None:
    """Serve until the standard input ends; print the port."""
    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def bare(base_url: str, calls: int) -> None:
    """Make the calls with the SDK alone, without its retries."""
    import openai

    places = asyncio.Semaphore(IN_FLIGHT)
    async with openai.AsyncOpenAI(api_key="x", base_url=base_url, max_retries=0) as client:

        async def one(number: int) -> None:
            async with places:
                reply = await client.chat.completions.create(
                    model="gpt-4o-mini",
                    messages=[{"role": "user", "content": f"{number} {PROMPT}"}],
                    max_completion_tokens=500,
                )
            assert reply.choices[0].message.content
            assert reply.usage

        await in_flight(one, calls)


async def piped(base_url: str, calls: int, **options: object) -> None:
    """Make the calls with minikit."""
    from minikit import AsyncClient

    async with AsyncClient(api_key="x", base_url=base_url, **options) as client:  # type: ignore[arg-type]

        async def one(number: int) -> None:
            reply = await client.complete(f"{number} {PROMPT}", max_output_tokens=500)
            assert reply.text
            assert reply.cost_usd

        await in_flight(one, calls)
        assert client.ledger.total.entries == calls


async def in_flight(one, calls: int) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Run `one(number)` for each number, in as many tasks as places."""
    numbers = iter(range(calls))

    async def worker() -> None:
        for number in numbers:
            await one(number)

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))


def cpu_s(work) -> float:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Return the CPU seconds that this process spends on `work`."""
    start = time.process_time()
    asyncio.run(work)
    return time.process_time() - start


def overhead(base_url: str, calls: int, rounds: int) -> None:
    """Print the CPU time of a call with each, and the ratio."""
    with TemporaryDirectory() as folder:
        ways = {
            "minikit": {},
            "minikit, budget": {"budget_usd": "100"},
            "minikit, budget and journal": {"budget_usd": "100"},
        }
        asyncio.run(bare(base_url, 50))
        asyncio.run(piped(base_url, 50))
        ratios: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(rounds):
            base = cpu_s(bare(base_url, calls))
            print(f"bare SDK: {base / calls * 1e3:.3f} ms of CPU a call")
            for way, options in ways.items():
                extra = {"journal": Path(folder, f"{number}.sqlite")} if "journal" in way else {}
                seconds = cpu_s(piped(base_url, calls, **options, **extra))
                ratios[way].append(seconds / base)
                print(f"{way}: {seconds / calls * 1e3:.3f} ms, {seconds / base:.2f} times")
        for way, values in ratios.items():
            print(f"median, {way}: {statistics.median(values):.2f} times the bare SDK")
        rows = [
            {"way": way, "times": round(statistics.median(values), 3), "rounds": rounds}
            for way, values in ratios.items()
        ]
        save("call_overhead", rows, command="python benchmarks/call_overhead.py")


def resident_mb() -> int:
    """Return the memory that this process has now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def memory(base_url: str, calls: int) -> None:
    """Print the peak memory as the calls go on."""
    step = calls // 10

    async def run() -> None:
        from minikit import AsyncClient

        async with AsyncClient(api_key="x", base_url=base_url, budget_usd=1000) as client:

            async def one(number: int) -> None:
                await client.complete(f"{number} {PROMPT}", max_output_tokens=500)
                if (number + 1) % step == 0:
                    print(f"after {number + 1:,} calls: {resident_mb()} MB resident", flush=True)

            await in_flight(one, calls)

    asyncio.run(run())
    print(f"peak: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


def main() -> None:
    """Start the server and measure."""
    if sys.argv[1:] == ["serve"]:
        asyncio.run(server())
        return
    warnings.simplefilter("ignore")
    command = [sys.executable, __file__, "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as s:
        assert s.stdout
        base_url = f"http://127.0.0.1:{s.stdout.readline().strip()}/v1"
        numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
        if "memory" in sys.argv:
            memory(base_url, *(numbers or [100_000]))
        else:
            overhead(base_url, *(numbers + [2_000, 5][len(numbers) :]))
        assert s.stdin
        s.stdin.close()


if __name__ == "__main__":
    main()
