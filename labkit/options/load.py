"""The options of `lab.py load`. Each is called as in `labkit.load.plan.LoadRequest`."""

from __future__ import annotations

from typing import Any

from labkit.model.load import ARRIVALS
from labkit.options.common import add, add_format, add_runtime, add_server, option
from labkit.options.values import choices, integer, number, seconds

EXAMPLES = """\
examples:
  python lab.py load --users 30 --duration 30           30 users; each repeats as soon as it is answered
  python lab.py load --rate 2 --duration 60             2 arrivals per second, even if the server falls behind
  python lab.py load --rate 4 --arrivals constant       above the capacity of 3 workers: see the response time grow
  python lab.py load --find-limit                       raise the rate until it is too much
  python lab.py load --users 500 --worker-class gevent --delay 0.1 --requests 10000 --processes 2
  python lab.py load --rate 2 --stop-when 'p99 > 10' --fail-when 'response_p99 > 3' --fail-when 'failed > 1%'
  python lab.py load --ui                               Locust's own page, on http://127.0.0.1:8089

A THRESHOLD is METRIC > NUMBER (or >=, <, <=). The metrics are: p50 and p99 of the latency, in seconds from the actual
start of a request; response_p50 and response_p99, from its intended start; failed, unanswered and late (requests, or
with % their share); in_flight; queue; throughput (answers per second).
"""


def add_load(commands: Any) -> None:
    command = add(commands, "load", "Load the slow server with Locust, and find its limit.", "lab", EXAMPLES)
    load = command.add_argument_group(
        "load", "Closed by default: each user waits for an answer. Open with --rate: arrivals do not wait."
    )
    text = "concurrent users (10); of an open load, the most requests in flight (1000)"
    option(load, "--users N", integer(1, 10_000), None, text)
    option(load, "--spawn-rate N", number(0.01, 10_000, "users per second"), None, "users per second (all at once)")
    option(load, "--rate N", number(0.001, 100_000, "arrivals per second"), None, "arrivals per second")
    option(load, "--arrivals HOW", choices(ARRIVALS), None, f"{' or '.join(ARRIVALS)} (poisson)")
    option(load, "--seed N", integer(0, 2**32 - 1), 1, "seed of the arrivals (1)")
    option(load, "--duration S", seconds(0.1, 86_400), None, "seconds until arrivals end (10)", dest="duration_s")
    option(load, "--requests N", integer(1, 100_000_000), None, "end after N requests")
    option(load, "--timeout S", seconds(0.1, 3600), 60.0, "timeout of a request, in seconds (60)", dest="timeout_s")
    option(load, "--processes N", integer(1, 64), 1, "Locust workers (1: no master)")
    add_server(command.add_argument_group("server"))
    ends = command.add_argument_group("thresholds", "Repeat an option for several thresholds.")
    for flag, text in (("--stop-when", "end the load early"), ("--fail-when", "exit with 1 if it holds at the end")):
        ends.add_argument(flag, action="append", default=[], metavar="THRESHOLD", help=text)
    search = command.add_argument_group("search")
    text = "raise the rate, by --step each --duration (20 s), until it is too much"
    search.add_argument("--find-limit", action="store_true", help=text)
    text = "arrivals per second to add each time (a tenth of the server's capacity, or 50)"
    option(search, "--step N", number(0.001, 100_000, "arrivals per second"), None, text)
    text = "longest acceptable p99 of the response time, in seconds (3 times the delay)"
    option(search, "--bound S", seconds(0.001, 3600), None, text, dest="bound_s")
    how = command.add_argument_group("run")
    how.add_argument("--ui", action="store_true", help="serve Locust's own page until Ctrl-C")
    option(how, "--port N", integer(1, 65_535), None, "port of that page (8089)")
    add_runtime(how)
    add_format(how)
