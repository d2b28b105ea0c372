"""``lab.py up``: start the slow server for the user's own clients, until ``lab.py down``."""

from __future__ import annotations

from argparse import Namespace

from labkit.model.errors import MachineError
from labkit.options.common import server_config
from labkit.output.format import plural
from labkit.runtime import up
from labkit.system.notes import note


def run(options: Namespace) -> int:
    """Start the server on 127.0.0.1 and leave it running; 0. Raises `MachineError` if it does not start."""
    config = server_config(options)
    if (running := up.find()) is not None:
        raise MachineError(f"a server is up already on {running.url}", "`python lab.py down` stops it.")
    server = up.start(config, options.port, options.runtime, note)
    workers = f"{plural(config.workers, 'worker')} ({config.worker_class})"
    print(f"The slow server is up on {server.url} ({server.runtime}): {workers}, {config.delay_s:g} s per answer.")
    print(f"Try `curl {server.url}/hello`; `python lab.py down` stops it.")
    return 0
