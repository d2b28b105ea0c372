"""The options of `lab.py load`."""

from __future__ import annotations

from typing import Any

from labkit.model.load import ARRIVALS
from labkit.options.common import add, add_format, add_runtime, add_server
from labkit.options.values import choices, integer, number, seconds

EXAMPLES = """\
examples:
  python lab.py load --users 30 --duration 30           30 users, each asks again once it is answered
  python lab.py load --rate 2 --duration 60             2 arrivals a second, whatever the server does
  python lab.py load --rate 4 --arrivals constant       more than 3 workers can take: see what a user waits
  python lab.py load --find-limit                       raise the rate until it is too much
  python lab.py load --users 500 --worker-class gevent --delay 0.1 --requests 10000 --processes 2
  python lab.py load --rate 2 --stop-when 'p99 > 10' --fail-when 'response_p99 > 3' --fail-when 'failed > 1%'
  python lab.py load --ui                               Locust's own page, on http://127.0.0.1:8089

thresholds: p50, p99 (seconds from the actual start), response_p50, response_p99 (from the intended one),
failed, unanswered, late (how many, or with % what share), in_flight, queue, throughput (answers a second); > >= < <=
"""


def add_load(commands: Any) -> None:
    command = add(commands, "load", "Put the slow server under load, closed or open, with Locust.", "lab", EXAMPLES)
    load = command.add_argument_group(
        "the load", "Closed by default; with --rate it is open, and nobody waits to arrive."
    )
    load.add_argument(
        "--users",
        type=integer(1, 10_000),
        default=None,
        metavar="N",
        help="users who ask again and again (10); under an open load the most at once (1000)",
    )
    load.add_argument(
        "--spawn-rate",
        type=number(0.01, 10_000, "users a second"),
        default=None,
        metavar="N",
        help="users who start each second (all at once)",
    )
    load.add_argument(
        "--rate", type=number(0.001, 100_000, "arrivals a second"), default=None, metavar="N", help="arrivals a second"
    )
    load.add_argument(
        "--arrivals", type=choices(ARRIVALS), default=None, metavar="HOW", help=f"{' or '.join(ARRIVALS)} (poisson)"
    )
    load.add_argument("--seed", type=integer(0, 2**32 - 1), default=1, metavar="N", help="makes the arrivals (1)")
    load.add_argument(
        "--duration", type=seconds(0.1, 86_400), default=None, metavar="S", help="seconds until no more arrive (10)"
    )
    load.add_argument(
        "--requests", type=integer(1, 100_000_000), default=None, metavar="N", help="end after so many, too"
    )
    load.add_argument(
        "--timeout", type=seconds(0.1, 3600), default=60.0, metavar="S", help="seconds a request may take (60)"
    )
    load.add_argument("--processes", type=integer(1, 64), default=1, metavar="N", help="Locust workers (1: no master)")
    add_server(command.add_argument_group("the server"))
    ends = command.add_argument_group("ends", "THRESHOLD as in 'p99 > 3' or 'failed > 1%'; may be given several times.")
    ends.add_argument("--stop-when", action="append", default=[], metavar="THRESHOLD", help="end the load early")
    ends.add_argument(
        "--fail-when", action="append", default=[], metavar="THRESHOLD", help="exit with 1 if it holds in the end"
    )
    ends.add_argument(
        "--find-limit",
        action="store_true",
        help="raise the rate, by --step each --duration (20 s), until it is too much",
    )
    ends.add_argument(
        "--step",
        type=number(0.001, 100_000, "arrivals a second"),
        default=None,
        metavar="N",
        help="from --rate on (half of what the workers can do, by a tenth of it; else 50 by 50)",
    )
    ends.add_argument(
        "--bound",
        type=seconds(0.001, 3600),
        default=None,
        metavar="S",
        help="the p99 that is too much, from the intended start (3 times the delay)",
    )
    how = command.add_argument_group("how")
    how.add_argument("--ui", action="store_true", help="Locust's own page instead, until Ctrl-C")
    how.add_argument("--port", type=integer(1, 65_535), default=None, metavar="N", help="of that page (8089)")
    add_runtime(how)
    add_format(how)
