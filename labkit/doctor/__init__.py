"""`lab.py doctor`: what a machine is like and whether the lab can run on it.

Standard library only, because people ask when the set-up fails; of Docker it asks what the docker command tells. Each
module in `probes` looks at one thing, and a new one is a new file; those in `reports` show what was found.
"""
