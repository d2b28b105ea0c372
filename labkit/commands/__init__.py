"""One module per command of lab.py, each with ``run(options) -> int``, its exit code."""
