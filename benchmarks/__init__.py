"""Benchmarks: the speed and the accuracy of the lab, one module per benchmark."""
