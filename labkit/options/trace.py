"""The options of `lab.py trace`."""

from __future__ import annotations

import argparse
from typing import Any

from labkit.options.common import add, add_runtime, add_server
from labkit.options.values import integer, seconds

EXAMPLES = """\
examples:
  python lab.py trace my_client.py                       it finds the slow server on http://localhost:8000
  python lab.py trace --workers 5 my_client.py --urls 9  options of the lab first, then the script and its own
"""


def add_trace(commands: Any) -> None:
    command = add(
        commands, "trace", "Run a Python script as it stands, and draw what its threads did.", "lab", EXAMPLES
    )
    command.add_argument("script", metavar="SCRIPT", help="a Python file")
    command.add_argument("script_arguments", nargs=argparse.REMAINDER, metavar="ARGS", help="the script's own")
    add_server(command)
    command.add_argument(
        "--port", type=integer(1, 65_535), default=8000, metavar="N", help="where it expects the server (8000)"
    )
    command.add_argument(
        "--trial-timeout", type=seconds(0.1, 86_400), default=600.0, metavar="S", help="end it after S seconds (600)"
    )
    add_runtime(command)
