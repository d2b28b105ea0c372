"""Maps names to the modules that the harness runs: approaches, Locust, and a user's script."""

OTHERS = {"locust": "loadtest.baseline", "load": "loadtest.load", "script": "clients.harness.script"}


def module_of(name: str) -> str:
    """Return the module whose ``main`` the harness calls."""
    return OTHERS.get(name) or f"clients.{name}"
