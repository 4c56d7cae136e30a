"""What adapters cannot do with an option of a job."""

from __future__ import annotations

from collections.abc import Mapping

from minikit.errors import ArgumentError

__all__ = ["check_options"]


def check_options(options: Mapping[str, object]) -> None:
    """Raise ArgumentError where the summaries would not come back."""
    if options.get("output") is not None:
        raise ArgumentError(
            f"output={str(options['output'])!r} keeps the summaries in files, and here they come "
            f"back: leave it out, or call summarize_many()"
        )
