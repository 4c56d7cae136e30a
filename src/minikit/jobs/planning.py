"""Planning any verb by its name."""

from __future__ import annotations

from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal

from minikit.checks import check_choice
from minikit.errors import ArgumentError
from minikit.jobs.parts import readable
from minikit.jobs.summarizing.options import Options
from minikit.jobs.summarizing.prepare import prepare
from minikit.jobs.verb import naming

if TYPE_CHECKING:
    from minikit.jobs.plan import VerbPlan
    from minikit.jobs.verb import Setting
    from minikit.models.model import Model

__all__ = ["Verb", "plan_of"]

Verb = Literal[
    "summarize", "ask", "extract", "translate", "complete_many", "describe", "compare", "needle"
]
"""What can be planned; a chat cannot, since nobody knows what will be said in it."""

_MODULES = {"complete_many": "many"}


def plan_of(
    verb: Verb,
    source: Any,  # noqa: ANN401 - what the verb takes
    called: str | None = None,
    /,
    *,
    setting: Setting,
    model: Model | None = None,
    **options: Any,  # noqa: ANN401 - as above
) -> VerbPlan:
    """Work out what a verb would take; CPU-bound.

    Args:
        verb: What to plan.
        source: Its first argument.
        called: The function that was called, for what is wrong with the arguments; None: `plan`.
        setting: What the client allows.
        model: Who is asked; "compare" takes none, since its models are an option.
        **options: Its other arguments, by name.

    Raises:
        ArgumentError: The job cannot be done as it is asked for.
    """
    check_choice("verb", verb, Verb)
    if verb == "summarize" and model is not None:
        with naming(called or "plan()", verb):
            checked = Options(**options)
        return prepare(readable(source), model, checked, setting).plan
    called = called or f"plan(source, verb={verb!r}, ...)"
    if model is not None:
        options["model"] = model
    plan_job = import_module(f"minikit.jobs.{_MODULES.get(verb, verb)}").prepare
    try:
        signature(plan_job).bind(source, setting=setting, **options)
    except TypeError as error:
        raise ArgumentError(f"{called} takes the arguments of {verb}() by name: {error}") from error
    with naming(called, verb):
        plan: VerbPlan = plan_job(source, setting=setting, **options).plan
    return plan
