"""The position of the GIL: in the running Python, in generated files, and in files without it."""

from __future__ import annotations

import ctypes
import os
import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.harness.tracer.elf import Runtime, find_runtime
from clients.harness.tracer.interpreter import Mapping, find_limitations, inspect_process, parse_maps

ADDRESS, SIZE = 0x5000, 0x300


def elf(*, base: int = 0, symbol: bytes = b"", section: bytes = b".data", defined: int = 1) -> bytes:
    """Generate a library linked for `base`; its dynamic symbol or section with that name is at ADDRESS, with SIZE."""
    names = b"\0.dynsym\0.dynstr\0.shstrtab\0" + section + b"\0"
    strings = b"\0_Py_Other\0" + symbol + b"\0"
    other = struct.pack("<IBBHQQ", 1, 0, 0, 1, base + 0x100, 8)
    symbols = bytes(24) + other + struct.pack("<IBBHQQ", 11, 0, 0, defined, base + ADDRESS, SIZE)
    parts, at = [], 64 + 56
    for content in (symbols, strings, names):
        parts.append((at, content))
        at += len(content)

    def header(name: bytes, kind: int, address: int, where: tuple[int, int], link: int) -> bytes:
        return struct.pack("<IIQQQQIIQQ", names.index(name), kind, 0, address, *where, link, 0, 8, 24)

    places = [(begins, len(content)) for begins, content in parts]
    headers = [
        bytes(64),
        header(b".dynsym", 11, 0, places[0], 2),
        header(b".dynstr", 3, 0, places[1], 0),
        header(b".shstrtab", 3, 0, places[2], 0),
        header(section + b"\0", 1, base + ADDRESS, (0, SIZE), 0),
    ]
    identity = b"\x7fELF\x02\x01".ljust(16, b"\0")
    head = struct.pack("<16sHHIQQQIHHHHHH", identity, 3, 62, 1, 0, 64, at, 0, 64, 56, 1, 64, len(headers), 3)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, at, at, 0x1000)
    return head + load + b"".join(content for _, content in parts) + b"".join(headers)


@pytest.mark.parametrize("base", [0, 0x400000])  # position-independent or not
@pytest.mark.parametrize("named", [{"symbol": b"_PyRuntime"}, {"section": b".PyRuntime"}])
def test_the_runtime_is_found_by_its_symbol_or_its_section(base, named):
    assert find_runtime(elf(base=base, **named)) == Runtime(ADDRESS, SIZE)


@pytest.mark.parametrize(
    "file",
    [
        elf(),
        elf(symbol=b"_PyRuntime", defined=0),  # undefined: another file defines it
        elf(symbol=b"_PyRuntime_Initialize"),
        b"",
        b"#!/bin/sh\n",
        b"\x7fELF\x01\x01" + elf(symbol=b"_PyRuntime")[6:],  # 32 bit
    ],
)
def test_other_files_have_no_runtime(file):
    assert find_runtime(file) is None


@given(st.integers(0, len(elf(symbol=b"_PyRuntime")) - 1))
def test_a_truncated_file_has_no_runtime(length):
    assert find_runtime(elf(symbol=b"_PyRuntime")[:length]) is None


@given(st.binary(max_size=400))
def test_any_bytes_after_the_magic_number_raise_no_error(rest):
    find_runtime(b"\x7fELF\x02\x01" + rest)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_runtime_of_this_python_is_found():
    address = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
    assert inspect_process(os.getpid()).runtime[0] == address


def test_only_file_mappings_are_parsed():
    text = (
        "55d0c0000000-55d0c0001000 r--p 00000000 fe:00 42   /usr/bin/my python3.11\n"
        "55d0c0001000-55d0c0002000 r-xp 00001000 fe:00 42   /usr/bin/my python3.11\n"
        "55d0c1000000-55d0c1021000 rw-p 00000000 00:00 0    [heap]\n"
        "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n"
    )
    path = "/usr/bin/my python3.11"
    assert parse_maps(text) == [Mapping(0x55D0C0000000, 0, path), Mapping(0x55D0C0001000, 0x1000, path)]


@pytest.mark.parametrize(
    ("program", "path", "found", "word"),
    [
        ("/usr/bin/python3.11", "/usr/bin/python3.11", False, "python3.11"),
        ("/usr/bin/pypy3", "/usr/lib/libpypy3-c.so", False, "pypy3"),
        ("/usr/bin/python3.14t", "/usr/bin/python3.14t", True, "free-threaded"),
        ("/usr/bin/python", "/usr/lib/math.cpython-314t-x86_64-linux-gnu.so", True, "free-threaded"),
        ("/usr/bin/python3.14", "/lib/ld-musl-x86_64.so.1", True, "musl"),
    ],
)
def test_a_limitation_names_its_reason(program, path, found, word):
    (limitation,) = find_limitations(program, {path}, found=found)
    assert word in limitation


@pytest.mark.parametrize(
    ("program", "found"), [("/usr/bin/python3.14", True), ("/usr/bin/curl", False), ("/usr/bin/sleep", False)]
)
def test_an_ordinary_python_and_other_programs_have_no_limitations(program, found):
    paths = {program, "/lib/x86_64-linux-gnu/libc.so.6", "/x/_queue.cpython-314-x86_64-linux-gnu.so"}
    assert find_limitations(program, paths, found=found) == ()
