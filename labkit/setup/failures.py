"""Explanations of failed set-ups: the cause, found in the output of the failed step, and a remedy."""

from __future__ import annotations

import platform
import re
import textwrap
from typing import NamedTuple

from labkit.model.errors import MachineError
from labkit.setup.marker import identity


class Cause(NamedTuple):
    """A known cause: its evidence in the output (a pattern), the message and the hint for the user."""

    evidence: str
    message: str
    hint: str


# {line} is the last line with the evidence, {below} the next one, {lock} the requirements file, {made} the environment.
# Order matters, and the first match wins: the output of a full disk may also contain an unrelated retry.
_CAUSES = (
    Cause(
        r"No space left on device|not enough space on the disk|Disk quota exceeded|\[Errno (28|122)\]|WinError 112",
        "the checkout's disk is full: {made} does not fit",
        "Free 300 MB on it and run the same command again.",
    ),
    Cause(
        r"DO NOT MATCH THE HASHES|HashMismatch",
        "a downloaded package does not have the hash in {lock}: {below}",
        "The download may have been cut short: run the same command again. If that does not help, the package index or "
        "a proxy delivers another file: do not use it. PIP_INDEX_URL names another index.",
    ),
    Cause(
        r"Retry\(total=0|Max retries exceeded|HTTPS?Connection(Pool)?\(|HTTP error \d|ProxyError|SSLError"
        r"|[Rr]ead timed out|Connection (aborted|reset|broken)|IncompleteRead|incomplete-download"
        r"|TLS CA certificate|not a trusted or secure host",
        "the package index cannot be reached: {line}",
        "Check the network and run the same command again. PIP_INDEX_URL names another index, HTTPS_PROXY a proxy, and "
        "PIP_CERT a file with the certificates of your network.",
    ),
    Cause(
        r"No matching distribution found|is not a supported wheel on this platform",
        "the package index has no wheel for {python} on {machine} of a package in {lock}: {line}",
        "Try another Python, such as 3.12 or 3.13. If it fails too, the index is closed or incomplete: PIP_INDEX_URL "
        "names another.",
    ),
    Cause(
        r"No module named '?(ensurepip|venv)|ensurepip is not available",
        "this Python cannot make virtual environments: its venv or ensurepip is missing",
        "On Debian and Ubuntu: `apt install python3-venv`. Elsewhere: use a Python that has both.",
    ),
    Cause(
        r"Permission denied|Operation not permitted|Read-only file system|Errno (1|13|30)\]|WinError (5|32)\]",
        "the checkout cannot be written to, so {made} cannot be made in it: {line}",
        "Use a checkout that you own, on a disk that is not read-only, and end the programs that run from its .venv.",
    ),
)


def explain(output: str, requirements: str, fallback: str, made: str = ".venv", python: str = "") -> MachineError:
    """The error for a set-up of `made` that failed with `output`: of a step, or the text of an `OSError`.

    `fallback` is the hint for an unknown cause. `python` is the interpreter of the set-up, by default the running one.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it ended without output"]
    for cause in _CAUSES:
        if matches := [index for index, line in enumerate(lines) if re.search(cause.evidence, line)]:
            line, below = (_shortened(line) for line in [*lines, ""][matches[-1] : matches[-1] + 2])
            words = {"made": made, "lock": f"requirements/{requirements}.txt", "python": python or identity()}
            words |= {"line": line, "below": below, "machine": platform.machine()}
            return MachineError(cause.message.format(**words), cause.hint)
    line = [*lines[-1:], *(line for line in lines if line.startswith("ERROR: "))][-1]
    return MachineError(f"the set-up of {made} failed: {_shortened(line)}", fallback)


def _shortened(line: str) -> str:
    """A line without the parts that only pip's developers understand."""
    noise = r"^(WARNING|ERROR): |Retrying \(Retry\(.*?\)\) after |<pip\._vendor.*?>: |#sha256=\w+| \(from -r .*"
    return textwrap.shorten(re.sub(noise, "", line), 300)
