"""Install a locked requirements file into an environment, and record the installed packages.

A script of its own, with the standard library only: the Dockerfile runs it without the rest of the lab, and the local
runtime with another interpreter. Without --leave-out, a single missing wheel makes it fail.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

OLDEST = (3, 11)
_MISSING = re.compile(r"No matching distribution found for ([A-Za-z0-9._-]+)==([^\s;]+)")
# With -vv, pip reports a wheel of the requested version that is for another interpreter or system.
_UNFIT = re.compile(r"(?:none of the wheel's tags|Requires-Python) .*/([A-Za-z0-9._]+)-([^-/]+)-[^/]*\.whl")


class Missing(NamedTuple):
    """A package with wheels in the index, but none for this interpreter."""

    name: str
    version: str


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Install a locked requirements file and record what was installed.")
    parser.add_argument(
        "--leave-out", action="store_true", help="leave out packages without a wheel for this interpreter"
    )
    parser.add_argument("--no-compile", action="store_true", help="as in pip")
    parser.add_argument("requirements", type=Path)
    parser.add_argument(
        "record", type=Path, help="JSON file to write: the packages that were installed, and those left out"
    )
    parser.add_argument("pip", nargs=argparse.REMAINDER, help="the command that runs the environment's pip")
    options = parser.parse_args(argv)
    if sys.version_info < OLDEST:
        print(f"ERROR: this is Python {platform.python_version()}; the lab needs 3.11 or later", file=sys.stderr)
        return 1
    text = options.requirements.read_text("utf-8")
    left_out: list[Missing] = []
    code, output = _install(options, text)
    while code != 0 and options.leave_out and (missing := _missing(options.pip, text, output)):
        print(f"left out: {missing.name} {missing.version} has no wheel for {interpreter()}", flush=True)
        left_out.append(missing)
        text = without(text, missing.name)
        code, output = _install(options, text, "--no-deps")  # packages that depend on a missing one are still installed
    if code == 0:
        locked = set(map(_name, _blocks(text)))
        installed = {name: version for name, version in _listed(options.pip).items() if name in locked}
        record = {
            "version": platform.python_version() + _flags(),
            "interpreter": interpreter(),
            "packages": dict(sorted(installed.items())),
            "left_out": dict(sorted(left_out)),
        }
        options.record.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    return code


def interpreter() -> str:
    """The running interpreter, as precisely as wheels depend on it: "CPython 3.13t"."""
    return f"{platform.python_implementation()} {sys.version_info[0]}.{sys.version_info[1]}{_flags()}"


def without(requirements: str, name: str) -> str:
    """A requirements file without this package and its hashes."""
    return "".join(block for block in _blocks(requirements) if _name(block) != name)


def _blocks(requirements: str) -> list[str]:
    """One block per package: its line, and the indented lines below with its hashes."""
    return re.findall(r"^\S.*\n(?:[ \t].*\n)*", requirements, re.MULTILINE)


def _name(block: str) -> str:
    return block.partition("==")[0].strip()


def unfit(output: str, missing: Missing) -> bool:
    """True if `output`, of ``pip -vv``, names an unsuitable wheel of that version."""
    expected = _normal(missing.name), missing.version
    return any((_normal(name), version) == expected for name, version in _UNFIT.findall(output))


def _install(options: argparse.Namespace, requirements: str, *more: str) -> tuple[int, str]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / options.requirements.name
        file.write_text(requirements, "utf-8")
        locked = ["--require-hashes", "--only-binary", ":all:", "--requirement", str(file)]
        more = (*more, "--no-compile") if options.no_compile else more
        return _run([*options.pip, "install", "--progress-bar", "off", *more, *locked], show=True)


def _missing(pip: list[str], requirements: str, output: str) -> Missing | None:
    """The package at which pip stopped because it has no wheel; None if pip failed for another reason."""
    missing = [Missing(*match) for match in _MISSING.findall(output)]
    locked = map(_name, _blocks(requirements))
    return missing[-1] if missing and missing[-1].name in locked and _offered_to_others(pip, missing[-1]) else None


def _offered_to_others(pip: list[str], missing: Missing) -> bool:
    """True if the index offers this version for other interpreters, which a broken index does not."""
    pin = f"{missing.name}=={missing.version}"
    alone = ["install", "-vv", "--dry-run", "--no-deps", "--only-binary", ":all:", pin]
    return unfit(_run([*pip, *alone], show=False)[1], missing)


def _listed(pip: list[str]) -> dict[str, str]:
    _, output = _run([*pip, "list", "--format", "json"], show=False)
    start = output.index("[{")
    found, _ = json.JSONDecoder().raw_decode(output[start:])
    return {_normal(each["name"]): each["version"] for each in found}


def _run(command: list[str], *, show: bool) -> tuple[int, str]:
    """Run a step to its end; returns its exit code and output. `show` prints each line as it arrives."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    with process:
        assert process.stdout is not None
        lines = []
        try:
            for line in process.stdout:
                lines.append(line)
                if show:
                    print(line, end="", flush=True)
        except BaseException:
            process.terminate()
            raise
    return process.returncode, "".join(lines)


def _flags() -> str:
    return getattr(sys, "abiflags", "")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
