"""Short commands, run to their end: none can hang the lab or raise an exception."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_S = 10.0
NO_ANSWER = "no answer within"


@dataclass(frozen=True, slots=True)
class Result:
    """A command's exit code and output; `code` is None if it did not start or did not end in time."""

    code: int | None
    output: str = ""
    error: str = ""

    @property
    def document(self) -> dict[str, Any]:
        """The output as a JSON object; empty if it is not one."""
        try:
            document = json.loads(self.output)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}


def run(
    *command: str, timeout_s: float | None = TIMEOUT_S, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Result:
    """Run `command`; kill it after `timeout_s`."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Result(None, error=f"{NO_ANSWER} {timeout_s:g} s")
    except OSError as error:
        return Result(None, error=error.strerror or str(error))
    return Result(done.returncode, done.stdout.strip(), done.stderr.strip())


def last_line(output: str) -> str:
    """The last line that is not empty: usually the reason why a command failed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
