"""Save every request of a load on disk while it runs: one row per request, none kept in memory."""

from __future__ import annotations

import csv
from pathlib import Path

from labkit.load.join import LoadRow
from labkit.model.errors import LabError


class RowsFile:
    """A CSV file with one `LoadRow` per line; unknown values are empty."""

    def __init__(self, path: Path) -> None:
        """Raises `LabError` if the disk refuses it."""
        self._path = path
        self.failure: LabError | None = None
        try:
            self._file = path.open("x", encoding="utf-8", newline="")
            self._rows = csv.writer(self._file, lineterminator="\n")
            self._rows.writerow(LoadRow._fields)
        except OSError as error:
            raise self._not_saved(error) from error

    def add(self, row: LoadRow) -> None:
        """Save one row. Once the disk has refused one, `failure` is set and all others are dropped."""
        if self.failure is None:
            try:
                self._rows.writerow(row)
            except OSError as error:
                self.failure = self._not_saved(error)

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            self.failure = self.failure or self._not_saved(error)

    def _not_saved(self, error: OSError) -> LabError:
        return LabError(
            f"the requests cannot be saved in {self._path}: {error.strerror}",
            "Free space on that disk; the figures do not depend on that file.",
        )
