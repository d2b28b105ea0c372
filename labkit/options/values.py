"""Values of options, checked as they are parsed: every complaint names the value and what is allowed."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from labkit.model.errors import nearest

T = TypeVar("T")

RUNTIMES = ("auto", "docker", "local")


def integer(least: int, most: int) -> Callable[[str], int]:
    """Parses a whole number from `least` to `most`."""

    def parse(text: str) -> int:
        # int() would take "1_0" and other scripts' digits as well; nobody means those.
        if not (text.isascii() and text.isdecimal() and len(text) <= 12 and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return parse


def seconds(least: float, most: float) -> Callable[[str], float]:
    """Parses a number of seconds from `least` to `most`."""
    return number(least, most, "seconds")


def number(least: float, most: float, what: str) -> Callable[[str], float]:
    """Parses a number from `least` to `most`; `what` names its unit."""

    def parse(text: str) -> float:
        try:
            value = float(text) if text.isascii() and "_" not in text else math.nan
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of {what} from {least:g} to {most:g}")
        return value

    return parse


def integers(least: int, most: int) -> Callable[[str], tuple[int, ...]]:
    """Parses whole numbers with commas between them; each counts once."""
    return _several(integer(least, most))


def seconds_list(least: float, most: float) -> Callable[[str], tuple[float, ...]]:
    """Parses numbers of seconds with commas between them; each counts once."""
    return _several(seconds(least, most))


def texts(text: str) -> tuple[str, ...]:
    """Parses names with commas between them; each counts once."""
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if "" in found:
        raise argparse.ArgumentTypeError(f"{text!r} has an empty name in it")
    return found


def choices(allowed: Sequence[str], *, several: bool = False) -> Callable[[str], object]:
    """Parses one of `allowed`, or `several` with commas between them."""

    def parse(text: str) -> str:
        if text not in allowed:
            raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(allowed)}{nearest(text, allowed)}")
        return text

    return _several(parse) if several else parse


def _several(parse: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    return lambda text: tuple(dict.fromkeys(parse(part.strip()) for part in text.split(",")))
