"""Hooks into HTTP libraries, where they open connections, send, receive and close.

Each library has a module here with ``install(module)``, which is called after the approach has imported the library.
So the hooks import no library that the approach does not import, and do not change the order of imports.
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

# Library module: name of its hook module.
HOOKS = {
    "http.client": "http_client",
    "urllib3.connection": "urllib3_connection",
    "aiohttp.client": "aiohttp_client",
    "httpcore": "httpcore_pools",
}


def install() -> None:
    """Hook every library in `HOOKS` right after its import in this interpreter."""
    sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds a library like Python does, and hooks it after its import."""

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
