"""Every answer takes the same time."""

from labkit.model.scenario import Scenario

SCENARIO = Scenario(
    summary="every answer takes the same time",
    question="How close is the makespan to the ideal, and where do requests wait: in the client or at the server?",
)
