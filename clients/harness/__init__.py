"""The harness: runs one approach file unchanged and measures it from outside.

A trial has three kinds of process:

- The *supervisor* (`supervisor.py`) implements the protocol, takes samples and cleans up.
- The *measured process* (`measured.py`), its child, imports the approach and calls its ``main``.
- The approach can start processes of its own.

In the last two kinds, `site/sitecustomize.py` installs the `hooks`, which record the phases of each request with the
`recorder`. The supervisor relays these events, so the measured process sends and parses nothing during a trial.
"""
