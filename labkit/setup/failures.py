"""Why a set-up failed, from what its steps wrote, in words that say what to do."""

from __future__ import annotations

import platform
import re
import textwrap
from typing import NamedTuple

from labkit.model.errors import MachineError
from labkit.setup.marker import identity


class Cause(NamedTuple):
    """A known cause of a failed set-up: how it shows in the output, what to say and what to do about it."""

    evidence: str
    message: str
    hint: str


# {line} is the last line with the evidence and {below} the one below it, {lock} the requirements file, {made} what does
# not get made. The first cause
# found is said: a connection that was retried, say, may come before a full disk and have nothing to do with it.
_CAUSES = (
    Cause(
        r"No space left on device|not enough space on the disk|Disk quota exceeded|\[Errno (28|122)\]|WinError 112",
        "the disk that the checkout is on is full: {made} does not fit",
        "Make some 300 MB of room there and run the same command again.",
    ),
    Cause(
        r"DO NOT MATCH THE HASHES|HashMismatch",
        "a downloaded package is not the one that {lock} names by its hash: {below}",
        "A download that was cut short does this too: run the same command again. If that does not help, the package "
        "index or a proxy hands out another file: do not use it, and name an index that you trust with PIP_INDEX_URL.",
    ),
    Cause(
        r"Retry\(total=0|Max retries exceeded|HTTPS?Connection(Pool)?\(|HTTP error \d|ProxyError|SSLError"
        r"|[Rr]ead timed out|Connection (aborted|reset|broken)|IncompleteRead|incomplete-download"
        r"|TLS CA certificate|not a trusted or secure host",
        "the package index cannot be reached: {line}",
        "Check the network and run the same command again. PIP_INDEX_URL names another index, HTTPS_PROXY a proxy, and "
        "PIP_CERT a file with the certificates that the network asks you to trust.",
    ),
    Cause(
        r"No matching distribution found|is not a supported wheel on this platform",
        "no package index offers what {lock} names as a wheel for {python} on {machine}: {line}",
        "Try another Python, say 3.12 or 3.13. If it is the same with that one, the index is closed or incomplete: "
        "PIP_INDEX_URL names another.",
    ),
    Cause(
        r"No module named '?(ensurepip|venv)|ensurepip is not available",
        "this Python cannot make virtual environments: its venv or ensurepip is missing",
        "On Debian and Ubuntu: `apt install python3-venv`. Elsewhere: use a Python that has them.",
    ),
    Cause(
        r"Permission denied|Operation not permitted|Read-only file system|Errno (1|13|30)\]|WinError (5|32)\]",
        "the checkout cannot be written to, and {made} is made in it: {line}",
        "Use a checkout that is yours, on a disk that is not read-only, and end the programs that run from its .venv.",
    ),
)


def explain(output: str, requirements: str, otherwise: str, made: str = ".venv", python: str = "") -> MachineError:
    """Say what made the set-up fail, from what a step of it wrote or from the text of an `OSError`.

    `otherwise` is the hint for a failure that is none of the known ones. `made` is what was to be made, for `python` or
    else for the running one.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it ended without a word"]
    for cause in _CAUSES:
        if found := [index for index, line in enumerate(lines) if re.search(cause.evidence, line)]:
            line, below = (_clipped(line) for line in [*lines, ""][found[-1] : found[-1] + 2])
            words = {"made": made, "lock": f"requirements/{requirements}.txt", "python": python or identity()}
            words |= {"line": line, "below": below, "machine": platform.machine()}
            return MachineError(cause.message.format(**words), cause.hint)
    line = [*lines[-1:], *(line for line in lines if line.startswith("ERROR: "))][-1]
    return MachineError(f"the set-up of {made} failed: {_clipped(line)}", otherwise)


def _clipped(line: str) -> str:
    """Leave out what only a programmer of pip can read."""
    noise = r"^(WARNING|ERROR): |Retrying \(Retry\(.*?\)\) after |<pip\._vendor.*?>: |#sha256=\w+| \(from -r .*"
    return textwrap.shorten(re.sub(noise, "", line), 300)
