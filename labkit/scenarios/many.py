"""More and more requests on the same workers."""

from labkit.model.scenario import Scenario

SCENARIO = Scenario(
    summary="3 to 300 requests on the same workers",
    question="What grows with the number of requests: makespan, latency, threads, memory, the queue at the server?",
    requests=(3, 9, 30, 100, 300),
    delay_s=0.1,
)
