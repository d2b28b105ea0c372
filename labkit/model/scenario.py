"""What a scenario is: how the server behaves, what it is asked, and what to look at in the result."""

from __future__ import annotations

from dataclasses import dataclass

from server.behaviour import PLAIN, Behaviour


@dataclass(frozen=True, slots=True)
class Scenario:
    """One file in ``labkit/scenarios/``; what it says of the load holds unless an option says otherwise.

    `summary` is one line on what happens, `look_at` one sentence on what the result shows. `requests` are an axis of
    the grid. Times are seconds; `limit` None is one request in flight per server slot, `trial_timeout_s` None what the
    plan takes a hang for.
    """

    summary: str
    look_at: str
    behaviour: Behaviour = PLAIN
    requests: tuple[int, ...] = (9,)
    delay_s: float = 1.0
    limit: int | None = None
    timeout_s: float | None = None
    handle_s: float = 0.0
    trial_timeout_s: float | None = None
