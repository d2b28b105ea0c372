"""The tracer of a traced trial: what every thread does, seen from outside (`watch`), and every asyncio task (`tasks`).

`python -m clients.harness.tracer PID` is a process of its own that samples /proc; `tasks` runs inside the measured
process, because only the event loop knows its tasks. Nothing here is imported for a trial that is not traced.
"""
