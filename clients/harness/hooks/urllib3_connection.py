"""Hook for urllib3, whose connections open their own sockets and use http.client for everything else."""

from __future__ import annotations

from clients.harness.hooks.http_client import record_phase
from clients.harness.recorder import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def install(module: ModuleType) -> None:
    module.HTTPConnection.connect = record_phase(module.HTTPConnection.connect, Request.connected)
