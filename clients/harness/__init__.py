"""The harness: runs one approach file as it stands and measures it from outside.

Three kinds of process take part in a trial:

- the *supervisor* (`supervisor.py`) speaks the protocol, samples and cleans up;
- the *measured process* (`measured.py`), its child, imports the approach and calls its ``main``;
- whatever processes the approach starts itself.

In the last two `site/sitecustomize.py` installs the `hooks`, which note the phases of each request through the
`recorder`. The supervisor relays these notes, so nothing is sent or parsed while the approach runs.
"""
