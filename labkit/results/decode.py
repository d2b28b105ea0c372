"""Plain data, as JSON has it, into frozen dataclasses: every value is checked against its field's type."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


class DamagedError(Exception):
    """Data that is not what it should be; `path` says where, as in ``trials[2].requests[0].start_s``."""

    def __init__(self, what: str, path: str = "") -> None:
        super().__init__(what, path)
        self.what = what
        self.path = path

    def within(self, outer: str) -> DamagedError:
        """The same, seen from one level further out."""
        between = "." if self.path and not self.path.startswith("[") else ""
        return DamagedError(self.what, f"{outer}{between}{self.path}")

    def __str__(self) -> str:
        return f"{self.path} {self.what}".strip()


def decode(kind: type[T], data: Any) -> T:
    """`data` as a `kind`: what is missing takes the field's default, what is unknown is left out. Raises `Damaged`."""
    return cast(T, _reader(cast(Hashable, kind))(data))


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """Reads one value of the type `kind`."""
    origin, parts = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _dataclass(cast("type[Any]", kind))
    if origin in {Union, UnionType}:
        return _union(parts)
    if origin is Literal:
        return _test(lambda value: isinstance(value, str) and value in parts, f"one of {', '.join(parts)}")
    if origin is tuple:
        return _sequence(_reader(parts[0])) if parts[-1] is Ellipsis else _fixed(tuple(map(_reader, parts)))
    if origin is dict:
        return _mapping(_reader(parts[1]))
    return _test(*_SIMPLE[kind])


_SIMPLE: dict[Any, tuple[Callable[[Any], bool], str]] = {
    float: (lambda value: type(value) in {int, float} and math.isfinite(value), "a number"),
    int: (lambda value: type(value) is int, "a whole number"),
    bool: (lambda value: type(value) is bool, "true or false"),
    str: (lambda value: type(value) is str, "text"),
    NoneType: (lambda value: value is None, "null"),
}


def _test(holds: Callable[[Any], bool], wanted: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not holds(value):
            raise DamagedError(f"is not {wanted}")
        return value

    return read


def _union(kinds: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Of several types; what fits none of them is complained about as the first, which is the one that matters."""
    readers = tuple(map(_reader, kinds))
    nullable = NoneType in kinds

    def read(value: Any) -> Any:
        if value is None and nullable:
            return None
        failure = None
        for reader in readers:
            try:
                return reader(value)
            except DamagedError as damaged:
                failure = failure or damaged
        assert failure is not None  # a union has members
        raise failure

    return read


def _sequence(item: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> tuple[Any, ...]:
        return tuple(_at(f"[{number}]", item, each) for number, each in enumerate(_list(value)))

    return read


def _fixed(items: tuple[Callable[[Any], Any], ...]) -> Callable[[Any], Any]:
    def read(value: Any) -> tuple[Any, ...]:
        if len(_list(value)) != len(items):
            raise DamagedError(f"has not {len(items)} values")
        return tuple(
            _at(f"[{number}]", item, each) for number, (item, each) in enumerate(zip(items, value, strict=True))
        )

    return read


def _mapping(item: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> dict[str, Any]:
        return {key: _at(key, item, each) for key, each in _object(value).items()}

    return read


def _dataclass(kind: type[Any]) -> Callable[[Any], Any]:
    hints = get_type_hints(kind)
    parts = [(each.name, _reader(hints[each.name]), each.default is MISSING) for each in fields(kind)]

    def read(value: Any) -> Any:
        values, found = {}, _object(value)
        for name, reader, needed in parts:
            if name in found:
                values[name] = _at(name, reader, found[name])
            elif needed:
                raise DamagedError("is missing", name)
        return kind(**values)

    return read


def _at(where: str, reader: Callable[[Any], Any], value: Any) -> Any:
    try:
        return reader(value)
    except DamagedError as damaged:
        raise damaged.within(where) from None


def _list(value: Any) -> list[Any]:
    """`value`, which may be a tuple as well: a document need not have been on disk."""
    if not isinstance(value, list | tuple):
        raise DamagedError("is not a list")
    return cast("list[Any]", value)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DamagedError("is not an object")
    return value
