"""One attempt in five fails: a 503, or a connection that is reset before or within the answer."""

from labkit.model.scenario import Scenario
from server.behaviour import Behaviour

SCENARIO = Scenario(
    summary="1 in 5 attempts fails: 503, or a connection reset",
    question="Which approaches lose single requests, which lose all other answers too, and which retry?",
    behaviour=Behaviour(fail=2),
    requests=(30,),
    delay_s=0.1,
    timeout_s=10.0,
)
