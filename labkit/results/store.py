"""Results on disk: ``results/<id>/`` holds every trial as soon as it is over, and the whole document at the end."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from labkit.model.errors import LabError, MachineError


class Results:
    """The folder of one comparison.

    ``trials.jsonl`` grows by a line a trial, flushed to the disk, so that whatever happens later what was measured is
    kept. ``result.json`` and ``report.html`` are written beside it and renamed: each is whole or not there.
    """

    def __init__(self, folder: Path) -> None:
        """Raises `MachineError` when nothing can be written there."""
        self.folder = folder
        try:
            folder.mkdir(parents=True)
            self._trials = (folder / "trials.jsonl").open("xb", buffering=0)
        except OSError as error:
            raise MachineError(
                f"results cannot be kept in {folder}: {error.strerror}", "Make room there or mend its permissions."
            ) from error

    @property
    def document_path(self) -> Path:
        return self.folder / "result.json"

    def add(self, trial: Mapping[str, Any]) -> None:
        """Keep one trial, as the document has it. Raises `LabError` when the disk does not take it."""
        line = json.dumps(trial, allow_nan=False).encode() + b"\n"
        whole = self._trials.tell()
        try:
            if self._trials.write(line) != len(line):  # the disk took a part
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._trials.fileno())
        except OSError as error:
            self._trials.truncate(whole)  # so that a later trial does not follow half a line
            self._trials.seek(whole)
            raise self._not_kept(error) from error

    @property
    def page_path(self) -> Path:
        return self.folder / "report.html"

    def finish(self, document: Mapping[str, Any]) -> None:
        """Write the document. Raises `LabError` when the disk does not take it."""
        self._write(self.document_path, lambda file: json.dump(document, file, indent=1, allow_nan=False))

    def add_page(self, text: str) -> None:
        """Write the report for a browser. Raises `LabError` when the disk does not take it."""
        self._write(self.page_path, lambda file: file.write(text))

    def _write(self, path: Path, write: Callable[[TextIO], object]) -> None:
        new = path.with_suffix(".new")
        try:
            with new.open("w", encoding="utf-8") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise self._not_kept(error) from error

    def _not_kept(self, error: OSError) -> LabError:
        return LabError(
            f"results cannot be kept in {self.folder}: {error.strerror}",
            "Make room on that disk; the trials saved before are whole.",
        )


def discard_if_empty(folder: Path) -> None:
    """Remove the folder of a comparison of which nothing came."""
    trials = folder / "trials.jsonl"
    if not trials.exists() or trials.stat().st_size == 0:
        shutil.rmtree(folder, ignore_errors=True)


def saved_trials(folder: Path) -> list[dict[str, Any]]:
    """The trials in a results folder, of a comparison that was cut off too; a line cut off half-way is left out."""
    lines = (folder / "trials.jsonl").read_bytes().split(b"\n")[:-1]
    return [json.loads(line) for line in lines]
