"""Builders of reports, one module per kind of result: comparison, load, diff, history and doctor."""
