"""Which module the harness runs under which name: an approach's file, what Locust does, or somebody's script."""

OTHERS = {"locust": "loadtest.baseline", "load": "loadtest.load", "script": "clients.harness.script"}


def module_of(name: str) -> str:
    """The module whose ``main`` is to be called."""
    return OTHERS.get(name) or f"clients.{name}"
