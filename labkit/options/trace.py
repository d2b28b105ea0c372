"""The options of `lab.py trace`."""

from __future__ import annotations

import argparse
from typing import Any

from labkit.options.common import add, add_runtime, add_server, option
from labkit.options.values import integer, seconds

EXAMPLES = """\
examples:
  python lab.py trace my_client.py                       the script finds the slow server on http://localhost:8000
  python lab.py trace --workers 5 my_client.py --urls 9  options of the lab first, then the script and its own
"""


def add_trace(commands: Any) -> None:
    summary = "Run a Python script unchanged, and show what its threads and tasks did."
    command = add(commands, "trace", summary, "lab", EXAMPLES)
    command.add_argument("script", metavar="SCRIPT", help="a Python file")
    command.add_argument("script_arguments", nargs=argparse.REMAINDER, metavar="ARGS", help="arguments of the script")
    add_server(command)
    option(command, "--port N", integer(1, 65_535), 8000, "port of the slow server (8000)")
    option(command, "--trial-timeout S", seconds(0.1, 86_400), 600.0, "end the script after S seconds (600)")
    add_runtime(command)
