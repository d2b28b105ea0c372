"""Finds CPython's ``_PyRuntime``, which contains the GIL, in an ELF file (64 bit, little endian): see elf(5)."""

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
_SECTION_NAME = b".PyRuntime"  # Python 3.14 and newer have this section, for debuggers
_PAGE = 4096


class Runtime(NamedTuple):
    """The position of ``_PyRuntime``: `offset` bytes after the mapped start of the file, `size` bytes long."""

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
    """Find ``_PyRuntime`` in the bytes of an executable or shared library; None if the file does not contain it."""
    if file[: len(_MAGIC)] != _MAGIC:
        return None
    try:
        found = _find_symbol(sections := _sections(file)) or _find_section(sections)
        return found and Runtime(found[0] - _first_address(file), found[1])
    except (struct.error, IndexError, StopIteration):  # truncated or malformed
        return None


def _find_symbol(sections: list[_Section]) -> tuple[int, int] | None:
    """Return the address and size from the dynamic symbols, which `strip` does not remove."""
    for table in sections:
        if table.kind == _SHT_DYNSYM:
            name_at = bytes(sections[table.link].data).find(b"\0" + _SYMBOL_NAME + b"\0") + 1
            whole = len(table.data) // _SYMBOL.size * _SYMBOL.size
            for name, _, _, section, address, size in _SYMBOL.iter_unpack(table.data[:whole]):
                if name == name_at and name_at and section and size:
                    return address, size
    return None


def _find_section(sections: list[_Section]) -> tuple[int, int] | None:
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
    """Return the address for which the first page was linked: 0 in a position-independent file."""
    at, entry_size, number = (header := _HEADER.unpack_from(file))[5], header[9], header[10]
    programs = (_PROGRAM_HEADER.unpack_from(file, at + index * entry_size) for index in range(number))
    return int(next(p[3] - p[2] for p in programs if p[0] == _PT_LOAD)) // _PAGE * _PAGE
