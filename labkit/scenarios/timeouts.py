"""One request in ten is never answered, and one in ten byte by byte."""

from labkit.model.scenario import Scenario
from server.behaviour import Behaviour

SCENARIO = Scenario(
    summary="1 in 10 requests is never answered, and 1 in 10 byte by byte",
    question="Which approaches hang until the timeout, and which return the others, with a cause for each missing one?",
    behaviour=Behaviour(hang=1, drip=1, drip_s=0.5),
    requests=(30,),
    delay_s=0.3,
    timeout_s=2.0,
    trial_timeout_s=20.0,
)
