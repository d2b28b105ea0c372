"""Most answers are quick, and a few take very long."""

from labkit.model.scenario import Scenario
from server.behaviour import Behaviour

SCENARIO = Scenario(
    summary="log-normal delays: a few answers take many times as long as most",
    look_at="What does one slow answer do to the others, and to the makespan?",
    behaviour=Behaviour(sigma=1.0),
    requests=(30,),
    delay_s=0.3,
)
