"""Each body costs the client processor time."""

from labkit.model.scenario import Scenario

SCENARIO = Scenario(
    summary="each body costs 50 ms of pure Python to handle",
    look_at="Who handles bodies side by side, and whom does one slow handler keep from sending and receiving?",
    requests=(8,),
    delay_s=0.1,
    limit=8,
    handle_s=0.05,
)
