"""The benchmarks: each module in `benchmarks/` that is no package is one, under its own name."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import cast

import benchmarks
from benchmarks.support.model import Benchmark


def names() -> tuple[str, ...]:
    """The names of all benchmarks."""
    modules = (module.name for module in iter_modules(benchmarks.__path__) if not module.ispkg)
    return tuple(sorted(name for name in modules if name != "__main__"))


def load(name: str) -> Benchmark:
    """The benchmark called `name`."""
    return cast("Benchmark", import_module(f"benchmarks.{name}"))
