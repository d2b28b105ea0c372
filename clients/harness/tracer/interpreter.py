"""Finds the Python that another process runs, and the GIL in its memory."""

from __future__ import annotations

import os
import re
from mmap import PROT_READ, mmap
from typing import NamedTuple

from clients.harness.tracer.elf import Runtime, find_runtime

AS_LOCK = "so waits for the GIL appear as waits for a lock"
NO_GIL_FOUND = f"the GIL was not found in {{program}}, {AS_LOCK}"
MUSL = f"with the C library musl, the GIL looks like any other lock, {AS_LOCK}"
FREE_THREADED = "this Python is free-threaded: it has no GIL to wait for"

_FREE_THREADED = re.compile(r"python3\.\d+t\b|\.cpython-3\d+t-")
_MUSL = re.compile(r"/ld-musl-[^/]*$")
_runtimes: dict[tuple[int, int], Runtime | None] = {}  # by device and inode
_LIBRARY = re.compile(r"/libpython3\.[^/]*$")


class Mapping(NamedTuple):
    """A file, or part of a file, in the memory of a process."""

    start: int
    offset: int
    path: str


class Interpreter(NamedTuple):
    """The Python of a process: the addresses of its `_PyRuntime`, and the limitations in tracing its GIL."""

    runtime: range
    limitations: tuple[str, ...]


def inspect_process(pid: int) -> Interpreter:
    """Inspect the program that `pid` runs now. Raises OSError if it has ended or access is denied."""
    program = os.readlink(f"/proc/{pid}/exe")
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
        mappings = parse_maps(file.read())
    runtime = _find_runtime(pid, program, mappings)
    paths = {mapping.path for mapping in mappings}
    return Interpreter(runtime, find_limitations(program, paths, found=len(runtime) > 0))


def parse_maps(text: str) -> list[Mapping]:
    """Parse the file mappings in /proc/PID/maps, see proc(5)."""
    mappings = []
    for line in text.splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5].startswith("/"):
            mappings.append(Mapping(int(fields[0].partition("-")[0], 16), int(fields[2], 16), fields[5]))
    return mappings


def find_limitations(program: str, paths: set[str], *, found: bool) -> tuple[str, ...]:
    """Return, as sentences, the limitations in tracing the GIL of a `program` with these files in memory.

    `found` is True if it has a `_PyRuntime`. A program that is not Python has no limitations.
    """
    name = os.path.basename(program)
    limitations = {
        NO_GIL_FOUND.format(program=name): not found and "py" in name,
        FREE_THREADED: found and any(map(_FREE_THREADED.search, paths)),
        MUSL: found and any(map(_MUSL.search, paths)),
    }
    return tuple(text for text, applies in limitations.items() if applies)


def _find_runtime(pid: int, program: str, mappings: list[Mapping]) -> range:
    """Return the addresses of `_PyRuntime`; an empty range if it is not found."""
    for mapping in mappings:
        if mapping.offset == 0 and (mapping.path == program or _LIBRARY.search(mapping.path)):
            runtime = _read_runtime(f"/proc/{pid}/root{mapping.path}")  # the process may have another root directory
            if runtime is not None:
                start = mapping.start + runtime.offset
                return range(start, start + runtime.size)
    return range(0)


def _read_runtime(path: str) -> Runtime | None:
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        key = status.st_dev, status.st_ino
        if key not in _runtimes:
            _runtimes[key] = find_runtime(mmap(file.fileno(), 0, prot=PROT_READ))
        return _runtimes[key]
