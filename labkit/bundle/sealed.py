"""The file of a bundle: a zip that contains the SHA-256 of all its other bytes, so that any change is detected.

The digest is in the header of the first member, in an extra field that zip programs ignore. A comment at the end of the
file would be simpler, but old Pythons could not run the file and report that they are too old.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from labkit.bundle import paths
from labkit.bundle.progress import Advance, ignore
from labkit.model.errors import UsageError

_DIGITS = 64
_FIELD = struct.pack("<HH", 0x424C, _DIGITS)  # the lab's own field id, and the length
_BEFORE = 30 + len(paths.MAIN) + len(_FIELD)  # fixed part of the header, name of the first member, head of the field
CHUNK = 1 << 20
AGAIN = "Copy or download it again; `python lab.py pack FILE` makes a new one."
OTHER_HINT = "It was not made by `python lab.py pack`: do not use it."


class BadBundle(UsageError):
    """A file that is not a bundle, is damaged, or is for another machine."""

    def __init__(self, path: Path, reason: str, hint: str = OTHER_HINT) -> None:
        super().__init__(f"{path} cannot be unpacked: {reason}", hint)


class HashingReader:
    """Reads a file; has the SHA-256 and the length of everything that was read."""

    def __init__(self, file: IO[bytes], advance: Advance = ignore) -> None:
        self._file = file
        self._advance = advance
        self.sha256 = hashlib.sha256()
        self.length = 0

    def read(self, size: int) -> bytes:
        piece = self._file.read(size)
        self.sha256.update(piece)
        self.length += len(piece)
        self._advance(len(piece))
        return piece

    def pieces(self, size: int = CHUNK) -> Iterator[bytes]:
        return iter(lambda: self.read(size), b"")


def seal(path: Path) -> str:
    """Write the digest of a finished zip into it, and return it. Its first member was written with `unsealed`."""
    digest = _digest(path, ignore)
    with path.open("r+b") as file:
        file.seek(_BEFORE)
        file.write(digest.encode())
    return digest


def unsealed() -> bytes:
    """The extra field for the first member of a zip that will be sealed."""
    return _FIELD + b"0" * _DIGITS


def verify_seal(path: Path, advance: Advance) -> None:
    """Read the whole file. Raises `BadBundle` unless it is unchanged."""
    with path.open("rb") as file:
        head, digest = file.read(_BEFORE), file.read(_DIGITS)
    if not (head.startswith(b"PK\x03\x04") and head.endswith(paths.MAIN.encode() + _FIELD)):
        raise BadBundle(path, "it is not a bundle", "Name a file that `python lab.py pack` has made.")
    if _digest(path, advance).encode() != digest:
        raise BadBundle(path, "it was cut off, changed or damaged (wrong SHA-256)", AGAIN)


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a sealed zip and check the names and kinds of its members.

    Raises `BadBundle`, also if the with block finds a member damaged.
    """
    try:
        file = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError, struct.error) as error:
        raise BadBundle(path, f"it is not a complete zip: {error}", AGAIN) from error
    try:
        with file:
            _check_members(path, file)
            yield file
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, UnicodeDecodeError) as error:
        raise BadBundle(path, f"one of its members cannot be read: {error}") from error


def _check_members(path: Path, file: zipfile.ZipFile) -> None:
    members = file.infolist()
    for member in members:
        if not paths.is_allowed(member.filename):
            raise BadBundle(path, f"{member.filename[: paths.LONGEST]!r} is not an allowed name of a member")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in {0, stat.S_IFREG} or member.is_dir():
            raise BadBundle(path, f"its member {member.filename} is not a regular file")
        if member.flag_bits & 1 or member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise BadBundle(path, f"its member {member.filename} is encrypted, or compressed by an unknown method")
    if name := paths.duplicate(member.filename for member in members):
        raise BadBundle(path, f"it contains the member {name} twice")


def _digest(path: Path, advance: Advance) -> str:
    """The SHA-256 of a file without the digest in it."""
    with path.open("rb") as file:
        reader = HashingReader(file, advance)
        reader.read(_BEFORE)
        file.seek(_DIGITS, os.SEEK_CUR)
        advance(_DIGITS)
        for _ in reader.pieces():
            pass
    return reader.sha256.hexdigest()
