"""Most answers are fast, and a few are very slow."""

from labkit.model.scenario import Scenario
from server.behaviour import Behaviour

SCENARIO = Scenario(
    summary="log-normal delays: a few answers take many times the median",
    question="How does one slow answer affect the other requests and the makespan?",
    behaviour=Behaviour(sigma=1.0),
    requests=(30,),
    delay_s=0.3,
)
