"""The tracer: records the states of all threads (`watch`) and asyncio tasks (`tasks`) of a traced trial.

`python -m clients.harness.tracer PID` is a separate process that samples /proc. `tasks` runs inside the measured
process, because only the event loop knows its tasks. An untraced trial imports nothing from here.
"""
