"""Run a plan or a script, and assemble the measured trials."""
