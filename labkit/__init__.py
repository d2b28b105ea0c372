"""What lab.py orchestrates the lab with: it plans the trials, runs them on a runtime, checks what they measured and
reports it. Imports go one way, from `cli` down to `model` and `errors`; clients and server never import labkit. `cli`,
`setup` and `errors` start with the standard library alone, so that they work before anything is installed.
"""
