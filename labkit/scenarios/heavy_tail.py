"""Most responses are fast, and a few are very slow."""

from labkit.model.scenario import Scenario
from server.behaviour import Behaviour

SCENARIO = Scenario(
    summary="log-normal delays: a few responses take many times the median",
    question="How does one slow response affect the other requests and the makespan?",
    behaviour=Behaviour(sigma=1.0),
    requests=(30,),
    delay_s=0.3,
)
