"""Values of options, checked by the parser: every error message names the value and the allowed ones."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from labkit.model.errors import nearest

T = TypeVar("T")

RUNTIMES = ("auto", "docker", "local")


def integer(least: int, most: int) -> Callable[[str], int]:
    """A parser of whole numbers from `least` to `most`."""

    def parse(text: str) -> int:
        # int() also accepts "1_0" and the digits of other scripts.
        if not (text.isascii() and text.isdecimal() and len(text) <= 12 and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return parse


def seconds(least: float, most: float) -> Callable[[str], float]:
    """A parser of seconds from `least` to `most`."""
    return number(least, most, "seconds")


def number(least: float, most: float, unit: str) -> Callable[[str], float]:
    """A parser of numbers of `unit` from `least` to `most`."""

    def parse(text: str) -> float:
        try:
            value = float(text) if text.isascii() and "_" not in text else math.nan
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of {unit} from {least:g} to {most:g}")
        return value

    return parse


def integers(least: int, most: int) -> Callable[[str], tuple[int, ...]]:
    """A parser of distinct whole numbers, separated by commas."""
    return _several(integer(least, most))


def seconds_list(least: float, most: float) -> Callable[[str], tuple[float, ...]]:
    """A parser of distinct seconds, separated by commas."""
    return _several(seconds(least, most))


def texts(text: str) -> tuple[str, ...]:
    """Parse distinct names, separated by commas."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if "" in names:
        raise argparse.ArgumentTypeError(f"{text!r} contains an empty name")
    return names


def choices(allowed: Sequence[str], *, several: bool = False) -> Callable[[str], object]:
    """A parser of one of `allowed`, or of `several`, separated by commas."""

    def parse(text: str) -> str:
        if text not in allowed:
            raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(allowed)}{nearest(text, allowed)}")
        return text

    return _several(parse) if several else parse


def _several(parse: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    return lambda text: tuple(dict.fromkeys(parse(part.strip()) for part in text.split(",")))
