"""What `minikit compare` does."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from minikit.cli import common, inputs
from minikit.errors import ArgumentError

if TYPE_CHECKING:
    from minikit.jobs.compare import CompareOptions
    from minikit.jobs.measuring.comparison import Comparison, ModelReply

__all__ = ["add", "compare"]

_OF_SUMMARIES = ("length", "detail", "focus", "language", "style", "instructions")
_OF_PROMPTS = ("system", "temperature", "seed")
_ONLY_AT_MOST = 8


def add(verbs: common.Verbs) -> None:
    """Add the command."""
    verb = common.add_verb(verbs, "compare", "ask several models the same", compare)
    verb.add_argument(
        "file", metavar="FILE", nargs="?", help="what to summarize, or to ask about; or - for stdin"
    )
    verb.add_argument("--prompt", metavar="TEXT", help="what to ask; default: a summary")
    verb.add_argument(
        "--length", type=common.length, help="words of a summary, or short, medium, long"
    )
    verb.add_argument("--detail", type=float, help="of a summary: 0 (coarse) to 1 (fine)")
    verb.add_argument("--focus", help="what a summary should be about, such as a question")
    verb.add_argument("--language", help="language of a summary")
    verb.add_argument("--style", help='how a summary should read, such as "bullet points"')
    verb.add_argument("--instructions", help="anything else to ask of a summary")
    verb.add_argument("--system", metavar="TEXT", help="a system message before the prompt")
    verb.add_argument("--temperature", type=float, help="with a prompt: 0 to 2")
    verb.add_argument("--seed", type=int, metavar="N", help="with a prompt: ask for repeatability")
    verb.add_argument(
        "--reply-tokens",
        type=int,
        metavar="N",
        help="with a prompt: limit of each reply, in tokens",
    )
    verb.add_argument("--html", metavar="PATH", help="write the replies side by side, as a page")
    common.add_model_options(verb, several=True)
    common.add_limits(verb)
    common.add_job_options(verb)


def compare(arguments: Namespace) -> int:
    """Write the replies and a table of them to stdout."""
    options: CompareOptions = {"engine": inputs.engine(arguments)}
    for name in (*_OF_SUMMARIES, *_OF_PROMPTS):
        if getattr(arguments, name) is not None:
            options[name] = getattr(arguments, name)  # type: ignore[literal-required] # of the same names
    if arguments.reply_tokens is not None:
        options["max_output_tokens"] = arguments.reply_tokens
    if arguments.html is not None:
        common.check_place(arguments.html)
    if not arguments.model:
        raise ArgumentError("compare needs models: name each with --model")
    models, prompt = inputs.models(arguments), arguments.prompt
    source = None if arguments.file is None else inputs.source(arguments)
    watch = common.Watch(arguments)
    with common.opened(arguments, models[0]) as client:
        if arguments.dry_run:
            plan = client.plan(source, verb="compare", models=models, prompt=prompt, **options)
            return common.show_plan(plan, arguments)
        options["on_event"] = watch.on_event
        with watch.running():
            comparison = client.compare(source, models, prompt=prompt, **options)
    print(comparison.to_json(indent=2) if arguments.json else _drawn(comparison))
    sys.stdout.flush()
    if arguments.html is not None:
        common.written(arguments.html, comparison.to_html)
    _tell(comparison, watch.seconds, arguments)
    failed = any(reply.text is None for reply in comparison.replies)
    return common.INCOMPLETE if failed else common.DONE


def _drawn(comparison: Comparison) -> str:
    replies = [_reply(reply) for reply in comparison.replies if reply.text is not None]
    return "\n\n".join([*replies, str(comparison)])


def _reply(reply: ModelReply) -> str:
    lines = [reply.model, "=" * len(reply.model), str(reply)]
    if reply.only:
        lines.append("")
    shown = (" ".join(each.text.split()) for each in reply.only[:_ONLY_AT_MOST])
    lines.extend(f"only here: {text}" for text in shown)
    if len(reply.only) > _ONLY_AT_MOST:
        lines.append(f"only here: {len(reply.only) - _ONLY_AT_MOST:,} more; see --html or --json")
    return "\n".join(lines)


def _tell(comparison: Comparison, seconds: float, arguments: Namespace) -> None:
    common.tell(comparison, seconds, arguments)
    if arguments.quiet:
        return
    for reply in comparison.replies:
        for warning in reply.warnings:
            common.say(f"warning: {reply.model}: {warning}")
