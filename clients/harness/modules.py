"""Which module the harness runs under which name: an approach's file, or what Locust does."""

LOCUST = {"locust": "loadtest.baseline", "load": "loadtest.load"}


def module_of(name: str) -> str:
    """The module whose ``main`` is to be called."""
    return LOCUST.get(name) or f"clients.{name}"
