"""A support bot: it answers from a folder of help pages, looks orders up, and calls a person.

    python support_bot.py ada             # with OPENAI_API_KEY; a line is a message, Ctrl-D ends
    python support_bot.py ada --offline   # without: answers with passages of the help pages

The conversation of a customer is kept in talks/NAME.json after each message, and the same command
goes on with it. `SupportBot` is the same for a program of yours.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from minikit import BudgetExceededError, CallError, Client, MinikitError

HERE = Path(__file__).parent
ROUNDS = 4  # of tools for one message
BUDGET_USD = "0.10"  # of a conversation
NAME = re.compile(r"[\w-]+")  # of a customer, which becomes that of a file
SYSTEM = """You answer customers of a shop for boats, in at most three sentences, in their language.
Answer from the help pages and from look_up_order alone, and never promise what they do not say.
Call hand_over where they do not help, where money is in dispute, and where a person is asked for.
"""


def tool(name: str, description: str, argument: str, meaning: str) -> Mapping[str, Any]:
    """Return the definition of a function with one argument."""
    properties = {argument: {"type": "string", "description": meaning}}
    parameters = {"type": "object", "properties": properties, "required": [argument]}
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


TOOLS = (
    tool("look_up_order", "Tell the state of an order.", "number", "Number of the order, as B7"),
    tool("hand_over", "Have a person take over.", "reason", "What the person should know"),
)


@dataclass(frozen=True)
class Answer:
    """What the bot says, why a person should take over (or None), and the cost of the talk."""

    text: str
    handed_over: str | None
    cost_usd: Decimal | None


class SupportBot:
    """The conversation with one customer."""

    def __init__(self, client: Client, customer: str, *, talks: Path, tools: bool = True) -> None:
        """Begin the conversation, or go on with the one that is kept in the folder `talks`.

        Raises:
            ValueError: The name of the customer would lead out of the folder.
        """
        if not NAME.fullmatch(customer):
            raise ValueError(f"a customer has a name of letters, digits, - and _, not {customer!r}")
        self._customer = customer
        self._state = talks / f"{customer}.json"
        self._orders = json.loads((HERE / "orders.json").read_text("utf-8"))
        self._handed_over: str | None = None
        self._chat = client.chat(
            system=SYSTEM,
            knowledge=HERE / "help",
            state=self._state.read_text("utf-8") if self._state.exists() else None,
            tools=TOOLS if tools else (),
            max_output_tokens=400,
            budget_usd=BUDGET_USD,
        )

    def send(self, message: str) -> Answer:
        """Answer a message; calls of tools that a failure left open are answered with it."""
        self._handed_over = None
        content = [*self._tool_answers(), {"role": "user", "content": message}]
        try:
            for _ in range(ROUNDS):
                reply = self._chat.send(content)
                self._save()
                content = self._tool_answers()
                if not content:
                    return self._answer(reply.text)
        except BudgetExceededError:
            self._handed_over = "the conversation has cost what it may"
        return self._answer("I call a colleague, who will write to you.", "no answer was found")

    def _answer(self, text: str, reason: str | None = None) -> Answer:
        return Answer(text, self._handed_over or reason, self._chat.conversation.cost_usd)

    def _tool_answers(self) -> list[Mapping[str, Any]]:
        """Return the answers to the tools that the last message calls, one for each."""
        calls: Sequence[Mapping[str, Any]] = ()
        if self._chat.messages:
            calls = self._chat.messages[-1].tool_calls
        return [
            {"role": "tool", "tool_call_id": call["id"], "content": self._run(call["function"])}
            for call in calls
        ]

    def _run(self, function: Mapping[str, Any]) -> str:
        """Run a tool; what the model got wrong is told to it, so that it can mend it."""
        try:
            (value,) = json.loads(function["arguments"]).values()
        except (AttributeError, ValueError):
            return "Error: give one argument, as JSON."
        if function["name"] == "hand_over":
            self._handed_over = str(value)
            return "A person takes over. Say goodbye."
        order = self._orders.get(str(value).upper())
        if order is None or order["customer"] != self._customer:  # never tell of others' orders
            return f"Error: the customer has no order {value!r}."
        return json.dumps(order)

    def _save(self) -> None:
        self._state.parent.mkdir(parents=True, exist_ok=True)
        new = self._state.with_suffix(".new")
        new.write_text(self._chat.to_json(), "utf-8")
        new.replace(self._state)  # whole, or as it was


def talk(bot: SupportBot) -> None:
    """Answer each line of stdin, until a person takes over."""
    print("[a line is a message; Ctrl-D ends]", file=sys.stderr)
    for line in filter(str.strip, sys.stdin):
        try:
            answer = bot.send(line.strip())
        except CallError as error:  # the server's, or the network's: the next message may do
            print(f"[no answer: {error}]", file=sys.stderr)
            continue
        print(answer.text, flush=True)
        print(f"[{answer.cost_usd} USD so far]", file=sys.stderr)
        if answer.handed_over:
            print(f"[a person takes over: {answer.handed_over}]", file=sys.stderr)
            return


def main(arguments: Sequence[str] | None = None) -> int:
    """Talk on the terminal."""
    parser = argparse.ArgumentParser(description="Talk with the support of a shop.")
    parser.add_argument("customer")
    parser.add_argument("--offline", action="store_true", help="needs no key")
    parser.add_argument("--talks", type=Path, default=Path("talks"), help="folder of conversations")
    given = parser.parse_args(arguments)
    try:
        with Client(model="offline" if given.offline else None) as client:
            talk(SupportBot(client, given.customer, talks=given.talks, tools=not given.offline))
    except (MinikitError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
