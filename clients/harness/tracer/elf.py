"""Finds CPython's ``_PyRuntime``, which holds the GIL, in an ELF file: see elf(5). 64 bit, little endian."""

from __future__ import annotations

import struct
from mmap import mmap
from typing import NamedTuple

_MAGIC = b"\x7fELF\x02\x01"  # 64 bit, little endian
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_PT_LOAD = 1
_SHT_DYNSYM = 11
_SYMBOL_NAME = b"_PyRuntime"
_SECTION_NAME = b".PyRuntime"  # from Python 3.14 on, for debuggers to find
_PAGE = 4096


class Runtime(NamedTuple):
    """Where ``_PyRuntime`` lies: `offset` bytes after the place to which the file's start is mapped, `size` bytes."""

    offset: int
    size: int


class _Section(NamedTuple):
    name: bytes
    kind: int
    address: int
    size: int
    data: memoryview
    link: int


def find_runtime(file: bytes | mmap) -> Runtime | None:
    """``_PyRuntime`` in the bytes of an executable or a shared library; None where it does not say."""
    if file[: len(_MAGIC)] != _MAGIC:
        return None
    try:
        found = _symbol(sections := _sections(file)) or _section(sections)
        return found and Runtime(found[0] - _first_address(file), found[1])
    except (struct.error, IndexError, StopIteration):  # cut off, or not what it seems
        return None


def _symbol(sections: list[_Section]) -> tuple[int, int] | None:
    """Address and size by the dynamic symbols, which `strip` leaves."""
    for table in sections:
        if table.kind == _SHT_DYNSYM:
            name_at = bytes(sections[table.link].data).find(b"\0" + _SYMBOL_NAME + b"\0") + 1
            whole = len(table.data) // _SYMBOL.size * _SYMBOL.size
            for name, _, _, section, address, size in _SYMBOL.iter_unpack(table.data[:whole]):
                if name == name_at and name_at and section and size:
                    return address, size
    return None


def _section(sections: list[_Section]) -> tuple[int, int] | None:
    for section in sections:
        if section.name == _SECTION_NAME and section.size:
            return section.address, section.size
    return None


def _sections(file: bytes | mmap) -> list[_Section]:
    *_, at, _, _, _, _, entry_size, number, names_index = _HEADER.unpack_from(file)
    headers = [_SECTION_HEADER.unpack_from(file, at + index * entry_size) for index in range(number)]
    if not headers:
        return []
    view = memoryview(file)
    contents = [view[header[4] : header[4] + header[5]] for header in headers]
    names = bytes(contents[names_index])
    return [
        _Section(names[header[0] :].partition(b"\0")[0], header[1], header[3], header[5], data, header[6])
        for header, data in zip(headers, contents, strict=True)
    ]


def _first_address(file: bytes | mmap) -> int:
    """The address for which the first page of the file was linked: 0 in all that may be moved as it is loaded."""
    at, entry_size, number = (header := _HEADER.unpack_from(file))[5], header[9], header[10]
    programs = (_PROGRAM_HEADER.unpack_from(file, at + index * entry_size) for index in range(number))
    return int(next(p[3] - p[2] for p in programs if p[0] == _PT_LOAD)) // _PAGE * _PAGE
