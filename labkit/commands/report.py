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

PAGE = "html"


def run(options: Namespace) -> int:
    """Make the report and say where it is, or print it; 0."""
    path = locate(options.result, checkout.ROOT / "results")
    result = read(path)
    if isinstance(result, LoadRun):
        return _of_load(result, options)
    name = options.format or PAGE
    if options.open and name != PAGE:
        raise UsageError(f"--open is for {PAGE}, and --format is {name}", "Leave one of them out.")
    if name in files.names():
        return _export(result, name, path if path.is_dir() else path.parent, options)
    return _print(ComparisonReport(analyse(result)), name, options.output)


def _of_load(result: LoadRun, options: Namespace) -> int:
    name = options.format or reports.DEFAULT
    if options.open or name not in reports.names():
        raise UsageError(
            f"a load has no timeline: {'--open' if options.open else f'--format {name}'} is for a comparison",
            f"Of a load there is --format {', '.join(reports.names())}.",
        )
    return _print(LoadReport(result), name, options.output)


def _export(result: Comparison, name: str, folder: Path, options: Namespace) -> int:
    export, made = files.load(name), io.BytesIO()
    export.write(analyse(result), made)
    place: Path | None = options.output or (folder / export.FILE if export.FILE else None)
    if place is None:
        sys.stdout.buffer.write(made.getvalue())
        return 0
    _keep(made.getvalue(), place)
    print(place)
    if options.open and not webbrowser.open(place.resolve().as_uri()):
        raise MachineError("no browser was found here", f"Open {place} in one yourself.")
    return 0


def _print(report: reports.Report, name: str, output: Path | None) -> int:
    if output is not None:
        _keep(f"{reports.render(report, name, Page())}\n".encode(), output)
        print(output)
    else:
        show(reports.render(report, name, page(sys.stdout)))
    return 0


def _keep(content: bytes, place: Path) -> None:
    try:
        place.write_bytes(content)
    except OSError as error:
        raise MachineError(
            f"the report cannot be kept in {place}: {error.strerror}",
            "Make room there or mend its permissions, or name another place with --output.",
        ) from error
