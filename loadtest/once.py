"""What has to be so that every request is one request, and its failure one cause.

Importing this module keeps Locust's HTTP client from asking again by itself when a connection breaks: `max_retries`
does not reach that, and the second request would be told of as a part of the first.
"""

from __future__ import annotations

import geventhttpclient.client

geventhttpclient.client.IDEMPOTENT_METHODS = frozenset()  # those that it would repeat


def cause(error: BaseException | None) -> str | None:
    """Why a request failed, in words that are the same for every request: without its URL. None for None."""
    if error is None:
        return None
    root = getattr(error, "original", None) or error
    if code := getattr(root, "code", None):
        return f"status {code}"
    text = str(getattr(root, "text", root))
    return f"{type(root).__name__}: {text}" if text else type(root).__name__
