"""A worker is killed during a request, and restarts."""

from labkit.model.scenario import Scenario
from server.behaviour import Behaviour

SCENARIO = Scenario(
    summary="a worker is killed during a request, and restarts",
    question="Which approaches lose one answer, and which lose all of them?",
    behaviour=Behaviour(crash_at=5),
    requests=(30,),
    delay_s=0.2,
    timeout_s=10.0,
)
