"""Ports on this machine's 127.0.0.1."""

from __future__ import annotations

import socket

from labkit.model.errors import MachineError


def require_free(port: int, hint: str) -> None:
    """Raise `MachineError` with `hint` if no server can listen on 127.0.0.1:`port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise MachineError(f"port {port} on 127.0.0.1 cannot be used: {error.strerror}", hint) from error
