"""The differences between two environments, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from labkit.model import Environment

Value = str | int | None

# The reason for the choice of the runtime is left out: it does not affect measurements.
FIELDS = {
    "runtime": "runtime",
    "python": "Python",
    "docker": "Docker",
    "compose": "Compose",
    "cpus": "processors",
    "memory_bytes": "memory",
    "kernel": "system",
    "git_commit": "git commit",
}
DIRTY = "-dirty"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; `field` is its path in the document, None an absent value."""

    field: str
    name: str
    before: Value
    after: Value


def compare_environments(before: Environment, after: Environment) -> tuple[Change, ...]:
    """Return every field that differs, then images and packages; services with the same two images share a change."""
    fields = (Change(field, name, getattr(before, field), getattr(after, field)) for field, name in FIELDS.items())
    packages = _entries("packages", "package ", before.packages, after.packages)
    return (*filter(_differs, fields), *_images(before.images, after.images), *packages)


def format_value(value: Value, field: str = "") -> str:
    """Format a value for people: an image as its first 12 digits, memory in GB."""
    if value is None:
        return "none"
    if field == "memory_bytes" and isinstance(value, int):
        return f"{value / 1e9:.1f} GB"
    if field.startswith("images."):
        return str(value).removeprefix("sha256:")[:12]
    return str(value)


def _differs(change: Change) -> bool:
    return change.before != change.after


def _images(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    """Services that both environments have; an unavailable one is reported elsewhere."""
    services: dict[tuple[str, str], list[str]] = {}
    for service in (service for service in before if service in after):
        services.setdefault((before[service], after[service]), []).append(service)
    for (old, new), names in services.items():
        if old != new:
            yield Change(f"images.{names[0]}", f"image of {', '.join(names)}", old, new)


def _entries(field: str, prefix: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        change = Change(f"{field}.{name}", f"{prefix}{name}", before.get(name), after.get(name))
        if _differs(change):
            yield change
