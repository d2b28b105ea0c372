"""The docker command, for the work that the Docker SDK does not do or is not installed for. Standard library only."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from labkit.model.errors import MachineError
from labkit.system import command
from labkit.system.checkout import ROOT
from labkit.system.command import last_line
from labkit.system.interrupts import defer_interrupts

TIMEOUT_S = 60.0  # for an engine that accepts a request and does not answer
END_TIMEOUT_S = 10.0
CHUNK = 1 << 20
START_HINT = "Start Docker Desktop or the docker service."
INSTALL_HINT = "Install Docker with its Compose plugin: Docker Desktop, or on Linux the package docker-compose-plugin."


def docker(*arguments: str, timeout_s: float | None = TIMEOUT_S, hint: str = START_HINT) -> str:
    """Run ``docker ARGUMENTS`` and return its output. Raises `MachineError` with `hint` if it fails."""
    result = command.run("docker", *arguments, timeout_s=timeout_s)
    if result.code is None and not result.error.startswith(command.NO_ANSWER):
        raise MachineError(f"the docker command does not run: {result.error}", INSTALL_HINT)
    if result.code != 0:
        raise MachineError(f"docker {arguments[0]}: {last_line(result.error)}", hint)
    return result.output


def load(path: Path, advance: Callable[[int], object]) -> None:
    """Load the images in the tar at `path` into the engine, and report the progress in bytes. Raises `MachineError`.

    The engine keeps nothing of an incomplete tar.
    """
    with tempfile.TemporaryFile() as output:
        # In a session of its own, which a Ctrl-C at the terminal does not reach.
        process = subprocess.Popen(
            ["docker", "load", "--quiet"], stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True
        )
        assert process.stdin is not None
        try:
            with path.open("rb") as tar, process.stdin as pipe:
                while chunk := tar.read(CHUNK):
                    pipe.write(chunk)
                    advance(len(chunk))
        except BrokenPipeError:
            pass  # its output explains why
        except BaseException:
            process.kill()
            raise
        finally:
            process.wait()
        if process.returncode != 0:
            output.seek(0)
            reason = last_line(output.read().decode("utf-8", "replace"))
            raise MachineError(f"the Docker engine rejects the image: {reason}")


def compose(
    project: str, arguments: Sequence[str], settings: Mapping[str, str], more: Mapping[str, object] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Compose for a `project`, with `settings` for the variables in compose.yaml, and `more` services."""
    files = ["-f", "compose.yaml", *(["-f", "-"] if more else [])]
    process: subprocess.Popen[str] | None = None
    try:
        with defer_interrupts():  # one that breaks into Popen would leave a process that nothing ends
            # In a session of its own, which a Ctrl-C at the terminal does not reach: the lab decides how Compose ends.
            process = subprocess.Popen(
                ["docker", "compose", "--progress", "plain", *files, "-p", project, *arguments],
                cwd=ROOT,
                env={**os.environ, **settings},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        out, err = process.communicate(json.dumps(more) if more else "")
    except BaseException:
        if process is not None:
            _end(process, finish=arguments[0] == "create")
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _end(process: subprocess.Popen[str], *, finish: bool) -> None:
    """End Compose, or let it `finish`: after a `create` that is cut off, the engine still makes unlisted containers."""
    try:
        if not finish:
            process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=END_TIMEOUT_S)
    finally:
        process.kill()
        process.wait()
