"""The whole server stops during a request, and restarts after two seconds."""

from labkit.model.scenario import Scenario
from server.behaviour import Behaviour

SCENARIO = Scenario(
    summary="the whole server is down for two seconds",
    question="Which approaches fail at once, which retry too early, and which return all answers in the end?",
    behaviour=Behaviour(restart_at=5, away_s=2.0),
    requests=(30,),
    delay_s=0.2,
    timeout_s=10.0,
)
