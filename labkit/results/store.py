"""Results on disk: ``results/<id>/`` holds each trial as soon as it ends, and the whole document at the end."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.json import format as indented

from labkit.model.errors import LabError, MachineError

DOCUMENT, TRIALS, PAGE = "result.json", "trials.jsonl", "report.html"


class Results:
    """The folder of one comparison or load.

    ``trials.jsonl`` grows by one line per trial, flushed to the disk: a later failure loses no measured trial.
    ``result.json`` and ``report.html`` are written beside it and renamed: each is complete or absent.
    """

    def __init__(self, folder: Path) -> None:
        """Raises `MachineError` when the folder cannot be written."""
        self.folder = folder
        try:
            folder.mkdir(parents=True)
            self._trials = (folder / TRIALS).open("xb", buffering=0)
        except OSError as error:
            raise MachineError(
                f"results cannot be saved in {folder}: {error.strerror}", "Free some space or correct its permissions."
            ) from error

    @property
    def document_path(self) -> Path:
        return self.folder / DOCUMENT

    @property
    def page_path(self) -> Path:
        return self.folder / PAGE

    def add(self, trial: Mapping[str, Any]) -> None:
        """Save one trial in its document form. Raises `LabError` when the disk rejects it."""
        line = _encode(trial) + b"\n"
        end = self._trials.tell()
        try:
            if self._trials.write(line) != len(line):  # the disk took a part
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._trials.fileno())
        except OSError as error:
            self._trials.truncate(end)  # so that no later trial follows half a line
            self._trials.seek(end)
            raise self._not_saved(error) from error

    def close(self) -> None:
        """Close ``trials.jsonl``: no more trials follow."""
        self._trials.close()

    def finish(self, document: Mapping[str, Any]) -> None:
        """Write the document. Raises `LabError` when the disk rejects it."""
        self._write(self.document_path, indented(_encode(document), indent=1))

    def add_page(self, text: str) -> None:
        """Write the report for a browser. Raises `LabError` when the disk rejects it."""
        self._write(self.page_path, text.encode(errors="replace"))

    def _write(self, path: Path, content: bytes) -> None:
        new = path.with_suffix(".new")
        try:
            with new.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise self._not_saved(error) from error

    def _not_saved(self, error: OSError) -> LabError:
        return LabError(
            f"results cannot be saved in {self.folder}: {error.strerror}",
            "Free some space on that disk; the trials saved before are complete.",
        )


def _encode(tree: Mapping[str, Any]) -> bytes:
    """Encode as UTF-8 JSON. Raises ValueError for a number that JSON lacks, which msgspec would turn into null.

    Half a surrogate pair, as in a file name that is not UTF-8, has no place in UTF-8: it becomes a question mark.
    """
    return json.dumps(tree, allow_nan=False, ensure_ascii=False).encode(errors="replace")


def discard_if_empty(folder: Path) -> None:
    """Remove a results folder without any trial."""
    trials = folder / TRIALS
    if not trials.exists() or trials.stat().st_size == 0:
        shutil.rmtree(folder, ignore_errors=True)


def whole_lines(path: Path) -> bytes:
    """Read trials.jsonl up to its last line break: a line after that was cut off."""
    data = path.read_bytes()
    return data[: data.rfind(b"\n") + 1]
