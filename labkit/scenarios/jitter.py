"""Answers take between 0.5 and 1.5 times the delay."""

from labkit.model.scenario import Scenario
from server.behaviour import Behaviour

SCENARIO = Scenario(
    summary="uniform delays, 0.5 to 1.5 times the nominal one",
    question="Which approaches wait for the slowest request of a round, and which start the next request at once?",
    behaviour=Behaviour(spread=0.5),
    requests=(30,),
    delay_s=0.3,
)
