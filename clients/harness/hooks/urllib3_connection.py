"""urllib3's connections open their sockets themselves; the rest they leave to http.client."""

from __future__ import annotations

from clients.harness.hooks.http_client import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def install(module: ModuleType) -> None:
    module.HTTPConnection.connect = connect(module.HTTPConnection.connect)
