"""What an approach file says of itself, read without running it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent


class BrokenApproach(ValueError):
    """An approach file that cannot be read, or that has no ``main(urls)``; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Approach:
    """One file in ``clients/``.

    `summary` is the first line of its docstring. `max_in_flight` is the module's ``MAX_IN_FLIGHT``, the most requests
    that it ever has in flight by its own nature (1 for one after another), or None. `requires_python` is its
    ``REQUIRES_PYTHON``, or None.
    """

    name: str
    summary: str
    keywords: frozenset[str]
    max_in_flight: int | None
    requires_python: tuple[int, int] | None

    def bound(self, requests: int, limit: int) -> int:
        """The most requests that this approach may have in flight, of `requests` and with this `limit`."""
        bounds = [requests]
        if self.max_in_flight is not None:
            bounds.append(self.max_in_flight)
        if "limit" in self.keywords:
            bounds.append(limit)
        return min(bounds)


def names(folder: Path = FOLDER) -> tuple[str, ...]:
    """The names of all approaches: the Python files in `folder` that do not begin with an underscore."""
    return tuple(sorted(path.stem for path in folder.glob("*.py") if not path.name.startswith("_")))


def read(name: str, folder: Path = FOLDER) -> Approach:
    """What the approach's file says. Raises `BrokenApproach`."""
    path = folder / f"{name}.py"
    where = f"{folder.name}/{path.name}"
    try:
        module = ast.parse(path.read_bytes(), filename=where)
    except SyntaxError as error:
        raise BrokenApproach(f"{where}, line {error.lineno}: {error.msg}") from error
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
    constants = _constants(module)
    requires = constants.get("REQUIRES_PYTHON")
    bound = constants.get("MAX_IN_FLIGHT")
    return Approach(
        name=name,
        summary=(ast.get_docstring(module) or "").partition("\n")[0],
        keywords=frozenset(argument.arg for argument in (*arguments.args[1:], *arguments.kwonlyargs)),
        max_in_flight=bound if isinstance(bound, int) else None,
        requires_python=(int(requires[0]), int(requires[1])) if isinstance(requires, tuple) else None,
    )


def _constants(module: ast.Module) -> dict[str, object]:
    found: dict[str, object] = {}
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found
