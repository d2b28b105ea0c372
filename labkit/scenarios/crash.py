"""A worker is killed in the middle of a request, and comes back."""

from labkit.model.scenario import Scenario
from server.behaviour import Behaviour

SCENARIO = Scenario(
    summary="a worker is killed in the middle of a request, and comes back",
    look_at="Who loses one answer, and who loses all of them?",
    behaviour=Behaviour(crash_at=5),
    requests=(30,),
    delay_s=0.2,
    timeout_s=10.0,
)
