"""Two seconds of waiting and working, timed: what this machine does to something that is always the same.

The run is cut into blocks of about a tenth of a second, all alike: eight times a sleep of 1 to 10 ms, as for an answer,
and then a piece of pure-Python work of about 8 ms, as with it. The size of a piece is found first, as the most loops
that fit when nothing disturbs them (the fastest of a few tries). What blocks then differ by is the machine's doing.
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

from labkit.doctor.command import ask

SLEEPS_S = (0.001, 0.010, 0.002, 0.005) * 2
PIECE_S = 0.008
LENGTH_S = 2.0
FEWEST_BLOCKS = 10  # on a machine so slow that fewer would fit
_TRIES = 5
_CPUS = Path("/sys/devices/system/cpu")


class Ticks(NamedTuple):
    """Processor seconds of the whole machine since it started, from /proc/stat."""

    busy: float
    steal: float
    total: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Times are seconds; shares are of all processors' time during the run, None where the system does not tell."""

    blocks: tuple[float, ...]
    overshoots: tuple[float, ...]
    """How much longer each sleep took than it was to."""
    pieces: tuple[float, ...]
    clock_moved_s: float
    """By how much the wall clock went astray from the monotonic one, at most."""
    steal: float | None
    """Taken by the hypervisor for other machines."""
    others: float | None
    """Used by other processes."""
    throttled: int | None
    """How often a processor was held back, for its heat or by a container's bound."""
    frequency: float | None
    """Of the fastest processor after the last piece, as a share of what it can do."""


def calibrate(
    clock: Callable[[], float] = time.perf_counter, sleep: Callable[[float], None] = time.sleep
) -> Calibration:
    """Measure this machine for `LENGTH_S`, or for `FEWEST_BLOCKS` if those take longer."""
    loops = _loops(clock)
    blocks: list[float] = []
    overshoots: list[float] = []
    pieces: list[float] = []
    ticks, own, throttled = _ticks(), _own_s(), _throttled()
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
    held_back = _throttled()
    return Calibration(
        blocks=tuple(blocks),
        overshoots=tuple(overshoots),
        pieces=tuple(pieces),
        clock_moved_s=max(wall) - min(wall),
        steal=steal,
        others=others,
        throttled=max(0, held_back - throttled) if held_back is not None and throttled is not None else None,
        frequency=_frequency(),
    )


def shares(before: Ticks | None, after: Ticks | None, own_s: float) -> tuple[float | None, float | None]:
    """The hypervisor's share and that of other processes, between two readings."""
    if before is None or after is None or (total := after.total - before.total) <= 0:
        return None, None
    others = max(0.0, after.busy - before.busy - own_s)
    return (after.steal - before.steal) / total, others / total


def ticks_of(stat: str, per_second: int) -> Ticks | None:
    """From the first line of /proc/stat; guests' time, which it counts twice, is left out."""
    found = re.match(r"cpu +((?:\d+ ?){8,})", stat)
    if found is None:
        return None
    user, nice, system, idle, iowait, irq, softirq, steal = (int(each) / per_second for each in found[1].split()[:8])
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
    """Counters since the machine, or the container, started; summed, because any of them counts."""
    counters = [
        int(path.read_text("utf-8"))
        for path in _CPUS.glob("cpu[0-9]*/thermal_throttle/*_throttle_count")
        if os.access(path, os.R_OK)
    ]
    for path in (Path("/sys/fs/cgroup/cpu.stat"), Path("/sys/fs/cgroup/cpu/cpu.stat")):
        with suppress(OSError):
            counters += [
                int(each) for each in re.findall(r"^nr_throttled (\d+)$", path.read_text("utf-8"), re.MULTILINE)
            ]
    if counters:
        return sum(counters)
    limit = re.search(r"CPU_Speed_Limit\s*=\s*(\d+)", ask("pmset", "-g", "therm").out) if _is_mac() else None
    return int(int(limit[1]) < 100) if limit else None


def _is_mac() -> bool:
    return hasattr(os, "uname") and os.uname().sysname == "Darwin"


def _frequency() -> float | None:
    found = []
    for path in _CPUS.glob("cpu[0-9]*/cpufreq"):
        with suppress(OSError, ValueError):
            now, most = (int((path / name).read_text("utf-8")) for name in ("scaling_cur_freq", "cpuinfo_max_freq"))
            found.append(now / most)
    return max(found, default=None)
