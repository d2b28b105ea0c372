"""The command line: all commands and options. Standard library only, so that help needs no set-up."""

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
  python lab.py approaches                              list the approaches
  python lab.py scenarios                               list the behaviours of the server
  python lab.py load --users 30                         30 users, each with one request after another
  python lab.py load --rate 2                           2 arrivals per second, independent of the server
  python lab.py report latest --open                    the newest result in the browser
  python lab.py rerun latest                            the newest comparison again
  python lab.py diff A B                                two results side by side; more results: one row each
  python lab.py history                                 all saved results
  python lab.py trace my_client.py                      the threads of any Python script over time
  python lab.py up --workers 3                          only the slow server, on http://127.0.0.1:8000
  python lab.py doctor                                  problems of this machine, and its noise
  python lab.py pack lab.pyz                            one file for machines without a network
  python lab.py test                                    the lab's own tests
"""


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line. Its `error` raises `UsageError`."""
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
