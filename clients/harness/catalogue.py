"""What an approach file says of itself, read without running it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clients.harness.modules import OTHERS

RESERVED = ("server", "client", *OTHERS)  # what compose.yaml calls services of its own
FOLDER = Path(__file__).resolve().parent.parent
BASELINE = FOLDER.parent / "loadtest" / "baseline.py"


class BrokenApproach(ValueError):
    """An approach file that cannot be read, or that has no ``main(urls)``; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Approach:
    """One file in ``clients/``.

    `summary` is the first line of its docstring. `max_in_flight` is the module's ``MAX_IN_FLIGHT``, the most requests
    that it ever has in flight by its own nature (1 for one after another), or None. `requires_python` is its
    ``REQUIRES_PYTHON``, or None. `own_gils` is its ``OWN_GILS``: whether each of its workers has a GIL of its own, so
    that their processor work goes on side by side.
    """

    name: str
    summary: str
    keywords: frozenset[str]
    max_in_flight: int | None
    requires_python: tuple[int, int] | None
    own_gils: bool = False

    def bound(self, requests: int, limit: int) -> int:
        """The most requests that this approach may have in flight, of `requests` and with this `limit`."""
        bounds = [requests]
        if self.max_in_flight is not None:
            bounds.append(self.max_in_flight)
        if "limit" in self.keywords:
            bounds.append(limit)
        return min(bounds)

    def cores(self, bound: int, cpus: int) -> int:
        """How many of `cpus` processors its handling of bodies can use, with at most `bound` requests in flight."""
        return min(bound, cpus) if self.own_gils else 1


def names(folder: Path = FOLDER) -> tuple[str, ...]:
    """The names of all approaches: the Python files in `folder` that do not begin with an underscore."""
    return tuple(sorted(path.stem for path in folder.glob("*.py") if not path.name.startswith("_")))


def baseline() -> Approach:
    """What Locust is compared as: it reads like an approach, and is one file as well."""
    return _read("locust", BASELINE)


def read(name: str, folder: Path = FOLDER) -> Approach:
    """What the approach's file says. Raises `BrokenApproach`."""
    path = folder / f"{name}.py"
    if not (name.isascii() and name.isidentifier()) or name in RESERVED:
        where = f"{folder.name}/{path.name}"
        raise BrokenApproach(f"{where}: an approach cannot have that name; try letters, digits and _")
    return _read(name, path)


def _read(name: str, path: Path) -> Approach:
    where = f"{path.parent.name}/{path.name}"
    try:
        module = ast.parse(path.read_bytes(), filename=where)
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        raise BrokenApproach(f"{where}{line}: {error.msg}") from error
    except (OSError, ValueError) as error:
        raise BrokenApproach(f"{where}: {error}") from error
    mains = [
        node for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "main"
    ]
    if not mains:
        raise BrokenApproach(f"{where} has no `main(urls)` or `async def main(urls)`")
    arguments = mains[-1].args
    if not (arguments.posonlyargs or arguments.args):
        raise BrokenApproach(f"{where}, line {mains[-1].lineno}: `main` takes no `urls`")
    bound = _constant(module, where, "MAX_IN_FLIGHT", _is_count, "a whole number from 1")
    own_gils = _constant(module, where, "OWN_GILS", lambda value: type(value) is bool, "True or False")
    requires = _constant(module, where, "REQUIRES_PYTHON", _is_version, "a version such as (3, 14)")
    return Approach(
        name=name,
        summary=(ast.get_docstring(module) or "").partition("\n")[0],
        keywords=frozenset(argument.arg for argument in (*arguments.args[1:], *arguments.kwonlyargs)),
        max_in_flight=bound,
        requires_python=requires,
        own_gils=bool(own_gils),
    )


def _constant(module: ast.Module, where: str, name: str, allowed: Callable[[Any], bool], what: str) -> Any:
    """The literal that the module gives `name`, or None if it gives none."""
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=found)]) | ast.AnnAssign(target=ast.Name(id=found)) if found == name:
                try:
                    value = ast.literal_eval(node.value or ast.Constant(None))
                except (ValueError, TypeError):
                    value = None
                if not allowed(value):
                    raise BrokenApproach(f"{where}, line {node.lineno}: {name} is not {what}")
                return value
    return None


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 1


def _is_version(value: Any) -> bool:
    return type(value) is tuple and len(value) == 2 and all(type(part) is int for part in value)
