"""Calibration: two seconds of identical, timed work, to measure how much this machine disturbs a measurement.

A run consists of identical blocks of about 0.1 s. Each is eight times a sleep of 1 to 10 ms, like waiting for an
answer, followed by about 8 ms of pure-Python work, like handling it. First, the fastest of a few tries determines the
number of loops for that work. Differences between blocks are then due to the machine.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from labkit.system import command

SLEEPS_S = (0.001, 0.010, 0.002, 0.005) * 2
PIECE_S = 0.008
LENGTH_S = 2.0
FEWEST_BLOCKS = 10  # on a slow machine, in which fewer fit into LENGTH_S
_TRIES = 5
_CPUS = Path("/sys/devices/system/cpu")


class Ticks(NamedTuple):
    """CPU seconds of the whole machine since it started, from /proc/stat."""

    busy: float
    steal: float
    total: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Times are seconds. Shares are of all processors' time during the run; None if the system does not report them."""

    blocks: tuple[float, ...]
    overshoots: tuple[float, ...]
    """The extra time of each sleep."""
    pieces: tuple[float, ...]
    clock_moved_s: float
    """The largest change of the wall clock against the monotonic one."""
    steal: float | None
    """The share that the hypervisor gave to other machines."""
    others: float | None
    """The share that other processes used."""
    throttled: int | None
    """The number of times that a processor was throttled, for its heat or by a container's limit."""
    frequency: float | None
    """The clock rate of the fastest processor after the last piece of work, as a share of its maximum."""


def calibrate(
    clock: Callable[[], float] = time.perf_counter, sleep: Callable[[float], None] = time.sleep
) -> Calibration:
    """Measure this machine for `LENGTH_S`, or for `FEWEST_BLOCKS` if they take longer."""
    loops = _loops(clock)
    blocks: list[float] = []
    overshoots: list[float] = []
    pieces: list[float] = []
    ticks, own, throttled_before = _ticks(), _own_s(), _throttled()
    began, wall = clock(), [time.time() - time.monotonic()]
    while len(blocks) < FEWEST_BLOCKS or clock() - began < LENGTH_S:
        block_began = last = clock()
        for length in SLEEPS_S:
            sleep(length)
            woken = clock()
            overshoots.append(woken - last - length)
            _work(loops)
            last = clock()
            pieces.append(last - woken)
        blocks.append(last - block_began)
        wall.append(time.time() - time.monotonic())
    steal, others = shares(ticks, _ticks(), _own_s() - own)
    throttled_after = _throttled()
    return Calibration(
        blocks=tuple(blocks),
        overshoots=tuple(overshoots),
        pieces=tuple(pieces),
        clock_moved_s=max(wall) - min(wall),
        steal=steal,
        others=others,
        throttled=None
        if throttled_before is None or throttled_after is None
        else max(0, throttled_after - throttled_before),
        frequency=_frequency(),
    )


def shares(before: Ticks | None, after: Ticks | None, own_s: float) -> tuple[float | None, float | None]:
    """The shares of the hypervisor and of other processes between two readings."""
    if before is None or after is None or (total := after.total - before.total) <= 0:
        return None, None
    others = max(0.0, after.busy - before.busy - own_s)
    return (after.steal - before.steal) / total, others / total


def ticks_of(stat: str, per_second: int) -> Ticks | None:
    """Parse the first line of /proc/stat, without the time of guests, which it counts twice."""
    match = re.match(r"cpu +((?:\d+ ?){8,})", stat)
    if match is None:
        return None
    user, nice, system, idle, iowait, irq, softirq, steal = (int(each) / per_second for each in match[1].split()[:8])
    busy = user + nice + system + irq + softirq
    return Ticks(busy, steal, busy + steal + idle + iowait)


def _loops(clock: Callable[[], float]) -> int:
    loops = 1_000
    while True:
        fastest = min(_timed(loops, clock) for _ in range(_TRIES))
        if fastest > PIECE_S / 4:
            return max(1, round(loops * PIECE_S / fastest))
        loops *= 2


def _timed(loops: int, clock: Callable[[], float]) -> float:
    began = clock()
    _work(loops)
    return clock() - began


def _work(loops: int) -> None:
    total = 0
    for number in range(loops):
        total += number & 7


def _own_s() -> float:
    own = os.times()
    return own.user + own.system


def _ticks() -> Ticks | None:
    with suppress(OSError):
        return ticks_of(Path("/proc/stat").read_text("utf-8"), os.sysconf("SC_CLK_TCK"))
    return None


def _throttled() -> int | None:
    """The sum of all throttling counters since the machine, or the container, started; None without any."""
    counters = [
        int(path.read_text("utf-8"))
        for path in _CPUS.glob("cpu[0-9]*/thermal_throttle/*_throttle_count")
        if os.access(path, os.R_OK)
    ]
    for path in (Path("/sys/fs/cgroup/cpu.stat"), Path("/sys/fs/cgroup/cpu/cpu.stat")):
        with suppress(OSError):
            counters += map(int, re.findall(r"^nr_throttled (\d+)$", path.read_text("utf-8"), re.MULTILINE))
    if counters:
        return sum(counters)
    limit = re.search(r"CPU_Speed_Limit\s*=\s*(\d+)", command.run("pmset", "-g", "therm").output) if _is_mac() else None
    return int(int(limit[1]) < 100) if limit else None


def _is_mac() -> bool:
    return hasattr(os, "uname") and os.uname().sysname == "Darwin"


def _frequency() -> float | None:
    rates = []
    for path in _CPUS.glob("cpu[0-9]*/cpufreq"):
        with suppress(OSError, ValueError):
            now, most = (int((path / name).read_text("utf-8")) for name in ("scaling_cur_freq", "cpuinfo_max_freq"))
            rates.append(now / most)
    return max(rates, default=None)
