"""What `minikit finetune` does: check a training file before it is uploaded."""

from __future__ import annotations

from argparse import Namespace

from minikit.cli import common
from minikit.jobs.finetune import check_training_file
from minikit.models.model import DEFAULT_MODEL

__all__ = ["add", "check"]

UNUSABLE = 2


def add(verbs: common.Verbs) -> None:
    """Add the command `finetune` with its actions."""
    summary = "check the training file of a fine-tuned model"
    verb = verbs.add_parser("finetune", help=summary, description=f"{summary.capitalize()}.")
    actions = verb.add_subparsers(title="actions", metavar="ACTION", required=True)
    action = common.add_verb(actions, "check", "check the form, the tokens and the price", check)
    action.add_argument("file", metavar="FILE", help="a file of JSON Lines, an example in each")
    action.add_argument(
        "--model", metavar="ID", default=DEFAULT_MODEL, help="the model to train from"
    )
    action.add_argument(
        "--epochs", type=int, metavar="N", help="how often each example is read, 1 to 50"
    )


def check(arguments: Namespace) -> int:
    """Print what a training file holds; the exit code is 2 where it cannot be used."""
    found = check_training_file(arguments.file, model=arguments.model, epochs=arguments.epochs)
    if arguments.json:
        print(found.to_json())
    else:
        print(found)
        for note in found.notes:
            common.say(f"note: {note}")
    return common.DONE if found.usable else UNUSABLE
