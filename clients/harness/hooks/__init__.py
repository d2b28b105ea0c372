"""Hooks into the HTTP libraries where they open, send, receive and close.

Each library has a module here with ``install(module)``. It is called once the library has been imported by the
approach itself, so the hooks import nothing that the approach does not, and in its order.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

# library module -> the module here that hooks it
HOOKS = {
    "http.client": "http_client",
    "urllib3.connection": "urllib3_connection",
    "aiohttp.client": "aiohttp_client",
    "httpcore": "httpcore_pools",
}


def install() -> None:
    """Have every library in `HOOKS` hooked right after its import, in this interpreter."""
    sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds a library as Python would, and hooks it once it has run."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in HOOKS:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_then_hook(module: ModuleType) -> None:
                run(module)
                import_module(f"{__name__}.{HOOKS[name]}").install(module)

            spec.loader.exec_module = run_then_hook  # type: ignore[method-assign]
        return spec
