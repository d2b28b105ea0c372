"""Plugins: each module of a package is one, so a new file is a new plugin. A plugin is imported when it is used."""

from __future__ import annotations

import sys
from importlib import import_module
from pkgutil import iter_modules
from typing import Generic, TypeVar, cast

P = TypeVar("P")


class Plugins(Generic[P]):
    """The modules of a package, each of which implements the protocol `P`. Folders inside it are not plugins.

    A plugin is named after its module: `rate_limit` is "rate-limit", and `json_`, whose underscore avoids a clash with
    the standard library, is "json".
    """

    def __init__(self, package: str) -> None:
        self._package = package

    def names(self) -> tuple[str, ...]:
        """The names of all plugins, sorted."""
        return tuple(sorted(self._modules()))

    def load(self, name: str) -> P:
        """Import the plugin called `name`. Raises KeyError if there is none."""
        return cast("P", import_module(f"{self._package}.{self._modules()[name]}"))

    def _modules(self) -> dict[str, str]:
        path = sys.modules[self._package].__path__
        return {
            module.name.rstrip("_").replace("_", "-"): module.name for module in iter_modules(path) if not module.ispkg
        }
