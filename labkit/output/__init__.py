"""The terminal while a command runs: progress, live display, formatting and pages."""
