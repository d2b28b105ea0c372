"""A rate limit: one token bucket for all workers, and a ban for those who will not wait."""

import math

from server.behaviour import Behaviour
from server.memory import Trial


def early_s(trial: Trial, behaviour: Behaviour, now_s: float) -> float:
    """How long before its time a request comes: 0 if it may be answered now, infinite while its sender is banned."""
    if not behaviour.rate:
        return 0.0
    if now_s < trial.banned_until_s:
        return math.inf
    token_s = 1 / behaviour.rate
    full_at_s = max(trial.full_at_s, now_s) + token_s
    early = full_at_s - now_s - behaviour.burst * token_s
    if early <= 1e-9:  # a token that is there but for a rounding
        trial.full_at_s = full_at_s
        trial.ignored = 0
        return 0.0
    if now_s >= trial.pause_until_s:
        trial.ignored = 0
        trial.pause_until_s = now_s + retry_after_s(early)
        return early
    trial.ignored += 1
    if trial.ignored == behaviour.ban_after:
        trial.ignored = 0
        trial.banned_until_s = now_s + behaviour.ban_s
    return early


def retry_after_s(early: float) -> int:
    """What a Retry-After header says: whole seconds."""
    return max(1, math.ceil(early))
