"""A browser on PATH, run without a window: Chromium, or a browser that takes the same options."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from tempfile import TemporaryDirectory

from labkit.model.errors import MachineError

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
    "brave-browser",
)
INSTEAD = 'Open report.html in any browser and choose "Save as PNG" there.'
TIMEOUT_S = 60.0
LAST_LINES = 5
# The browser loads one page from disk and makes no other request.
OPTIONS = (
    "--headless",
    "--window-size=1280,900",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
)
# On Linux a browser also writes to these folders, and a browser that is killed leaves a lock in the first.
FOLDERS = ("TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")


def find() -> str | None:
    """The path of the first browser of `NAMES` on PATH, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def sandbox_options() -> list[str]:
    """Turn the sandbox off for root only: it refuses to work for that user."""
    return ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def load(address: str, timeout_s: float = TIMEOUT_S) -> str:
    """The page at `address` as HTML, after its scripts have run. Raises `MachineError`.

    The browser keeps its profile, crash reports and caches in a temporary folder; that folder and all processes of the
    browser are gone afterwards.
    """
    program = find()
    if program is None:
        raise MachineError(f"no browser on PATH: looked for {', '.join(NAMES)}", f"Install one. Or: {INSTEAD}")
    with TemporaryDirectory(prefix="concurrency-lab-browser-") as folder:
        process = subprocess.Popen(
            [program, *OPTIONS, *sandbox_options(), f"--user-data-dir={folder}", "--dump-dom", address],
            env=os.environ | (dict.fromkeys(FOLDERS, folder) if sys.platform == "linux" else {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # so that its processes can be ended together
        )
        try:
            page, messages = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise MachineError(f"{program} did not load the page within {timeout_s:g} s", INSTEAD) from error
        finally:
            _end(process)
    if process.returncode != 0:
        lines = tuple(messages.splitlines()[-LAST_LINES:])
        raise MachineError(f"{program} ended with exit code {process.returncode}", INSTEAD, lines)
    return page


def _end(process: subprocess.Popen[str]) -> None:
    """End all processes of the browser, and wait until they are gone."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.communicate()  # each of them holds the other end
