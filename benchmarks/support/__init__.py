"""Shared parts of the benchmarks: their model, the programs that they run, saved results and README's tables."""
