"""What a scenario has the slow server do, as a pure function of the seed, the request's id and its attempt.

Two runs, and every approach, meet the same faults; whoever reads the server's log can tell what should have happened.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from statistics import NormalDist
from typing import Any, Final, Literal

Kind = Literal["answer", "drip", "hang", "unavailable", "reset_before", "reset_within", "crash", "restart"]
FAILURES: tuple[Kind, ...] = ("unavailable", "reset_before", "reset_within")
# Faults are dealt out among so many requests with successive ids: their number is exact, only their place is drawn.
HAND = 10


class BehaviourError(ValueError):
    """Text that describes no behaviour."""


@dataclass(frozen=True, slots=True, order=True)
class Behaviour:
    """What a scenario adds to a fixed delay. Counts are of every ten requests; without any of it, nothing is added.

    Delays lie `spread` to either side of the fixed one (0.5: half to one and a half times as long), or are log-normal
    with `sigma` and the fixed one as their median. A request that hangs does so at every attempt. Each attempt at any
    other fails for `fail` of ten, in one of three ways, but no request more than `most_in_a_row` times.

    At most `rate` requests a second are answered, or `burst` at once after a pause: all workers share one token bucket.
    Whoever was refused `ban_after` times while he should have waited is banned for `ban_s` seconds.
    """

    seed: int = 1
    spread: float = 0.0
    sigma: float = 0.0
    hang: int = 0
    drip: int = 0
    drip_s: float = 0.0
    fail: int = 0
    most_in_a_row: int = 3
    rate: float = 0.0
    burst: int = 1
    ban_after: int = 0
    ban_s: float = 0.0
    crash_at: int = 0
    restart_at: int = 0
    away_s: float = 0.0
    body_bytes: int = 0

    @property
    def plain(self) -> bool:
        """Whether this is the fixed delay and nothing else."""
        return self == Behaviour(seed=self.seed)

    def to_json(self) -> str:
        """As one line, with what is not as usual alone."""
        usual = asdict(PLAIN)
        return json.dumps({name: value for name, value in asdict(self).items() if value != usual[name]})


PLAIN: Final = Behaviour()


@dataclass(frozen=True, slots=True)
class Act:
    """What one attempt meets. `seconds` is how long a worker is busy with it; infinite where it never answers."""

    kind: Kind
    seconds: float


def from_json(text: str) -> Behaviour:
    """The behaviour that `text`, a JSON object, describes. Raises `BehaviourError`."""
    try:
        values = json.loads(text)
        kinds = {field.name: float if field.type == "float" else int for field in fields(Behaviour)}
        known: dict[str, Any] = {name: kinds[name](value) for name, value in values.items()}
        bounded = [value for name, value in known.items() if name != "seed"]
        if not all(0 <= value < math.inf for value in bounded) or known.get("spread", 0) > 1:
            raise ValueError(known)
        return Behaviour(**known)
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError) as error:
        message = f"{text[:100]!r} is no JSON object with names of a behaviour and numbers from 0 (a spread: to 1)"
        raise BehaviourError(message) from error


def act(behaviour: Behaviour, delay_s: float, request_id: int, attempt: int) -> Act:
    """What attempt `attempt` (from 1) at the request `request_id` (from 1) meets, with a fixed delay of `delay_s`."""
    if attempt == 1 and request_id == behaviour.crash_at:
        return Act("crash", delay_s / 2)
    if attempt == 1 and request_id == behaviour.restart_at:
        return Act("restart", delay_s / 2)
    place = _place(behaviour.seed, request_id)
    if place < behaviour.hang:
        return Act("hang", math.inf)
    seconds = delay_s * _factor(behaviour, request_id)
    if place < behaviour.hang + behaviour.drip:
        return Act("drip", seconds + behaviour.drip_s)
    if attempt <= behaviour.most_in_a_row and _place(behaviour.seed, request_id, attempt) < behaviour.fail:
        kind = FAILURES[int(_draw(behaviour.seed, request_id, "how", attempt) * len(FAILURES))]
        return Act(kind, 0.0 if kind == "unavailable" else seconds)
    return Act("answer", seconds)


def _factor(behaviour: Behaviour, request_id: int) -> float:
    drawn = _draw(behaviour.seed, request_id, "delay")
    if behaviour.sigma:
        return math.exp(NormalDist(0.0, behaviour.sigma).inv_cdf(drawn))
    return 1.0 + behaviour.spread * (2.0 * drawn - 1.0)


def _place(seed: int, request_id: int, attempt: int = 0) -> int:
    """Where the request comes, from 0, when the ten of its hand are shuffled."""
    first = (request_id - 1) // HAND * HAND + 1
    own = _draw(seed, request_id, "place", attempt)
    return sum(_draw(seed, other, "place", attempt) < own for other in range(first, first + HAND))


def _draw(seed: int, request_id: int, what: str, attempt: int = 0) -> float:
    """A number between 0 and 1, evenly distributed, that follows from the arguments: the same on every machine."""
    digest = sha256(f"{seed}/{request_id}/{what}/{attempt}".encode()).digest()
    return (int.from_bytes(digest[:6], "big") + 0.5) / 2**48
