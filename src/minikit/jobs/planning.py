"""The plan of any verb, by its name: for jobs that are made of those of other verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikit.jobs.options import Options
from minikit.jobs.prepare import prepare

if TYPE_CHECKING:
    from minikit.jobs.plan import VerbPlan
    from minikit.jobs.verb import Setting
    from minikit.models.model import Model
    from minikit.text.document import Document

__all__ = ["plan_of"]


def plan_of(
    verb: str,
    document: Document,
    *,
    model: Model,
    setting: Setting,
    **options: Any,  # noqa: ANN401 - the verb's own
) -> VerbPlan:
    """Return the plan of a verb over `document`, without a network. CPU-bound.

    Verbs import no verb, so that each can be read alone; whoever needs the plan of another one
    names it here.

    Args:
        verb: Such as "summarize" or "ask".
        document: What it reads.
        model: Who is asked.
        setting: What the client allows.
        **options: The verb's own.

    Raises:
        ArgumentError: The verb cannot do that.
    """
    if verb == "summarize":
        concurrency = setting.max_concurrency
        return prepare(document, model, Options(**options), concurrency=concurrency).plan
    from importlib import import_module

    module = import_module(f"minikit.jobs.{verb}")
    plan: VerbPlan = module.prepare(document, model=model, setting=setting, **options).plan
    return plan
