"""``lab.py up``: the slow server for clients of somebody's own, until ``lab.py down``."""

from __future__ import annotations

import sys
from argparse import Namespace

from labkit.model import ServerConfig
from labkit.model.errors import MachineError
from labkit.model.planned import require_threads
from labkit.runtime import up


def run(options: Namespace) -> int:
    """Start the server on 127.0.0.1 and leave it running; 0. Raises `MachineError` when it cannot be had."""
    require_threads(options.worker_class, options.worker_threads)
    if (there := up.find()) is not None:
        raise MachineError(f"a server is up already, on {there.url}", "`python lab.py down` stops it.")
    config = ServerConfig(options.workers, options.worker_class, options.worker_threads, options.delay)
    started = up.start(config, options.port, options.runtime, _note)
    workers = "1 worker" if config.workers == 1 else f"{config.workers} workers"
    print(
        f"The slow server is up on {started.url} ({started.runtime}): {workers} ({config.worker_class}), "
        f"{config.delay_s:g} s for an answer."
    )
    print(f"Try `curl {started.url}/hello`; `python lab.py down` stops it.")
    return 0


def _note(text: str) -> None:
    print(f"lab.py: {text}", file=sys.stderr)
