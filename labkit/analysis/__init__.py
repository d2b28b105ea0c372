"""Pure functions of raw rows: checks, metrics, statistics and comparisons."""
