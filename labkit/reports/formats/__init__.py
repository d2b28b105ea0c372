"""Formats of reports, one module each: terminal table, Markdown, CSV and JSON."""
