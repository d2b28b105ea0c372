"""``lab.py test``: the lab's own tests, with pytest."""

from __future__ import annotations

import signal
import subprocess
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import NamedTuple
from xml.etree import ElementTree as ET

import psutil

from labkit.system.checkout import ROOT

# pytest's exit codes, in terms of the lab's: 2 is pytest's for an interruption, 4 for bad usage, 5 for no tests.
CODES = {0: 0, 2: 130, 4: 2, 5: 0}
# Most tests wait, for servers and engines, so four run at a time. Those that measure time then run alone.
PHASES = (("--ignore=tests/alone", "--numprocesses=4", "--dist=loadfile"), ("tests/alone",))


class Counts(NamedTuple):
    """Tests of one run of pytest by outcome, and the reason of each that was skipped."""

    passed: int
    failed: int
    skipped: list[str]


def run(options: Namespace) -> int:
    """Run the quick tests, all tests, or the ones that pytest's arguments name; returns the lab's exit code."""
    if options.rest and not options.all:
        return _pytest(options.rest)
    quick = () if options.all else ("--quick",)
    start_s = monotonic()
    codes: list[int] = []
    counts: list[Counts] = []
    with TemporaryDirectory() as folder:
        for phase in PHASES:
            report = Path(folder) / f"{len(codes)}.xml"
            codes.append(_pytest(["-q", "-rfE", *quick, f"--junit-xml={report}", *phase, *options.rest]))
            if codes[-1] in {2, 130}:
                return codes[-1]
            counts.append(_count(report))
    print("\n".join(_summary(counts, monotonic() - start_s)))
    return max(codes)


def _pytest(arguments: Sequence[str]) -> int:
    # A shell ignores SIGINT in background jobs. pytest needs it, so the terminal's Ctrl-C must not reach it then.
    group = 0 if signal.getsignal(signal.SIGINT) == signal.SIG_IGN else None
    process = subprocess.Popen([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, process_group=group)
    signal.signal(signal.SIGTERM, lambda *_: _interrupt(process.pid))
    while True:
        try:
            return CODES.get(process.wait(), 1)
        except KeyboardInterrupt:  # pytest has received it too, and removes now what its tests have started
            continue


def _interrupt(pid: int) -> None:
    """Interrupt pytest and its workers, as a terminal does."""
    pytest = psutil.Process(pid)
    for process in (pytest, *pytest.children()):
        process.send_signal(signal.SIGINT)


def _count(report: Path) -> Counts:
    suites = ET.parse(report).getroot()  # noqa: S314 - pytest wrote it a moment ago
    tests, failed, skipped = (_sum(suites, names) for names in (["tests"], ["failures", "errors"], ["skipped"]))
    reasons = [each.get("message", "") for each in suites.iter("skipped")]
    return Counts(tests - failed - skipped, failed, reasons)


def _sum(suites: ET.Element, names: Sequence[str]) -> int:
    return sum(int(suite.get(name, 0)) for suite in suites.iter("testsuite") for name in names)


def _summary(counts: Sequence[Counts], seconds: float) -> Iterator[str]:
    """Lines: the skipped tests by their reasons, most of them first, and the total."""
    reasons = Counter(reason for each in counts for reason in each.skipped)
    if reasons:
        yield "\nskipped:"
    for reason, count in reasons.most_common():
        yield f"{count:6}  {reason}"
    passed, failed = sum(each.passed for each in counts), sum(each.failed for each in counts)
    yield f"\ntook {seconds // 60:.0f} min {seconds % 60:.0f} s"
    yield f"{passed} passed, {failed} failed, {reasons.total()} skipped"
