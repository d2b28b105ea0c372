"""Bodies of one megabyte."""

from labkit.model.scenario import Scenario
from server.behaviour import Behaviour

SCENARIO = Scenario(
    summary="bodies of 1 MB",
    question="How much memory do the bodies take, and how often are they copied, also between processes?",
    behaviour=Behaviour(body_bytes=1_000_000),
    requests=(30,),
    delay_s=0.1,
)
