"""What a body goes through where an approach that takes ``handle`` does its work."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")


def keep(body: T) -> T:
    """The body as it is. A function of a module, so that it can be pickled for another process."""
    return body
