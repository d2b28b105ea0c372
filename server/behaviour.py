"""The behaviour of the slow server in a scenario: a pure function of the seed, the request id and the attempt.

So every run and every approach gets the same faults, and a check can compare the server's log with them.
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
# Number of successive request ids in a group. Each group has an exact number of faults at random positions.
GROUP_SIZE = 10


class BehaviourError(ValueError):
    """A text is not a valid behaviour."""


@dataclass(frozen=True, slots=True, order=True)
class Behaviour:
    """The delays and faults of a scenario; by default a fixed delay and no faults.

    Delays are uniform within `spread` of the fixed delay (0.5: 0.5 to 1.5 times as long), or log-normal with `sigma`
    and the fixed delay as median.

    Of every ten requests, `hang` never get an answer, at any attempt, and `drip` get one byte by byte over `drip_s`
    seconds. At each attempt, `fail` of ten fail in one of three ways, but no request fails more than `most_in_a_row`
    times.

    All workers share one token bucket: `rate` requests per second are answered, up to `burst` at once. A client that
    is refused `ban_after` times before its Retry-After has passed is banned for `ban_s` seconds.

    The first attempt at the request `crash_at` kills its worker. The first attempt at `restart_at` stops the whole
    server for `away_s` seconds. Bodies have at least `body_bytes` bytes.
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
        """True if there is only the fixed delay."""
        return self == Behaviour(seed=self.seed)

    def to_json(self) -> str:
        """Serialize to one line, without the fields that have their default."""
        defaults = asdict(PLAIN)
        return json.dumps({name: value for name, value in asdict(self).items() if value != defaults[name]})


PLAIN: Final = Behaviour()


@dataclass(frozen=True, slots=True)
class Action:
    """The server's reaction to one attempt. `seconds` is how long a worker is busy; infinite for a hang."""

    kind: Kind
    seconds: float


def from_json(text: str) -> Behaviour:
    """Parse a JSON object of behaviour fields. Raises `BehaviourError`."""
    try:
        types = {field.name: float if field.type == "float" else int for field in fields(Behaviour)}
        values: dict[str, Any] = {name: types[name](value) for name, value in json.loads(text).items()}
        non_negative = [value for name, value in values.items() if name != "seed"]
        if not all(0 <= value < math.inf for value in non_negative) or values.get("spread", 0) > 1:
            raise ValueError(values)
        return Behaviour(**values)
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError) as error:
        message = f"{text[:100]!r} is not a JSON object of behaviour fields and numbers from 0 (spread: 0 to 1)"
        raise BehaviourError(message) from error


def decide_action(behaviour: Behaviour, delay_s: float, request_id: int, attempt: int) -> Action:
    """Decide the reaction to an attempt (from 1) at a request (ids from 1); the fixed delay is `delay_s`."""
    if attempt == 1 and request_id == behaviour.crash_at:
        return Action("crash", delay_s / 2)
    if attempt == 1 and request_id == behaviour.restart_at:
        return Action("restart", delay_s / 2)
    rank = _rank(behaviour.seed, request_id)
    if rank < behaviour.hang:
        return Action("hang", math.inf)
    seconds = delay_s * _delay_factor(behaviour, request_id)
    if rank < behaviour.hang + behaviour.drip:
        return Action("drip", seconds + behaviour.drip_s)
    if attempt <= behaviour.most_in_a_row and _rank(behaviour.seed, request_id, attempt) < behaviour.fail:
        kind = FAILURES[int(_uniform(behaviour.seed, request_id, "how", attempt) * len(FAILURES))]
        return Action(kind, 0.0 if kind == "unavailable" else seconds)
    return Action("answer", seconds)


def _delay_factor(behaviour: Behaviour, request_id: int) -> float:
    uniform = _uniform(behaviour.seed, request_id, "delay")
    if behaviour.sigma:
        return math.exp(NormalDist(0.0, behaviour.sigma).inv_cdf(uniform))
    return 1.0 + behaviour.spread * (2.0 * uniform - 1.0)


def _rank(seed: int, request_id: int, attempt: int = 0) -> int:
    """Return the request's position, from 0, in the shuffled group."""
    first = (request_id - 1) // GROUP_SIZE * GROUP_SIZE + 1
    own = _uniform(seed, request_id, "place", attempt)
    return sum(_uniform(seed, other, "place", attempt) < own for other in range(first, first + GROUP_SIZE))


def _uniform(seed: int, request_id: int, purpose: str, attempt: int = 0) -> float:
    """Return a number uniform between 0 and 1 that depends only on the arguments, so it is equal on every machine."""
    digest = sha256(f"{seed}/{request_id}/{purpose}/{attempt}".encode()).digest()
    return (int.from_bytes(digest[:6], "big") + 0.5) / 2**48
