"""One request in ten is never answered, and one in ten comes byte by byte."""

from labkit.model.scenario import Scenario
from server.behaviour import Behaviour

SCENARIO = Scenario(
    summary="of ten requests one never answers, and one answers byte by byte",
    look_at="Who hangs until the trial is ended, and who returns the other answers and a cause for each missing one?",
    behaviour=Behaviour(hang=1, drip=1, drip_s=0.5),
    requests=(30,),
    delay_s=0.3,
    timeout_s=2.0,
    trial_timeout_s=20.0,
)
