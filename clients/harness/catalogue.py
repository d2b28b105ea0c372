"""Reads the properties of approach files without running them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clients.harness.modules import OTHERS

RESERVED = ("server", "client", *OTHERS)  # names of other services in compose.yaml
FOLDER = Path(__file__).resolve().parent.parent
BASELINE = FOLDER.parent / "loadtest" / "baseline.py"


class BrokenApproach(ValueError):
    """An approach file has an error or no ``main(urls)``; the message names the file and line."""


@dataclass(frozen=True, slots=True)
class Approach:
    """One file in ``clients/``.

    `summary` is the first line of its docstring. `keywords` are the parameters of ``main`` after ``urls``.
    `max_in_flight` is ``MAX_IN_FLIGHT`` in the module, an upper bound that does not depend on the limit (1 for one
    request after another), or None. `requires_python` is ``REQUIRES_PYTHON``, or None. `own_gils` is ``OWN_GILS``: True
    if each worker has its own GIL, so that workers compute in parallel.
    """

    name: str
    summary: str
    keywords: frozenset[str]
    max_in_flight: int | None
    requires_python: tuple[int, int] | None
    own_gils: bool = False

    def bound(self, requests: int, limit: int) -> int:
        """Return the maximum number of requests in flight, for a number of requests and a limit."""
        bounds = [requests]
        if self.max_in_flight is not None:
            bounds.append(self.max_in_flight)
        if "limit" in self.keywords:
            bounds.append(limit)
        return min(bounds)

    def cores(self, bound: int, cpus: int) -> int:
        """Return the number of CPUs that can handle bodies in parallel, with at most `bound` requests in flight."""
        return min(bound, cpus) if self.own_gils else 1


def names(folder: Path = FOLDER) -> tuple[str, ...]:
    """Return the names of all approaches: Python files in `folder` that do not begin with an underscore."""
    return tuple(sorted(path.stem for path in folder.glob("*.py") if not path.name.startswith("_")))


def read_baseline() -> Approach:
    """Read the Locust baseline, which has the form of an approach file."""
    return _read("locust", BASELINE)


def read(name: str, folder: Path = FOLDER) -> Approach:
    """Read the file of an approach. Raises `BrokenApproach`."""
    path = folder / f"{name}.py"
    if not (name.isascii() and name.isidentifier()) or name in RESERVED:
        where = f"{folder.name}/{path.name}"
        raise BrokenApproach(f"{where}: this name is not allowed or is reserved; use letters, digits and _")
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
    max_in_flight = _constant(module, where, "MAX_IN_FLIGHT", _is_count, "a whole number from 1")
    own_gils = _constant(module, where, "OWN_GILS", lambda value: type(value) is bool, "True or False")
    requires = _constant(module, where, "REQUIRES_PYTHON", _is_version, "a version such as (3, 14)")
    return Approach(
        name=name,
        summary=(ast.get_docstring(module) or "").partition("\n")[0],
        keywords=frozenset(argument.arg for argument in (*arguments.args[1:], *arguments.kwonlyargs)),
        max_in_flight=max_in_flight,
        requires_python=requires,
        own_gils=bool(own_gils),
    )


def _constant(module: ast.Module, where: str, name: str, is_valid: Callable[[Any], bool], expected: str) -> Any:
    """Return the literal that the module assigns to `name`, or None."""
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=left)]) | ast.AnnAssign(target=ast.Name(id=left)) if left == name:
                try:
                    value = ast.literal_eval(node.value or ast.Constant(None))
                except (ValueError, TypeError):
                    value = None
                if not is_valid(value):
                    raise BrokenApproach(f"{where}, line {node.lineno}: {name} is not {expected}")
                return value
    return None


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 1


def _is_version(value: Any) -> bool:
    return type(value) is tuple and len(value) == 2 and all(type(part) is int for part in value)
