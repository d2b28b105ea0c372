"""The command line: which commands and options there are. Standard library only, so that help comes at once."""

from __future__ import annotations

import argparse

from labkit.options.common import Parser
from labkit.options.compare import add_compare
from labkit.options.doctor import add_doctor
from labkit.options.load import add_load
from labkit.options.others import add_approaches, add_clean, add_scenarios, add_test, add_up_and_down
from labkit.options.pack import add_pack, add_unpack
from labkit.options.report import add_report
from labkit.options.saved_results import add_repeat
from labkit.options.trace import add_trace

EXAMPLES = """\
examples:
  python lab.py compare                                 six approaches, 9 requests, 3 workers, 1 s
  python lab.py compare --workers 1,3,9 --repeat 5      vary the server's workers, five trials each
  python lab.py approaches                              what can be compared
  python lab.py scenarios                               what the server can do to requests
  python lab.py load --users 30                         30 users who ask again and again
  python lab.py load --rate 2                           2 arrivals a second, whatever the server does
  python lab.py report latest --open                    the newest result in the browser
  python lab.py rerun latest                            the newest comparison once more
  python lab.py diff A B                                two results side by side; more: a row each
  python lab.py history                                 what has been measured here
  python lab.py trace my_client.py                      any script as it stands, and what its threads did
  python lab.py up --workers 3                          just the slow server, on http://127.0.0.1:8000
  python lab.py doctor                                  what this machine lacks, and how exactly it can measure
  python lab.py pack lab.pyz                            all that a machine without a network needs, in one file
  python lab.py test                                    the lab's own tests
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line. Its `error` raises `UsageError`."""
    root = Parser(
        prog="lab.py",
        description="A lab for concurrency in Python: many ways to call a slow web API, measured and compared.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = root.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    add_compare(commands)
    add_load(commands)
    add_report(commands)
    add_trace(commands)
    add_repeat(commands)
    add_approaches(commands)
    add_scenarios(commands)
    add_up_and_down(commands)
    add_clean(commands)
    add_doctor(commands)
    add_pack(commands)
    add_unpack(commands)
    add_test(commands)
    return root
