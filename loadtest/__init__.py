"""Locust: by hand (locustfile), as the baseline of a comparison (baseline), and as what makes a load (load)."""
