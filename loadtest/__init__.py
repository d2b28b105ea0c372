"""Locust: by hand (locustfile), as the baseline of a comparison (baseline), and as the load generator (load)."""
