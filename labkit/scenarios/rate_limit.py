"""Five requests a second are answered, the rest refused; who does not wait then is banned."""

from labkit.model.scenario import Scenario
from server.behaviour import Behaviour

SCENARIO = Scenario(
    summary="five requests a second; 429 with Retry-After beyond, and a ban for those who ignore it",
    look_at="Who is refused, who is banned, and who finds or keeps the rate?",
    behaviour=Behaviour(rate=5.0, burst=3, ban_after=20, ban_s=3.0),
    requests=(50,),
    delay_s=0.1,
    timeout_s=10.0,
)
