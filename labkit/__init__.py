"""Everything behind lab.py: plan the trials, run them, check and analyse the measurements, report them.

Imports go one way, from `cli` and `commands` down to `model`; clients and server never import labkit. `cli`, `options`
and `setup` use the standard library only, because they run before any package is installed.
"""
