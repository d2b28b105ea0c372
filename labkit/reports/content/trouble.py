"""What went wrong, as remarks that are safe to show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from labkit.model import Check, Notice, Outcome
from labkit.output.format import sanitize, shorten

MOST_LINES = 8


@dataclass(frozen=True, slots=True)
class Remark:
    """One line, and with a trial that went wrong the last lines that it wrote; all of it safe to show."""

    kind: Literal["trial", "check", "notice"]
    text: str
    lines: tuple[str, ...] = ()


def of_trial(
    who: str, outcome: Outcome, error: str | None, last_lines: Sequence[str], checks: Sequence[Check]
) -> Iterator[Remark]:
    """How the trial went wrong, if it did, and the checks that failed."""
    failed = [check for check in checks if check.ok is False]
    if outcome != "ok":
        said = f"{who}: {outcome}{f': {error}' if error else ''}"
        yield Remark("trial", shorten(said), tuple(shorten(line.expandtabs()) for line in last_lines[-MOST_LINES:]))
    if outcome in {"ok", "failed"}:
        yield from (Remark("check", shorten(f"{who}: {check.name}: {check.detail}")) for check in failed)
    elif failed:
        # What a trial did not live to do fails most checks: the cause is told above, the names are enough here.
        yield Remark("check", shorten(f"{who}: checks that failed too: {', '.join(check.name for check in failed)}"))


def of_notice(notice: Notice) -> Remark:
    """The message, and what to do about it on the same line, or below where that takes several."""
    hint = notice.hint.splitlines()
    if len(hint) > 1:
        return Remark("notice", sanitize(notice.message), tuple(sanitize(line) for line in hint))
    stop = "" if notice.message.endswith((".", "!", "?")) or not hint else "."
    return Remark("notice", sanitize(" ".join([notice.message + stop, *hint])))
