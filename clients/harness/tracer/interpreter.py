"""Which Python another process runs, and where in its memory the GIL is."""

from __future__ import annotations

import os
import re
from mmap import PROT_READ, mmap
from typing import NamedTuple

from clients.harness.tracer.elf import Runtime, find_runtime

LIKE_A_LOCK = "so that waiting for it looks like waiting for a lock"
NO_PYTHON = f"{{program}} is no Python in which the GIL can be found, {LIKE_A_LOCK}"
MUSL = f"with musl as C library the GIL cannot be told from a lock, {LIKE_A_LOCK}"
FREE_THREADED = "this Python is free-threaded: there is no GIL to wait for"

_FREE_THREADED = re.compile(r"python3\.\d+t\b|\.cpython-3\d+t-")
_MUSL = re.compile(r"/ld-musl-[^/]*$")
_read_before: dict[tuple[int, int], Runtime | None] = {}  # by device and inode
_LIBRARY = re.compile(r"/libpython3\.[^/]*$")


class Mapping(NamedTuple):
    """A file, or a part of it, in the memory of a process."""

    start: int
    offset: int
    path: str


class Interpreter(NamedTuple):
    """What is known of a process's Python: the addresses of its `_PyRuntime`, and what may not be seen of its GIL."""

    runtime: range
    doubts: tuple[str, ...]


def interpreter(pid: int) -> Interpreter:
    """What process `pid` runs now. Raises OSError where it has ended, or may not be looked into."""
    program = os.readlink(f"/proc/{pid}/exe")
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
        mapped = mappings(file.read())
    runtime = _runtime(pid, program, mapped)
    return Interpreter(runtime, doubts(program, {mapping.path for mapping in mapped}, known=len(runtime) > 0))


def mappings(text: str) -> list[Mapping]:
    """The files in a process's memory: lines of /proc/PID/maps, see proc(5)."""
    found = []
    for line in text.splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5].startswith("/"):
            found.append(Mapping(int(fields[0].partition("-")[0], 16), int(fields[2], 16), fields[5]))
    return found


def doubts(program: str, paths: set[str], *, known: bool) -> tuple[str, ...]:
    """What waiting for the GIL cannot be told of a `program` with these files in memory, in sentences.

    `known` says whether a `_PyRuntime` was found. Of a program that is no Python at all nothing is amiss.
    """
    name = os.path.basename(program)
    found = {
        NO_PYTHON.format(program=name): not known and "py" in name,
        FREE_THREADED: known and any(map(_FREE_THREADED.search, paths)),
        MUSL: known and any(map(_MUSL.search, paths)),
    }
    return tuple(text for text, holds in found.items() if holds)


def _runtime(pid: int, program: str, mapped: list[Mapping]) -> range:
    """The addresses of `_PyRuntime`; none where it is not found."""
    for mapping in mapped:
        if mapping.offset == 0 and (mapping.path == program or _LIBRARY.search(mapping.path)):
            found = _runtime_in(f"/proc/{pid}/root{mapping.path}")  # it may live in another file system than we do
            if found is not None:
                start = mapping.start + found.offset
                return range(start, start + found.size)
    return range(0)


def _runtime_in(path: str) -> Runtime | None:
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        key = status.st_dev, status.st_ino
        if key not in _read_before:
            _read_before[key] = find_runtime(mmap(file.fileno(), 0, prot=PROT_READ))
        return _read_before[key]
