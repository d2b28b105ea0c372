"""What was run, in words."""

from __future__ import annotations

from labkit.model import ServerConfig
from labkit.model.load import Closed, LoadPlan, Open
from labkit.output.format import SEPARATOR, plural


def described(plan: LoadPlan, *, with_rate: bool = True) -> str:
    """The load on one line; without its rate where each step has another one."""
    match plan.shape:
        case Closed(users, spawn_rate):
            started = "all at once" if spawn_rate >= users else f"{spawn_rate:g} started each second"
            parts = ["closed load", plural(users, "user"), started]
        case Open(rate, arrivals, seed, users):
            spread = arrivals if arrivals == "constant" else f"{arrivals}, seed {seed}"
            parts = ["open load", spread, f"at most {users} in flight"]
            if with_rate:
                parts.insert(1, f"{rate:g} arrivals a second")
    parts.append(" or ".join(_until(plan)))
    if plan.processes > 1:
        parts.append(f"{plan.processes} processes")
    return SEPARATOR.join([*parts, f"timeout {plan.timeout_s:g} s"])


def server_described(server: ServerConfig, capacity_per_s: float | None) -> str:
    """The server on one line, and the most that it can answer."""
    threads = f" × {plural(server.worker_threads, 'thread')}" if server.worker_class == "gthread" else ""
    most = "no bound of its own" if capacity_per_s is None else f"capacity {capacity_per_s:.4g} a second"
    workers = plural(server.workers, f"{server.worker_class} worker") + threads
    return SEPARATOR.join([workers, f"{server.delay_s:g} s delay", most])


def _until(plan: LoadPlan) -> list[str]:
    parts = [] if plan.duration_s is None else [f"{plan.duration_s:g} s"]
    return parts if plan.requests is None else [*parts, plural(plan.requests, "request")]
