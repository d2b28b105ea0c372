"""The scenarios, one module each with `SCENARIO`: a new file is a new scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from labkit.system.plugins import Plugins

if TYPE_CHECKING:
    from labkit.model.scenario import Scenario

DEFAULT = "baseline"


class _Module(Protocol):
    SCENARIO: Scenario


_PLUGINS = Plugins[_Module](__name__)


def names() -> tuple[str, ...]:
    """The names of all scenarios, the default first."""
    return tuple(sorted(_PLUGINS.names(), key=lambda name: (name != DEFAULT, name)))


def load(name: str) -> Scenario:
    """The scenario called `name`. Raises KeyError if there is none."""
    return _PLUGINS.load(name).SCENARIO
