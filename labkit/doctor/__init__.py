"""`lab.py doctor`: the state of a machine, and whether the lab can run on it.

Standard library only, because users need it when the set-up fails; it reads Docker's state through the docker command.
Each module in `probes` examines one part of the machine, so a new file is a new probe.
"""
