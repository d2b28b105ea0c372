"""Which approaches a person asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clients.harness import catalogue
from clients.harness.catalogue import Approach
from labkit.model.errors import UsageError, nearest

DEFAULT = ("sync", "threads", "thread_pool", "asyncio_gather", "asyncio_semaphore", "process_pool")


def select(names: Sequence[str], folder: Path = catalogue.FOLDER) -> dict[str, Approach]:
    """The approaches named, each once and in this order; the default set for none, every file for ``all``.

    Raises `UsageError` for a name without a file, or a file that is not an approach.
    """
    known = catalogue.names(folder)
    wanted = [each for name in names or DEFAULT for each in (_all(known) if name == "all" else (name,))]
    for name in wanted:
        if name not in known:
            hint = f"There are: {', '.join(known)}, and `all`."
            raise UsageError(f"no approach {name!r}{nearest(name, known)}", hint)
    try:
        return {name: catalogue.read(name, folder) for name in wanted}
    except catalogue.BrokenApproach as error:
        raise UsageError(str(error), "Mend the file, or name the approaches to compare without it.") from error


def _all(known: Sequence[str]) -> list[str]:
    return [*(name for name in DEFAULT if name in known), *(name for name in known if name not in DEFAULT)]
