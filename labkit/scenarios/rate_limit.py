"""Five requests per second are answered, the others refused; clients that do not wait are banned."""

from labkit.model.scenario import Scenario
from server.behaviour import Behaviour

SCENARIO = Scenario(
    summary="limit of 5 requests per second: 429 with Retry-After, and a ban for clients that ignore it",
    question="Which approaches are refused, which are banned, and which find or keep the rate?",
    behaviour=Behaviour(rate=5.0, burst=3, ban_after=20, ban_s=3.0),
    requests=(50,),
    delay_s=0.1,
    timeout_s=10.0,
)
