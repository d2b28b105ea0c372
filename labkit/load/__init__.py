"""Load: what `lab.py load` runs and measures, from ten requests to as many as a disk holds, in flat memory."""
