"""End-to-end tests of lab.py, in both runtimes."""
