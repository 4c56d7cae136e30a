"""Write docs/benchmarks.md from the results that are kept.

    python benchmarks/page.py

Every figure and every verdict of the page comes from the JSON files in benchmarks/results; a test
holds that the page is what this makes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from results import Row, load

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

NAMES = {
    "raw": "bare SDK",
    "langchain": "LangChain",
    "llamaindex": "LlamaIndex",
    "docetl": "DocETL",
    "minikit": "minikit",
}
TEXTS = {
    "wp": "*War and Peace*",
    "qmsum": "a meeting (QMSum)",
    "manual": "Python's language reference",
    "cjk": "Chinese manuals",
}
CLOSE = 1.05
"""Within five per cent."""

TOKENS_A_SECOND = 80
"""What the simulated server writes."""

Results = dict[str, Any]


def page(results: Results) -> str:
    """Return the page."""
    parts = [
        _head(results),
        _short(results),
        _plain(results),
        _limits(results),
        _faults(results),
        _refused(results),
        _killed(results),
        _bulk(results),
        _chunkers(results),
        _counters(results),
        _alone(results),
        _again(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(results: Results) -> str:
    machine = results["import_time"]["machine"]
    dates = sorted({result["date"] for result in results.values()})
    return f"""---
description: "minikit beside the bare SDK, LangChain, LlamaIndex and DocETL: time, money and what breaks."
---

# Benchmarks

minikit beside what else a Python program can use for texts that are too long for one call: the bare OpenAI SDK with `asyncio.gather`, LangChain's `load_summarize_chain` (map_reduce), LlamaIndex's `TreeSummarize` and DocETL's split, map and reduce.
Each was set up as well as its documentation tells: the same chunk size, all calls at once, retries on.

They talk to a simulated server on the same machine, which counts tokens with o200k_base, takes 0.4 s + prompt / 20,000 s + reply / 80 s for a call, answers with 8 % of the prompt and at most 800 tokens, and can limit, fail, refuse and hang.
It counts calls, tokens and dollars itself and how much of the text has reached it: no figure below is a client's own word but the seconds and the memory of its process.
There is no model here: these figures tell of time, money and reliability, and nothing of how good a summary is.

Measured {" and ".join(dates)} on a shared machine with {machine["cores"]} cores ({machine["architecture"]}, {machine["system"]}, Python {machine["python"]}); this page is made from the files in `benchmarks/results` by `benchmarks/page.py`."""


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _rows(results: Results, part: str, **wanted: object) -> list[Row]:
    found: list[Row] = results.get(part, {}).get("rows", [])
    return [row for row in found if all(row.get(name) == value for name, value in wanted.items())]


def _kinds(rows: Iterable[Row], name: str) -> list[str]:
    return list(dict.fromkeys(row[name] for row in rows))


def _short(results: Results) -> str:
    claims = [claim for make in _CLAIMS for claim in make(results)]
    if not claims:
        return ""
    return "## In short\n\n" + _table(["What should hold", "Measured", "Holds"], claims)


def _same_size(results: Results) -> list[tuple[str, Row, list[Row]]]:
    """Return each text with minikit's row and its peers' at the same chunk size."""
    found = []
    for text in _kinds(_rows(results, "peers_plain"), "text"):
        rows = [
            row
            for row in _rows(results, "peers_plain", text=text, ok=True)
            if row["title"] != "as it comes"
        ]
        ours = [row for row in rows if row["peer"] == "minikit"]
        peers = [row for row in rows if row["peer"] != "minikit"]
        if ours and peers:
            found.append((text, ours[0], peers))
    return found


def _beside(
    results: Results, value: Callable[[Row, Row], float], say: str, digits: int
) -> list[list[str]]:
    """Hold minikit's row of each text against the best peer's; `value` is given both."""
    lines = []
    for text, ours, peers in _same_size(results):
        mine, best = value(ours, ours), min(peers, key=lambda row: value(row, ours))
        theirs = value(best, ours)
        told = f"{mine:.{digits}f} beside {theirs:.{digits}f} of {NAMES[best['peer']]}"
        verdict = "yes" if mine <= theirs else f"{mine / theirs - 1:.1%} more"
        lines.append([f"{say}: {TEXTS[text]}", told, verdict])
    return lines


def _as_long_s(row: Row, ours: Row) -> float:
    """Return the seconds of a run, had its summary been as long as minikit's."""
    return float(row["span_s"] + (ours["summary_tokens"] - row["summary_tokens"]) / TOKENS_A_SECOND)


def _times(results: Results) -> list[list[str]]:
    return [
        *_beside(results, lambda row, _: row["span_s"], "seconds at the same chunk size", 1),
        *_beside(results, _as_long_s, "the same for a summary as long as minikit's", 1),
    ]


def _costs(results: Results) -> list[list[str]]:
    lines = _beside(results, lambda row, _: row["usd"], "dollars at the same chunk size", 4)
    for text in _kinds(_rows(results, "peers_plain"), "text"):
        usual = _rows(results, "peers_plain", text=text, title="as it comes")
        done = _rows(results, "peers_plain", text=text, ok=True)
        peers = [row for row in done if row["peer"] != "minikit"]
        if usual and peers:
            best = min(row["usd"] for row in peers)
            told = f"{usual[0]['usd']:.4f} beside {best:.4f}"
            verdict = "yes" if usual[0]["usd"] <= best else f"{usual[0]['usd'] / best - 1:.1%} more"
            lines.append([f"dollars with minikit's own chunk size: {TEXTS[text]}", told, verdict])
    return lines


def _ideals(results: Results) -> list[list[str]]:
    lines = []
    for row in [
        *_rows(results, "peers_plain", peer="minikit"),
        *_rows(results, "peers_limits", peer="minikit"),
        *_rows(results, "peers_tight", peer="minikit"),
    ]:
        ratio = row["span_s"] / row["own_ideal_s"] if row["own_ideal_s"] else 0
        limited = f" at {row['title']} tokens a minute" if row["group"] == "limits" else ""
        size = "" if limited else f", {_size(row)}"
        lines.append(
            [
                f"within 5 % of the ideal schedule: {TEXTS[row['text']]}{size}{limited}",
                f"{row['span_s']:.1f} s beside {row['own_ideal_s']:.1f} s",
                "yes" if 0 < ratio <= CLOSE else f"{ratio - 1:.1%} over",
            ]
        )
    return lines


def _size(row: Row) -> str:
    return "as it comes" if row["title"] == "as it comes" else f"chunks of {row['title']}"


def _survived(results: Results) -> list[list[str]]:
    lines = []
    for part, say in (
        ("peers_limits", "runs that finish at 500,000 tokens a minute"),
        ("peers_tight", "runs that finish at 200,000 tokens a minute"),
        ("peers_faults", "runs that finish in spite of faults"),
        ("peers_refused", "runs that finish though a passage is refused"),
    ):
        if rows := _rows(results, part):
            counts = [
                f"{NAMES[peer]} {sum(row['ok'] for row in mine)} of {len(mine)}"
                for peer in _kinds(rows, "peer")
                if (mine := [row for row in rows if row["peer"] == peer])
            ]
            all_ours = all(row["ok"] for row in rows if row["peer"] == "minikit")
            lines.append([say, ", ".join(counts), "yes" if all_ours else "no"])
    return lines


_CLAIMS: tuple[Callable[[Results], list[list[str]]], ...] = (_times, _costs, _ideals, _survived)


def _plain(results: Results) -> str:
    rows = _rows(results, "peers_plain")
    if not rows:
        return ""
    sizes = results["peers_plain"]["notes"]["texts"]
    parts = [
        "## No limit, no fault",
        "Seconds are from the first request to the last reply on the server's clock; the ideal is "
        "that of equal parts read all at once and merged in one call, with nothing in between "
        "(`benchmarks/ideal.py`). Coverage is the share of the text's runs of twelve words that "
        "reached the server in one piece: a cut takes at most one run apart.",
    ]
    for text in _kinds(rows, "text"):
        parts.append(f"### {_begun(TEXTS[text])}, {sizes[text]['tokens']:,} tokens")
        parts.append(
            _table(
                [
                    "",
                    "chunk",
                    "calls",
                    "tokens in",
                    "tokens of the summary",
                    "dollars",
                    "seconds",
                    "x ideal",
                    "in all",
                    "CPU s",
                    "MB",
                    "coverage",
                ],
                [
                    [
                        NAMES[row["peer"]],
                        row["title"],
                        row["calls"],
                        f"{row['input_tokens']:,}",
                        row["summary_tokens"],
                        f"{row['usd']:.4f}",
                        f"{row['span_s']:.1f}",
                        f"{row['span_s'] / row['ideal_s']:.2f}"
                        if row["title"] != "as it comes"
                        else "",
                        _number(row["wall_s"], 1),
                        _number(row["cpu_s"], 1),
                        _number(row["memory_mb"], 0),
                        _number(row["coverage"], 4),
                    ]
                    for row in rows
                    if row["text"] == text
                ],
            )
        )
    parts.append(
        '"In all" is the process from the text to the summary, without imports: minikit plans '
        "twice in it, once to tell the price before and once to work. What it sends more than the "
        "bare SDK at the same chunk size is bought: parts of even size (a short last part would be "
        "cheaper, and the text's end worth less), what a part is and where it stands, and beside "
        "each partial summary some sentences of the source that the merge is held to. The server "
        "answers with a share of the prompt, whatever length was asked for, so that a longer prompt "
        "for the merge costs seconds here, and merging in two steps, as LlamaIndex does, saves some, "
        "for the last reply is a short one; a model writes as much as it is asked to. Seconds for a "
        "summary as long as minikit's, and the ideal schedule of minikit's own calls, in the first "
        "table, leave that aside."
    )
    return "\n\n".join(parts)


def _begun(text: str) -> str:
    """Return `text` as it begins a heading."""
    return text[0].upper() + text[1:]


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _limits(results: Results) -> str:
    rows = [*_rows(results, "peers_limits"), *_rows(results, "peers_tight")]
    if not rows:
        return ""
    table = _table(
        ["tokens a minute", "", "outcome", "seconds", "ideal", "dollars", "429s"],
        [
            [
                row["title"],
                NAMES[row["peer"]],
                _outcome(row),
                f"{row['span_s']:.1f}",
                f"{row['ideal_s']:.1f}",
                f"{row['usd']:.4f}",
                sum(count for status, count in row["statuses"].items() if status.startswith("429")),
            ]
            for row in rows
        ],
    )
    return (
        "## Limits\n\n*War and Peace* in chunks of 16,000 tokens under an account's limit, which is "
        "a bucket that is full at the start. minikit, the bare SDK and LlamaIndex are told nothing; "
        "LangChain's rate was computed by hand, and DocETL was told nine tenths of the limit. The "
        "ideal spends the bucket, then what flows in, and waits for the last part before it "
        f"merges.\n\n{table}"
    )


def _outcome(row: Row) -> str:
    if row["ok"]:
        gaps = row.get("gaps")
        return f"summary, {gaps} told gap{'s' * (gaps != 1)}" if gaps else "summary"
    error = str(row["error"] or "no reply in time").split(":")[0].rpartition(".")[2]
    return f"lost ({error})"


def _by_title(rows: list[Row]) -> str:
    peers = _kinds(rows, "peer")
    lines = []
    for title in _kinds(rows, "title"):
        cells: list[object] = [title]
        for peer in peers:
            mine = [row for row in rows if row["peer"] == peer and row["title"] == title]
            good = sum(row["ok"] for row in mine)
            told = _outcome(mine[0]) if len(mine) == 1 else f"{good} of {len(mine)}"
            dollars = sum(row["usd"] for row in mine)
            cells.append(f"{told}, ${dollars:.4f}" if mine else "")
        lines.append(cells)
    return _table(["", *(NAMES[peer] for peer in peers)], lines)


def _faults(results: Results) -> str:
    rows = _rows(results, "peers_faults")
    if not rows:
        return ""
    return (
        "## Faults\n\nTwo calls in a hundred end in a 500, a 503, a cut connection or a reply that "
        "is cut off in the middle of its JSON (*War and Peace* in chunks of 4,000, a few seeds); or "
        "just one reply is cut off (the meeting). Runs that end with a summary, and what all "
        f"of them were billed.\n\n{_by_title(rows)}"
    )


def _refused(results: Results) -> str:
    rows = _rows(results, "peers_refused")
    if not rows:
        return ""
    return (
        "## A passage that is refused\n\nEvery call that holds the sentence with the year 1805 is "
        "refused, answered with nothing, or rejected by a filter. minikit halves the part until "
        "what is refused stands alone, and tells the gap; a summary without a word about it is "
        f"counted as a summary too.\n\n{_by_title(rows)}"
    )


def _killed(results: Results) -> str:
    rows = _rows(results, "peers_killed")
    if not rows:
        return ""
    lines = []
    for row in rows:
        needed = [
            each["calls"]
            for each in _rows(results, "peers_plain", peer=row["peer"], text="wp")
            if each["title"] != "as it comes"
        ]
        lines.append(
            [
                NAMES[row["peer"]],
                needed[0] if needed else "",
                row["calls_before"],
                row["calls"],
                row["calls_before"] + row["calls"] - needed[0] if needed else "",
                f"{row['usd_before'] + row['usd']:.4f}",
            ]
        )
    table = _table(
        [
            "",
            "calls of a run",
            "replies before the kill",
            "calls after it",
            "asked twice",
            "dollars in all",
        ],
        lines,
    )
    return (
        "## Killed, and started again\n\nThe process is killed (-9) after some twenty replies, and "
        "the same program is run again with what each library keeps on disk: minikit's journal, "
        "LangChain's SQLite cache, DocETL's folder; the bare SDK and LlamaIndex keep nothing. Of what "
        "is asked twice, minikit's calls were on their way when it was killed, up to 16 at a time: "
        f"they are billed, and no client can know their replies.\n\n{table}"
    )


def _bulk(results: Results) -> str:
    rows = [*_rows(results, "bulk"), *_rows(results, "rows")]
    if not rows:
        return ""
    table = _table(
        ["", "rows", "calls a second", "CPU ms a call", "MB before", "MB at most"],
        [
            [
                NAMES[row["peer"]],
                f"{row['rows']:,}",
                row["error"] if "error" in row else f"{row['calls_per_s']:,.0f}",
                _number(row.get("cpu_ms_per_call"), 2),
                row.get("memory_before_mb", ""),
                row.get("memory_mb", ""),
            ]
            for row in rows
        ],
    )
    return (
        "## Many small calls\n\nOne process fills a template with each row, 64 calls at a time; the "
        "server answers at once, so that the client alone is measured. minikit's `complete_many` "
        "takes rows and gives outcomes as a stream, counts each prompt, prices each reply and keeps "
        f"a ledger; the others hold all rows and replies in memory.\n\n{table}"
    )


def _chunkers(results: Results) -> str:
    rows = _rows(results, "chunkers")
    if not rows:
        return ""
    table = _table(
        ["text", "limit", "", "split", "count", "chunks", "fill", "over the limit", "lossless"],
        [
            [
                TEXTS[row["text"]],
                f"{row['limit']:,}",
                NAMES[row["peer"]],
                _number(row.get("split"), 2),
                _number(row.get("count"), 2),
                row.get("chunks", ""),
                _number(row.get("fill"), 2),
                row.get("over", row.get("error", "")),
                "" if "whole" not in row else "yes" if row["whole"] else "no",
            ]
            for row in rows
        ],
    )
    return (
        "## Cutting and counting\n\nAs multiples of one plain pass of tiktoken over the same text, "
        "each run paired with such a pass. The bare SDK's row cuts the list of tokens, in the middle "
        "of words; minikit cuts at headings, paragraphs, lines and sentences, and gives parts of "
        f"even size.\n\n{table}"
    )


def _counters(results: Results) -> str:
    rows = _rows(results, "counters")
    if not rows:
        return ""
    lines = []
    for counter in _kinds(rows, "counter"):
        mine = [row for row in rows if row["counter"] == counter]
        timed = [row for row in mine if "warm" in row and row["text"] in TEXTS and row["same"]]
        fuzz = next(row for row in mine if "of" in row)
        failed = [row["text"] for row in mine if row.get("same") is False]
        lines.append(
            [
                f"{counter} {mine[0]['version']}",
                " / ".join(f"{row['cold']:.2f}" for row in timed),
                " / ".join(f"{row['warm']:.2f}" for row in timed),
                ", ".join(failed) or "none",
                f"{fuzz['wrong'] - fuzz['surrogates']} of {fuzz['of']:,}",
                fuzz["grown_mb"],
            ]
        )
    table = _table(
        [
            "",
            "first pass",
            "later passes",
            "texts not counted",
            "random strings counted otherwise",
            "MB kept of a million new words",
        ],
        lines,
    )
    return (
        "## Other counters\n\nTime as a multiple of tiktoken's on the texts above that it counts "
        "right. Lone surrogates, which none of them takes, are left out of the strings counted otherwise. "
        f"{_VERDICT}\n\n{table}"
    )


_VERDICT = (
    "None of them is a stand-in: rs_bpe takes three times as long on a run of one sign and has no "
    "wheel for Python 3.14, bpe-openai refuses texts of more than 200,000 tokens, and "
    "gigatoken, by far the fastest, knows letters of another version of Unicode and remembers every "
    "word that it has seen. So minikit counts with tiktoken, and there is no extra for another."
)


def _alone(results: Results) -> str:
    parts = ["## Starting, overhead, memory"]
    if rows := _rows(results, "import_time"):
        lines = [[f"`{row['statement']}`", row["ms"], f"{row['share']:.2f}"] for row in rows]
        parts.append(_table(["import, each in its environment", "ms", "of `import openai`"], lines))
    if rows := _rows(results, "call_overhead"):
        lines = [[row["way"], f"{row['times']:.2f}"] for row in rows]
        parts.append(_table(["CPU of a call, 16 in flight", "times the bare SDK"], lines))
    if rows := _rows(results, "memory"):
        lines = [
            [f"`{row['job']}`", row["text_mb"], row["before_mb"], row["peak_mb"], row["times"]]
            for row in rows
        ]
        parts.append(
            _table(
                ["a long text", "MB of text", "MB before", "MB at most", "times the text"], lines
            )
        )
    if rows := _rows(results, "span"):
        row = rows[0]
        parts.append(
            f"Without the simulated server, on the one that the tests use: {row['calls']} calls of "
            f"Python's language reference, four times over, took {row['span_s']:.1f} s where "
            f"{row['ideal_s']:.1f} s is ideal."
        )
    return "\n\n".join(parts) if len(parts) > 1 else ""


def _again(results: Results) -> str:
    commands = dict.fromkeys(result["command"] for result in results.values())
    lines = "\n".join(commands)
    versions = {
        peer: told for result in results.values() for peer, told in result["versions"].items()
    }
    told = _table(
        ["", "packages"],
        [
            [NAMES[peer], ", ".join(f"{name} {number}" for name, number in packages.items())]
            for peer, packages in versions.items()
        ],
    )
    return f"""## Measure again

```sh
python benchmarks/run.py --quick          # a few minutes, figures are printed only
python benchmarks/run.py --keep           # all parts; replaces the figures of this page
{lines}
```

The `setup.sh` of the server's folder makes the environments of the others, and `venvs/counters` beside them holds rs_bpe, bpe-openai, gigatoken and tiktoken, if those are to be measured.
minikit is measured alone where the environments of the others and the simulated server are not at hand; `MINIKIT_BENCH` names the server's folder and `BENCH_HOME` that of the environments.
Seconds differ from machine to machine and from run to run; ratios, calls, tokens and dollars hardly do.

{told}"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(load()), "utf-8")
    print(f"{PAGE.name} is written.")


if __name__ == "__main__":
    main()
