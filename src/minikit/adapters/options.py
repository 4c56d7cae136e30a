"""What adapters cannot do with an option of a job."""

from __future__ import annotations

from collections.abc import Mapping

from minikit.errors import ArgumentError

__all__ = ["check_names", "check_options"]


def check_options(options: Mapping[str, object]) -> None:
    """Raise ArgumentError where the summaries would not come back."""
    if options.get("output") is not None:
        raise ArgumentError(
            f"output={str(options['output'])!r} keeps the summaries in files, and here they come "
            f"back: leave it out, or call summarize_many()"
        )


def check_names(options: Mapping[str, object], called: str) -> None:
    """Raise TypeError for an option that `summarize_many` has not, before there is any document."""
    from minikit.jobs.corpus.options import SummarizeManyOptions

    for name in options.keys() - SummarizeManyOptions.__optional_keys__:
        raise TypeError(f"{called}() got an unexpected keyword argument {name!r}")
