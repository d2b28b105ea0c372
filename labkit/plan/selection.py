"""Select approaches by name."""

from __future__ import annotations

from collections.abc import Sequence

from clients.harness import catalogue
from clients.harness.catalogue import Approach
from labkit.model import BASELINE
from labkit.model.errors import UsageError, nearest

DEFAULT = ("sync", "threads", "thread_pool", "asyncio_gather", "asyncio_semaphore", "process_pool")


def select(names: Sequence[str], *, baseline: bool) -> dict[str, Approach]:
    """The approaches called `names`, each once and in this order; the default set for no name, every file for ``all``.

    With `baseline`, Locust comes last. Raises `UsageError` for a name without a file, or a file that is no approach.
    """
    known = catalogue.names()
    every = [*(name for name in DEFAULT if name in known), *(name for name in known if name not in DEFAULT)]
    selected = [each for name in names or DEFAULT for each in (every if name == "all" else [name])]
    for name in selected:
        if name not in known:
            hint = f"There are: {', '.join(known)}, and `all`."
            raise UsageError(f"no approach {name!r}{nearest(name, known)}", hint)
    try:
        approaches = {name: catalogue.read(name) for name in selected}
        return approaches | ({BASELINE: catalogue.read_baseline()} if baseline else {})
    except catalogue.BrokenApproach as error:
        raise UsageError(str(error), "Fix the file, or name the approaches to compare without it.") from error
