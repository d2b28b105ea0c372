"""The whole server goes away in the middle of a request, and is back after two seconds."""

from labkit.model.scenario import Scenario
from server.behaviour import Behaviour

SCENARIO = Scenario(
    summary="the whole server goes away for two seconds",
    look_at="Who is told at once, who asks again too soon, and who has all answers in the end?",
    behaviour=Behaviour(restart_at=5, away_s=2.0),
    requests=(30,),
    delay_s=0.2,
    timeout_s=10.0,
)
