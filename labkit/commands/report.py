"""``lab.py report``: a report of a saved result, in any format."""

from __future__ import annotations

import io
import sys
import webbrowser
from argparse import Namespace
from pathlib import Path

from labkit import reports
from labkit.analysis.analyse import analyse
from labkit.model import Comparison
from labkit.model.errors import MachineError, UsageError
from labkit.model.load import LoadRun
from labkit.output.page import Page, page, show
from labkit.reports import files
from labkit.reports.content.comparison import ComparisonReport
from labkit.reports.content.load import LoadReport
from labkit.results.locate import locate
from labkit.results.read import read
from labkit.system import checkout

DEFAULT = "html"


def run(options: Namespace) -> int:
    """Make the report; write it to a file and print the path, or print it. Returns 0. Raises `LabError`."""
    path = locate(options.result, checkout.ROOT / "results")
    result = read(path)
    if isinstance(result, LoadRun):
        return _report_load(result, options)
    name = options.format or DEFAULT
    if options.open and name != DEFAULT:
        raise UsageError(f"--open is for {DEFAULT}, and --format is {name}", "Leave one of them out.")
    if name in files.names():
        return _write_file(result, name, path if path.is_dir() else path.parent, options)
    return _print(ComparisonReport(analyse(result)), name, options.output)


def _report_load(result: LoadRun, options: Namespace) -> int:
    name = options.format or reports.DEFAULT
    if options.open or name not in reports.names():
        raise UsageError(
            f"a load has no timeline: {'--open' if options.open else f'--format {name}'} is for a comparison",
            f"The formats of a load are {', '.join(reports.names())}.",
        )
    return _print(LoadReport(result), name, options.output)


def _write_file(result: Comparison, name: str, folder: Path, options: Namespace) -> int:
    file_format, content = files.load(name), io.BytesIO()
    file_format.write(analyse(result), content)
    path: Path | None = options.output or (folder / file_format.FILE if file_format.FILE else None)
    if path is None:
        sys.stdout.buffer.write(content.getvalue())
        return 0
    _save(content.getvalue(), path)
    print(path)
    if options.open and not webbrowser.open(path.resolve().as_uri()):
        raise MachineError("no browser was found here", f"Open {path} in one yourself.")
    return 0


def _print(report: reports.Report, name: str, output: Path | None) -> int:
    if output is None:
        show(reports.render(report, name, page(sys.stdout)))
    else:
        _save(f"{reports.render(report, name, Page())}\n".encode(), output)
        print(output)
    return 0


def _save(content: bytes, path: Path) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise MachineError(
            f"the report cannot be written to {path}: {error.strerror}",
            "Free space or change the permissions there, or name another path with --output.",
        ) from error
