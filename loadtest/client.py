"""Locust's HTTP client: no automatic retries, and equal texts for equal errors.

Importing this module disables the client's retry after a lost connection. `max_retries` does not affect that retry, and
Locust would report both attempts as one request.
"""

from __future__ import annotations

import geventhttpclient.client

geventhttpclient.client.IDEMPOTENT_METHODS = frozenset()  # the methods that it retries


def describe_error(error: BaseException | None) -> str | None:
    """Describe an error without the URL, so that equal errors have equal texts; None for None."""
    if error is None:
        return None
    root = getattr(error, "original", None) or error
    if code := getattr(root, "code", None):
        return f"status {code}"
    text = str(getattr(root, "text", root))
    return f"{type(root).__name__}: {text}" if text else type(root).__name__
