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


def choices(allowed: Sequence[str]) -> Callable[[str], str]:
    """A parser of one of `allowed`."""

    def parse(text: str) -> str:
        if text not in allowed:
            raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(allowed)}{nearest(text, allowed)}")
        return text

    return parse


def name(text: str) -> str:
    """Parse a name."""
    if not text:
        raise argparse.ArgumentTypeError("a name is empty")
    return text


def several(parse: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    """A parser of distinct values, separated by commas."""
    return lambda text: tuple(dict.fromkeys(parse(part.strip()) for part in text.split(",")))
