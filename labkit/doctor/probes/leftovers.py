"""Leftovers of killed runs of this checkout. The doctor removes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from labkit.doctor.machine import Machine
from labkit.model.finding import Finding, ok, warning
from labkit.output.format import join_words, plural
from labkit.runtime import building, orphans, tags
from labkit.system import command, runs

PLACE = 110


@dataclass(frozen=True, slots=True)
class Leftovers:
    """The number of leftovers of each kind. `projects` and `images` are None without an engine."""

    runs: int
    harnesses: int
    projects: int | None
    images: int | None


def probe(machine: Machine) -> Iterator[Finding]:
    engine = machine.engine.answers
    yield judge_leftovers(
        Leftovers(
            runs=len(runs.dead_runs()),
            harnesses=len(orphans.dead_harnesses()) if machine.runs_local else 0,
            projects=len(runs.dead_projects(_projects())) if engine else None,
            images=len(building.outdated_tags() & _tags()) if engine else None,
        )
    )


def judge_leftovers(leftovers: Leftovers) -> Finding:
    projects, harnesses = leftovers.projects, leftovers.harnesses
    parts = [
        *([plural(projects, "killed comparison") + " with containers or networks"] if projects else []),
        *([f"{harnesses} killed harness{'' if harnesses == 1 else 'es'}"] if harnesses else []),
        *([plural(leftovers.images, "image") + " of earlier states of the checkout"] if leftovers.images else []),
        *([plural(leftovers.runs, "killed run")] if leftovers.runs else []),
    ]
    unknown = "" if projects is not None else "; the engine could not be queried"
    if parts:
        return warning("leftovers", f"{join_words(parts)}{unknown}", "python lab.py clean", **asdict(leftovers))
    return ok("leftovers", f"none{unknown}", **asdict(leftovers))


def _projects() -> set[str]:
    """The Compose projects on the engine that have containers or networks."""
    label = "com.docker.compose.project"
    query = ("--filter", f"label={label}", "--format", f'{{{{.Label "{label}"}}}}')
    lists = [command.run("docker", *kind, *query).output for kind in (("ps", "--all"), ("network", "ls"))]
    return {line for each in lists for line in each.splitlines() if line}


def _tags() -> set[str]:
    """The tags of all images of labs on the engine."""
    return set(command.run("docker", "image", "ls", "--format", "{{.Tag}}", tags.IMAGE).output.split())
