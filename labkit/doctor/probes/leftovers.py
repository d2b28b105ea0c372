"""What runs of this checkout that were killed have left; nothing is removed here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

from labkit.doctor.command import ask
from labkit.doctor.machine import Machine
from labkit.model.finding import Finding, ok, warning
from labkit.output.format import join_words, plural
from labkit.runtime import orphans, tags
from labkit.runtime.building import BUILT
from labkit.system import checkout, runs

PLACE = 110


@dataclass(frozen=True, slots=True)
class Leftovers:
    """How many of each there are. `projects` and `images` are None without an engine to ask."""

    runs: int
    harnesses: int
    projects: int | None
    images: int | None


def probe(machine: Machine) -> Iterator[Finding]:
    yield judge(read(machine))


def read(machine: Machine) -> Leftovers:
    folder = machine.root / ".lab" / "runs"
    dead = [path for path in folder.glob("*") if not runs.is_running(path.name, machine.root)]
    harnesses = orphans.dead_harnesses() if machine.runs_local else []
    if not machine.engine.answers:
        return Leftovers(len(dead), len(harnesses), None, None)
    return Leftovers(len(dead), len(harnesses), len(runs.dead_projects(_projects())), len(_old_images(machine.root)))


def judge(left: Leftovers) -> Finding:
    figures = dict(zip(Leftovers.__slots__, astuple(left), strict=True))
    parts = [
        *([plural(left.projects, "killed comparison") + " with containers or networks"] if left.projects else []),
        *([f"{left.harnesses} killed harness{'' if left.harnesses == 1 else 'es'}"] if left.harnesses else []),
        *([plural(left.images, "image") + " of earlier states of the checkout"] if left.images else []),
        *([plural(left.runs, "run") + " that did not end as it should"] if left.runs else []),
    ]
    unseen = "" if left.projects is not None else "; the engine could not be asked"
    if parts:
        return warning("leftovers", f"{join_words(parts)}{unseen}", "python lab.py clean", **figures)
    return ok("leftovers", f"none{unseen}", **figures)


def _projects() -> set[str]:
    label = '{{.Label "com.docker.compose.project"}}'
    told = [
        ask("docker", "ps", "--all", "--filter", "label=com.docker.compose.project", "--format", label).out,
        ask("docker", "network", "ls", "--filter", "label=com.docker.compose.project", "--format", label).out,
    ]
    return {line for each in told for line in each.splitlines() if line}


def _old_images(root: Path) -> set[str]:
    """Tags of images that this checkout built and that are still there, but for its present state's."""
    built = root / BUILT.relative_to(checkout.ROOT)
    known = set(built.read_text("utf-8").split()) if built.exists() else set()
    there = set(ask("docker", "image", "ls", "--format", "{{.Tag}}", tags.IMAGE).out.split())
    return {tag for tag in known & there if not tags.is_current(tag, root)}
