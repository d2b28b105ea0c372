"""Answers that take between half and one and a half times the delay."""

from labkit.model.scenario import Scenario
from server.behaviour import Behaviour

SCENARIO = Scenario(
    summary="uniform delays, half to one and a half times the usual one",
    look_at="Who waits for the slowest of a round, and who begins the next request at once?",
    behaviour=Behaviour(spread=0.5),
    requests=(30,),
    delay_s=0.3,
)
