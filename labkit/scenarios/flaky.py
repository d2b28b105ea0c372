"""One attempt in five fails: a 503, or a connection that is reset before or within the answer."""

from labkit.model.scenario import Scenario
from server.behaviour import Behaviour

SCENARIO = Scenario(
    summary="one attempt in five fails: 503, or the connection is reset",
    look_at="Who loses requests, who loses all the other answers with them, and who asks again?",
    behaviour=Behaviour(fail=2),
    requests=(30,),
    delay_s=0.1,
    timeout_s=10.0,
)
