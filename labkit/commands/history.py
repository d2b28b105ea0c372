"""``lab.py history``: the saved results, the newest first."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from labkit.output.format import NOT_MEASURED, SEPARATOR, format_count, join_words, plural, sanitize
from labkit.output.page import Page, page, show
from labkit.reports.content.drawing import drawn, paper_of
from labkit.reports.content.history_text import describe_grid, describe_state, describe_verdict, entry_document
from labkit.results.history import Entry, list_results
from labkit.scenarios import DEFAULT
from labkit.system import checkout, runs

SCHEMA = "concurrency-lab/history/1"
NAMED = 3
# From so many columns on there is room for the time, which a result's name tells as well.
WIDE = 120
GAP = 2
LEAST = 8


def run(options: Namespace) -> int:
    """List them; 0, whatever state they are in."""
    results = checkout.ROOT / "results"
    found = list_results(results, runs.is_running)
    if options.format == "json":
        show(json.dumps({"schema": SCHEMA, "results": [entry_document(entry) for entry in found]}, indent=1))
    elif found:
        show(_table(found, page(sys.stdout)))
    else:
        show(f"There is no result in {results}: `python lab.py compare` makes one.")
    return 0


def _table(found: Sequence[Entry], page: Page) -> str:
    """A line each: what does not fit on it ends in an ellipsis."""
    paper = paper_of(page)
    rows = [_cells(entry) for entry in found]
    widths = _widths(rows, paper.width)
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    for header, width in widths.items():
        justify: Literal["left", "right"] = "right" if header == "trials" else "left"
        table.add_column(header, no_wrap=True, overflow="ellipsis", width=width, justify=justify)
    for entry, row in zip(found, rows, strict=True):
        style = "" if entry.state == "complete" else "yellow"
        table.add_row(*(Text(row[header], style) for header in widths))
    below = Text(
        f"{plural(len(found), 'result')}; `python lab.py report ID` shows one, `python lab.py diff ID ID` two."
    )
    return f"{drawn(table, paper)}\n\n{drawn(below, paper)}"


def _cells(entry: Entry) -> dict[str, str]:
    cells = {
        "result": entry.id,
        "when": entry.started_at[:16].replace("T", " "),
        "mode": entry.mode or entry.state,
        "runtime": entry.runtime or NOT_MEASURED,
        "trials": format_count(entry.trials),
        "outcome": _outcome(entry),
        "what": _what(entry),
    }
    return {header: sanitize(cell) for header, cell in cells.items()}


def _widths(rows: Sequence[dict[str, str]], width: int) -> dict[str, int]:
    """How wide each column is; the outcome and what was measured share what the others leave."""
    widths = {header: max(map(cell_len, [header, *(row[header] for row in rows)])) for header in rows[0]}
    if width < WIDE:
        del widths["when"]
    left = width - sum(widths.values()) + widths["outcome"] + widths["what"] - GAP * (len(widths) - 1)
    outcome = min(widths["outcome"], max(LEAST, left // 2, left - widths["what"]))
    return widths | {"outcome": outcome, "what": min(widths["what"], max(LEAST, left - outcome))}


def _outcome(entry: Entry) -> str:
    """``18/21 ran; threads fastest``: what is missing, and the fastest approach."""
    state = f"{entry.state}: " if entry.state in {"damaged", "foreign"} else ""
    return state + "; ".join(filter(None, (describe_state(entry), describe_verdict(entry.rows))))


def _what(entry: Entry) -> str:
    """``sync, threads, thread_pool and 3 others · flaky · 9 requests · 3 sync workers · 1 s``."""
    names = list(entry.approaches[:NAMED])
    if rest := len(entry.approaches) - len(names):
        names.append(plural(rest, "other"))
    scenarios = "" if entry.scenarios in {(), (DEFAULT,)} else ",".join(entry.scenarios)
    again = f"again {entry.rerun_of}" if entry.rerun_of else ""
    grid = describe_grid(entry.rows)
    return SEPARATOR.join(filter(None, (join_words(names) if names else "", scenarios, grid, again)))
