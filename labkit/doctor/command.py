"""Commands of the machine that a probe asks: none of them may hang or crash it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

PATIENCE_S = 10.0
NO_ANSWER = "no answer within"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said. `code` is None when it is not there, cannot be started, or did not end in time."""

    code: int | None
    out: str = ""
    trouble: str = ""

    @property
    def document(self) -> dict[str, Any]:
        """Its output as a JSON object; empty where it is none."""
        try:
            found = json.loads(self.out)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def ask(*command: str, patience_s: float = PATIENCE_S) -> Answer:
    """Run a command to its end, or end it when it takes too long."""
    try:
        run = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=patience_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer(None, trouble=f"{NO_ANSWER} {patience_s:g} s")
    except OSError as error:
        return Answer(None, trouble=error.strerror or str(error))
    return Answer(run.returncode, run.stdout.strip(), run.stderr.strip())
