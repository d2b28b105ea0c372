"""The calibration run: what the machine does to what is measured on it, and so which differences mean anything.

The method is in `labkit.doctor.calibration` and `labkit.doctor.noise`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from labkit.doctor import remedies
from labkit.doctor.calibration import Calibration, calibrate
from labkit.doctor.machine import Machine
from labkit.doctor.noise import Noise, noise
from labkit.model.finding import Finding, ok, warning

PLACE = 1000  # it ends with this
MOST_MOVED_S = 0.01
MOST_STEAL = 0.01
MOST_OTHERS = 0.1
LEAST_FREQUENCY = 0.6
# Approaches differ by little more than this from their ideal: beyond it, one trial each says little.
MOST_WAITING_S = 0.02
MOST_WORKING_S = 0.1


def probe(machine: Machine) -> Iterator[Finding]:
    run = calibrate()
    yield judge_clock(run, machine.system)
    yield judge_sharing(run, machine.system)
    yield judge_throttling(run)
    yield judge_noise(noise(run))


def judge_clock(run: Calibration, system: str) -> Finding:
    figures = {"moved_s": run.clock_moved_s}
    if run.clock_moved_s > MOST_MOVED_S:
        said = f"the wall clock moved by {run.clock_moved_s * 1000:.0f} ms against the monotonic one"
        return warning("clock_steady", said, remedies.set_clock(system, desktop=False), **figures)
    return ok("clock_steady", "the wall clock kept pace with the monotonic one", **figures)


def judge_sharing(run: Calibration, system: str) -> Finding:
    """Processors' time that went elsewhere during the run."""
    figures = {"steal": run.steal, "others": run.others}
    if run.steal is None or run.others is None:
        return ok("sharing", "not told by this system", **figures)
    if run.steal > MOST_STEAL:
        said = f"the hypervisor took {run.steal:.1%} of the processors' time for other machines"
        return warning("sharing", said, "Use a machine of your own, or repeat at a quiet hour.", **figures)
    if run.others > MOST_OTHERS:
        said = f"other programs took {run.others:.0%} of the processors' time"
        return warning("sharing", said, remedies.see_what_is_busy(system), **figures)
    return ok("sharing", f"other programs took {run.others:.1%}, the hypervisor {run.steal:.1%} of the time", **figures)


def judge_throttling(run: Calibration) -> Finding:
    figures = {"throttled": run.throttled, "frequency": run.frequency}
    if run.throttled:
        said = f"a processor was held back, for its heat or by a container's bound ({run.throttled} times)"
        return warning("throttling", said, "Let it cool, and plug it in; raise the bound of a container.", **figures)
    if run.frequency is not None and run.frequency < LEAST_FREQUENCY:
        said = f"after work the fastest processor ran at {run.frequency:.0%} of what it can do"
        return warning("throttling", said, "powerprofilesctl set performance", **figures)
    if run.throttled is None and run.frequency is None:
        return ok("throttling", "not told by this machine", **figures)
    speed = f"; the fastest processor ran at {run.frequency:.0%}" if run.frequency is not None else ""
    return ok("throttling", f"none while it was measured{speed}", **figures)


def judge_noise(found: Noise) -> Finding:
    """The sentence that everybody should remember."""
    said = (
        f"differences below {_difference(found.waiting_s)} mean nothing on this machine as it is now, and below "
        f"{_difference(found.working_s)} where approaches compute (--handle-ms): sleeps end "
        f"{found.overshoot_median_s * 1000:.2f} ms late (p99 {found.overshoot_p99_s * 1000:.1f} ms), and one in twenty "
        f"pieces of the same work takes {found.piece_spread:.0%} longer"
    )
    if found.waiting_s > MOST_WAITING_S or found.working_s > MOST_WORKING_S:
        return warning("noise", said, "python lab.py compare --repeat 5", **asdict(found))
    return ok("noise", said, **asdict(found))


def _difference(of_a_second: float) -> str:
    return f"{of_a_second * 100:.1f} % ({of_a_second * 1000:.0f} ms in a 1 s trial)"
