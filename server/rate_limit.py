"""The rate limit: one token bucket for all workers, and a ban for clients that ignore Retry-After."""

import math

from server.behaviour import Behaviour
from server.memory import Trial


def take_token(trial: Trial, behaviour: Behaviour, now_s: float) -> float:
    """Take a token for one request, if one is left.

    Return 0 if the request is allowed, the seconds until the next token if not, and infinity during a ban.
    """
    if not behaviour.rate:
        return 0.0
    if now_s < trial.banned_until_s:
        return math.inf
    token_s = 1 / behaviour.rate
    full_at_s = max(trial.full_at_s, now_s) + token_s
    wait_s = full_at_s - now_s - behaviour.burst * token_s
    if wait_s <= 1e-9:  # a rounding error is not a missing token
        trial.full_at_s = full_at_s
        trial.ignored = 0
        return 0.0
    if now_s >= trial.pause_until_s:
        trial.ignored = 0
        trial.pause_until_s = now_s + retry_after_s(wait_s)
        return wait_s
    trial.ignored += 1
    if trial.ignored == behaviour.ban_after:
        trial.ignored = 0
        trial.banned_until_s = now_s + behaviour.ban_s
    return wait_s


def retry_after_s(wait_s: float) -> int:
    """Return the value of a Retry-After header: whole seconds."""
    return max(1, math.ceil(wait_s))
