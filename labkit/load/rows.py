"""Every request of a load on disk, a row each, written as the load runs: nothing of it stays in memory."""

from __future__ import annotations

import csv
from pathlib import Path

from labkit.load.tally import LoadRow
from labkit.model.errors import LabError

COLUMNS = LoadRow._fields


class RowsFile:
    """A CSV file with one `LoadRow` a line; times are seconds from the load's zero, what is not known is empty."""

    def __init__(self, path: Path) -> None:
        """Raises `LabError` when the disk does not take it."""
        self._path = path
        self.failure: LabError | None = None
        try:
            self._file = path.open("x", encoding="utf-8", newline="")
            self._rows = csv.writer(self._file, lineterminator="\n")
            self._rows.writerow(COLUMNS)
        except OSError as error:
            raise self._not_kept(error) from error

    def add(self, row: LoadRow) -> None:
        """Keep one row. Once the disk has taken one no more, `failure` says so and the others are let go."""
        if self.failure is None:
            try:
                self._rows.writerow(row)
            except OSError as error:
                self.failure = self._not_kept(error)

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            self.failure = self.failure or self._not_kept(error)

    def _not_kept(self, error: OSError) -> LabError:
        return LabError(
            f"the requests cannot be kept in {self._path}: {error.strerror}",
            "Make room on that disk; the figures do not depend on that file.",
        )
