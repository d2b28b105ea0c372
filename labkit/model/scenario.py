"""A scenario: a server behaviour, a load, and a question for the result."""

from __future__ import annotations

from dataclasses import dataclass

from server.behaviour import PLAIN, Behaviour


@dataclass(frozen=True, slots=True)
class Scenario:
    """One file in ``labkit/scenarios/``; command-line options override its load.

    `summary` describes the behaviour in one line, `question` is one sentence about the result. `requests` are an axis
    of the grid. Times are seconds. `limit` None allows one request in flight per server slot; `trial_timeout_s` None
    uses the plan's own timeout.
    """

    summary: str
    question: str
    behaviour: Behaviour = PLAIN
    requests: tuple[int, ...] = (9,)
    delay_s: float = 1.0
    limit: int | None = None
    timeout_s: float | None = None
    handle_s: float = 0.0
    trial_timeout_s: float | None = None
