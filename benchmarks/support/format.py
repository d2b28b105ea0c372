"""Figures and bounds as text."""

from __future__ import annotations

from benchmarks.support.model import Bound, Figure

NOT_MEASURED = "–"
# The decimals of a figure, by unit. "" is a plain ratio; a count has no unit of its own.
DECIMALS = {"": 3, "count": 0, "s": 3, "ms": 1, "%": 1, "MB": 1, "per second": 0}


def format_value(value: float | None, unit: str) -> str:
    """``1.443 s``."""
    return NOT_MEASURED if value is None else _with_unit(_number(value, unit), unit)


def format_figure(figure: Figure, unit: str) -> str:
    """``1.443 s (1.401 to 1.612)``: the value, and the lowest and highest of several samples."""
    text = format_value(figure.value, unit)
    if len(figure.samples) < 2:
        return text
    return f"{text} ({_number(min(figure.samples), unit)} to {_number(max(figure.samples), unit)})"


def format_bound(bound: Bound | None, unit: str) -> str:
    """``≤ 1.05``, ``≥ 19``, ``2.5 % to 97.5 %``, ``0`` for none at all; empty without a bound."""
    if bound is None:
        return ""
    low, high = (None if end is None else _with_unit(f"{end:,g}", unit) for end in (bound.at_least, bound.at_most))
    if bound.at_most == 0:
        return f"{high}"
    return f"{low} to {high}" if low and high else f"≥ {low}" if low else f"≤ {high}"


def _number(value: float, unit: str) -> str:
    return f"{value:,.{DECIMALS[unit]}f}"


def _with_unit(text: str, unit: str) -> str:
    return text if unit in {"", "count"} else f"{text} {unit}"
