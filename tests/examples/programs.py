"""The programs in examples/, imported from where they stand, as their users run them."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

__all__ = ["EXAMPLES", "load"]

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name: str) -> Any:  # noqa: ANN401 - a module that no type checker follows from here
    """Return the module of the example `name`, which stands in a folder of that name."""
    if name not in sys.modules:
        spec = spec_from_file_location(name, EXAMPLES / name / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = module_from_spec(spec)  # dataclasses look their module up
        spec.loader.exec_module(module)
    return sys.modules[name]
