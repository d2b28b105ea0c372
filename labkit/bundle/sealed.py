"""The file of a bundle: a zip with the SHA-256 of all its other bytes in it, so that none can be another.

The digest is in the header of the first member, in a field that programs for zips pass over. At the end of the file,
as its comment, it would keep old Pythons from running it, which then could not say that they are too old.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from labkit.bundle import paths
from labkit.model.errors import UsageError

_DIGITS = 64
_FIELD = struct.pack("<HH", 0x424C, _DIGITS)  # an id of our own
_BEFORE = 30 + len(paths.MAIN) + len(_FIELD)  # a header's fixed part, the first member's name, our field
CHUNK = 1 << 20
AGAIN = "Copy or fetch it again; `python lab.py pack FILE` makes a new one."
OTHER_HINT = "Such a file was not made by `python lab.py pack`: do not use it."


class BadBundle(UsageError):
    """A file that is no bundle, not a whole one, or not one for this machine."""

    def __init__(self, path: Path, reason: str, hint: str = OTHER_HINT) -> None:
        super().__init__(f"{path} cannot be unpacked: {reason}", hint)


def seal(path: Path) -> str:
    """Write the digest of a finished zip into it, and return it. Its first member was written with `unsealed`."""
    digest = _digest(path, lambda _: None)
    with path.open("r+b") as file:
        file.seek(_BEFORE)
        file.write(digest.encode())
    return digest


def unsealed() -> bytes:
    """The extra field for the header of the first member of a zip that will be sealed."""
    return _FIELD + b"0" * _DIGITS


def verify_seal(path: Path, passed: Callable[[int], object]) -> None:
    """Read the whole file, and tell `passed` of every piece. Raises `BadBundle` unless it is as it was sealed."""
    with path.open("rb") as file:
        head, digest = file.read(_BEFORE), file.read(_DIGITS)
    if not (head.startswith(b"PK\x03\x04") and head.endswith(paths.MAIN.encode() + _FIELD)):
        raise BadBundle(path, "it is not a bundle", "Name a file that `python lab.py pack` has made.")
    if _digest(path, passed).encode() != digest:
        raise BadBundle(path, "it was cut off, changed or damaged on its way here (its SHA-256 is another)", AGAIN)


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """A sealed zip, all of whose members have names that may be unpacked and are plain files.

    Raises `BadBundle`, for what the with block finds wrong with its members too.
    """
    try:
        file = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError, struct.error) as error:
        raise BadBundle(path, f"it is not a whole zip: {error}", AGAIN) from error
    try:
        with file:
            _check_members(path, file)
            yield file
    except (zipfile.BadZipFile, EOFError, NotImplementedError, UnicodeDecodeError, zlib.error) as error:
        raise BadBundle(path, f"one of its members cannot be unpacked: {error}") from error


def _check_members(path: Path, file: zipfile.ZipFile) -> None:
    members = file.infolist()
    for member in members:
        if reason := paths.complaint(member.filename):
            raise BadBundle(path, reason)
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in {0, stat.S_IFREG} or member.is_dir():
            raise BadBundle(path, f"its member {member.filename} is no plain file")
        if member.flag_bits & 1 or member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise BadBundle(path, f"its member {member.filename} is encrypted or packed in another way")
    if name := paths.repeated(member.filename for member in members):
        raise BadBundle(path, f"it has the member {name} twice")


def _digest(path: Path, passed: Callable[[int], object]) -> str:
    """The SHA-256 of a file without the digest in it."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        digest.update(file.read(_BEFORE))
        file.seek(_DIGITS, os.SEEK_CUR)
        passed(_BEFORE + _DIGITS)
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            passed(len(chunk))
    return digest.hexdigest()
