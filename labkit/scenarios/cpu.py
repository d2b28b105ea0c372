"""Handling each body takes the client CPU time."""

from labkit.model.scenario import Scenario

SCENARIO = Scenario(
    summary="handling each body takes 50 ms of pure Python",
    question="Which approaches handle bodies in parallel, and where does one slow handler delay the other requests?",
    requests=(8,),
    delay_s=0.1,
    limit=8,
    handle_s=0.05,
)
