"""Tests that measure time, so `lab.py test` runs them one at a time after all others."""
