"""The calibration run: the noise of this machine, and so the smallest difference that means anything.

The method is in `labkit.doctor.calibration` and `labkit.doctor.noise`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from labkit.doctor import remedies
from labkit.doctor.calibration import Calibration, calibrate
from labkit.doctor.machine import Machine
from labkit.doctor.noise import Noise, predict_noise
from labkit.model.finding import Finding, ok, warning

PLACE = 1000  # the last line of the report
MOST_MOVED_S = 0.01
MOST_STEAL = 0.01
MOST_OTHERS = 0.1
LEAST_FREQUENCY = 0.6
# The overheads of approaches differ by about this much: with more noise, one trial of each is not enough.
MOST_WAITING_S = 0.02
MOST_WORKING_S = 0.1


def probe(machine: Machine) -> Iterator[Finding]:
    run = calibrate()
    yield judge_clock(run, machine.system)
    yield judge_sharing(run, machine.system)
    yield judge_throttling(run)
    yield judge_noise(predict_noise(run))


def judge_clock(run: Calibration, system: str) -> Finding:
    name, readings = "clock_steady", {"moved_s": run.clock_moved_s}
    if run.clock_moved_s > MOST_MOVED_S:
        message = f"the wall clock moved by {run.clock_moved_s * 1000:.0f} ms against the monotonic one"
        return warning(name, message, remedies.set_clock(system, desktop=False), **readings)
    return ok(name, "the wall clock kept pace with the monotonic one", **readings)


def judge_sharing(run: Calibration, system: str) -> Finding:
    """CPU time used by others during the run."""
    readings = {"steal": run.steal, "others": run.others}
    if run.steal is None or run.others is None:
        return ok("sharing", "not reported by this system", **readings)
    if run.steal > MOST_STEAL:
        message = f"the hypervisor took {run.steal:.1%} of the CPU time for other machines"
        return warning("sharing", message, "Use a machine of your own, or repeat at a quiet hour.", **readings)
    if run.others > MOST_OTHERS:
        message = f"other programs took {run.others:.0%} of the CPU time"
        return warning("sharing", message, remedies.see_what_is_busy(system), **readings)
    message = f"other programs took {run.others:.1%} of the CPU time, the hypervisor {run.steal:.1%}"
    return ok("sharing", message, **readings)


def judge_throttling(run: Calibration) -> Finding:
    readings = {"throttled": run.throttled, "frequency": run.frequency}
    if run.throttled:
        message = f"a processor was throttled, for its heat or by a container's limit ({run.throttled} times)"
        return warning("throttling", message, "Let it cool, and plug it in; raise a container's limit.", **readings)
    if run.frequency is not None and run.frequency < LEAST_FREQUENCY:
        message = f"after work, the fastest processor ran at {run.frequency:.0%} of its maximum"
        return warning("throttling", message, "powerprofilesctl set performance", **readings)
    if run.throttled is None and run.frequency is None:
        return ok("throttling", "not reported by this machine", **readings)
    speed = f"; the fastest processor ran at {run.frequency:.0%}" if run.frequency is not None else ""
    return ok("throttling", f"none during the calibration{speed}", **readings)


def judge_noise(noise: Noise) -> Finding:
    """The most important result for the user."""
    message = (
        f"differences below {_difference(noise.waiting_s)} mean nothing on this machine as it is now, and below "
        f"{_difference(noise.working_s)} where approaches compute (--handle-ms): sleeps end "
        f"{noise.overshoot_median_s * 1000:.2f} ms late (p99 {noise.overshoot_p99_s * 1000:.1f} ms), and 1 in 20 "
        f"pieces of the same work takes {noise.piece_spread:.0%} longer"
    )
    if noise.waiting_s > MOST_WAITING_S or noise.working_s > MOST_WORKING_S:
        return warning("noise", message, "python lab.py compare --repeat 5", **asdict(noise))
    return ok("noise", message, **asdict(noise))


def _difference(of_a_second: float) -> str:
    return f"{of_a_second * 100:.1f} % ({of_a_second * 1000:.0f} ms in a 1 s trial)"
