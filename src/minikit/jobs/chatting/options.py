"""What can be asked of a chat, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from minikit.calls.request import Request
from minikit.checks import check_text, check_whole
from minikit.errors import ArgumentError
from minikit.jobs.chatting.conversation import Conversation
from minikit.jobs.verb import CheckedOptions, JobOptions, options_of

if TYPE_CHECKING:
    from minikit.jobs.result import Progress
    from minikit.models.model import Model
    from minikit.text.document import Sources

__all__ = ["ChatOptions", "CheckedChatOptions"]


class ChatOptions(JobOptions, total=False):
    """Options of `chat`, `achat` and the client's methods of this name.

    Attributes:
        system: The system prompt; default: that of `state`, else none.
        knowledge: Documents to answer from: a text, a path, a `Document`, or several of them;
            default: none.
        state: A conversation to go on with: what `to_json` wrote, or a `Conversation`. Knowledge
            and the other options are not in it and have to be given again.
        tools: Definitions of functions that the model may call, as on the wire; see `Reply`.
        tool_choice: Which of them it must call, as on the wire: "auto" (the default), "none",
            "required", or one of them.
        max_output_tokens: Limit of each reply, which is kept free in the window; default: what the
            model can write, and a fourth of its window at most.
        temperature: Sampling temperature, 0 to 2; default: the server's.
        seed: Asks for repeatable sampling.
        history_tokens: Tokens of earlier turns that a request holds word for word at most; older
            ones are summarized. Default: half of the window, 32,000 at most.
        knowledge_tokens: Tokens of knowledge that a request holds at most. Knowledge that is no
            longer stands whole in each request, else the passages that match the message best.
            Default: a fourth of the window, 8,000 at most.
        budget_usd: US dollars that the conversation may cost, such as "0.50", beside the client's
            budget; what a saved one has cost counts. A call that could pass it is not sent.
        on_event: Called with a `Progress` after each call. From the synchronous client it runs
            in the client's own thread. An exception in it warns and is dropped.
    """

    system: str | None
    knowledge: Sources | None
    state: str | bytes | Conversation | None
    tools: Sequence[Mapping[str, Any]]
    tool_choice: str | Mapping[str, Any] | None
    max_output_tokens: int | None
    temperature: float | None
    seed: int | None
    history_tokens: int | None
    knowledge_tokens: int | None
    budget_usd: str | int | Decimal | None
    on_event: Callable[[Progress], None] | None


@options_of("chat")
@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedChatOptions(CheckedOptions):
    """`ChatOptions` with defaults, checked."""

    system: str | None = None
    knowledge: Sources | None = None
    state: str | bytes | Conversation | None = None
    tools: Sequence[Mapping[str, Any]] = ()
    tool_choice: str | Mapping[str, Any] | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    history_tokens: int | None = None
    knowledge_tokens: int | None = None

    def __post_init__(self) -> None:
        CheckedOptions.__post_init__(self)
        if self.engine != "local":
            raise ArgumentError("a chat waits for each reply, and no batch does: leave engine out")
        check_text("system", self.system)
        object.__setattr__(self, "tools", _definitions(self.tools))
        if self.tool_choice is not None and not self.tools:
            raise ArgumentError("tool_choice is about tools, and there are none: give tools too")
        if self.history_tokens is not None:
            check_whole("history_tokens", self.history_tokens, 0)
        if self.knowledge_tokens is not None:
            check_whole("knowledge_tokens", self.knowledge_tokens, 1)

    def request(self, prompt: str, model: Model) -> Request:
        """Return a request with these options, which checks those that belong to one.

        Raises:
            ArgumentError: The model does not take one of them.
        """
        return Request.of(
            prompt,
            model=model,
            max_output_tokens=self.max_output_tokens,
            temperature=self.temperature,
            seed=self.seed,
            tools=tuple(self.tools),
            tool_choice=self.tool_choice,
        )

    def conversation(self, model: Model) -> Conversation:
        """Return the conversation to go on with, or a new one.

        Raises:
            ArgumentError: `state` is none, or the options cannot be kept with it or the model.
        """
        state = self._state()
        if state.knowledge is not None and self.knowledge is None:
            raise ArgumentError(
                "the conversation was saved with knowledge, which is not saved with it: give "
                "knowledge= again"
            )
        if state.cost_usd is None and self.limit_usd is not None:
            raise ArgumentError(
                "budget_usd cannot be kept: what the saved conversation has cost is not known"
            )
        if model.provider == "offline" and self.knowledge is None:
            raise ArgumentError(
                "the offline model cannot talk: it answers with passages of knowledge that match, "
                "so give knowledge=, or choose another model"
            )
        if model.provider == "offline" and self.tools:
            raise ArgumentError("the offline model cannot call tools: leave tools out")
        return state if self.system is None else replace(state, system=self.system)

    def _state(self) -> Conversation:
        state = cast("object", self.state)
        if isinstance(state, str | bytes):
            return Conversation.from_json(state)
        if not isinstance(state, Conversation | None):
            raise ArgumentError(
                f"state is what to_json() wrote, or a Conversation, not {type(state).__name__}"
            )
        return state or Conversation()


def _definitions(tools: object) -> tuple[Mapping[str, Any], ...]:
    kind, is_list = type(tools).__name__, isinstance(tools, list | tuple)
    given: Sequence[object] = cast("Any", tools) if is_list else ()
    if not is_list or not all(isinstance(tool, Mapping) for tool in given):
        raise ArgumentError(
            'tools is a list of definitions such as {"type": "function", "function": {...}}, '
            f"not {kind}; of functions of your own, write what "
            f"they take"
        )
    return cast("tuple[Mapping[str, Any], ...]", tuple(given))
