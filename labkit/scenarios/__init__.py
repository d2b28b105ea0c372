"""The scenarios, a file each: a new one is a new file. In its name a hyphen stands for each underscore."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from labkit.system import plugins

if TYPE_CHECKING:
    from labkit.model.scenario import Scenario

DEFAULT = "baseline"


def names() -> tuple[str, ...]:
    """The names of all scenarios, the default first."""
    found = (name.replace("_", "-") for name in plugins.names(__path__))
    return tuple(sorted(found, key=lambda name: (name != DEFAULT, name)))


def load(name: str) -> Scenario:
    """The scenario called `name`. Raises KeyError for one that is not there."""
    return cast("Scenario", plugins.load(__name__, __path__, name.replace("-", "_")).SCENARIO)
