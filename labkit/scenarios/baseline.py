"""Every answer takes the same time."""

from labkit.model.scenario import Scenario

SCENARIO = Scenario(
    summary="every answer takes the same time",
    look_at="How near does the makespan come to the ideal, and where do requests wait: in the client or at the server?",
)
