"""Formats that are modules of a package: a new one is a new file, and is imported when it is asked for.

A module's name, without an underscore at its end that keeps it apart from the standard library's, is the format's.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def names(path: Iterable[str]) -> tuple[str, ...]:
    """The names of all formats in the package at `path`."""
    return tuple(sorted(_modules(path)))


def load(package: str, path: Iterable[str], name: str) -> ModuleType:
    """The format called `name`. Raises KeyError for one that is not there."""
    return import_module(f"{package}.{_modules(path)[name]}")


def _modules(path: Iterable[str]) -> dict[str, str]:
    return {module.name.rstrip("_"): module.name for module in iter_modules(path) if not module.ispkg}
