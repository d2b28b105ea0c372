"""``lab.py test``: the lab's own tests, with pytest."""

from __future__ import annotations

import signal
import subprocess
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from xml.etree import ElementTree as ET

import psutil

from labkit.system.checkout import ROOT

PASSED, FAILED, INTERRUPTED, USAGE, NO_TESTS = 0, 1, 2, 4, 5  # exit codes of pytest
CODES = {PASSED: 0, INTERRUPTED: 130, USAGE: 2}  # the lab's exit codes for them; 1 for all others
# Most tests wait, for servers and engines, so four run at a time. Those that measure time then run alone.
PHASES = (("--ignore=tests/alone", "--numprocesses=4", "--dist=loadfile"), ("tests/alone",))


def run(options: Namespace) -> int:
    """Run the quick tests, all tests, or the ones that pytest's arguments name; returns the lab's exit code."""
    if options.rest and not options.all:
        return CODES.get(_pytest(options.rest), 1)
    quick = () if options.all else ("--quick",)
    start_s = monotonic()
    with TemporaryDirectory() as folder:
        codes, reports = [], [Path(folder) / f"{number}.xml" for number in range(len(PHASES))]
        for phase, report in zip(PHASES, reports, strict=True):
            code = _pytest(["-q", "-rfE", *quick, f"--junit-xml={report}", *phase, *options.rest])
            if code not in {PASSED, FAILED, NO_TESTS}:
                return CODES.get(code, 1)
            codes.append(code)
        print("\n".join(_summary(reports, monotonic() - start_s)))
    return 1 if FAILED in codes or PASSED not in codes else 0


def _pytest(arguments: Sequence[str]) -> int:
    """Run pytest in the checkout; returns its exit code."""
    # A shell ignores SIGINT in background jobs. pytest does not, so the terminal's Ctrl-C must not reach it then.
    group = 0 if signal.getsignal(signal.SIGINT) == signal.SIG_IGN else None
    process = subprocess.Popen([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, process_group=group)
    signal.signal(signal.SIGTERM, lambda *_: _interrupt(process.pid))
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # pytest has received it too, and now removes everything that its tests have started
            continue


def _interrupt(pid: int) -> None:
    """Interrupt pytest and its workers, as a terminal does."""
    with suppress(psutil.NoSuchProcess):
        pytest = psutil.Process(pid)
        for process in (*pytest.children(), pytest):
            process.send_signal(signal.SIGINT)


def _summary(reports: Sequence[Path], seconds: float) -> Iterator[str]:
    """Lines: the reasons of the skipped tests, most frequent first, the duration and the total."""
    cases = [case for report in reports for case in ET.parse(report).iter("testcase")]  # noqa: S314 - from pytest
    reasons = Counter(skipped.get("message", "") for case in cases for skipped in case.iter("skipped"))
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    if reasons:
        yield "\nskipped:"
    for reason, count in reasons.most_common():
        yield f"{count:6}  {reason}"
    yield f"\ntook {seconds // 60:.0f} min {seconds % 60:.0f} s"
    yield f"{len(cases) - failed - reasons.total()} passed, {failed} failed, {reasons.total()} skipped"
