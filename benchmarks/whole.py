"""Whole: cold start plus makespan in the lab, against ``time python SCRIPT`` with the same code, side by side.

The script is the approach file itself and a call of its ``main``; its time is what a person would read off a clock,
from starting the interpreter to its exit. Both call the same server (`lab.py up`). Runs alternate, in this process's
order lab, script, lab, script…, so that what else the machine does falls on both. Docker is measured by `lab.py` as
in `efficiency.py`; there the interpreter differs from the script's, so only the local runtime is compared here.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from time import perf_counter

from _lab import ROOT, SIX, in_the_lab, middle, show, standing_server, urls

REPEATS = 7
SCRIPT = """
{source}
if __name__ == "__main__":
    {call}
"""


def main() -> None:
    with standing_server():
        for name in SIX:
            lab, script = [], []
            for _ in range(REPEATS):
                lab.append(sum(in_the_lab(name, 3, 3)))
                script.append(as_a_script(name))
            ratio = middle(lab) / middle(script)
            show(f"  {name}: lab {middle(lab):.3f} s, script {middle(script):.3f} s", ratio, 1.05, at_least=False)


def as_a_script(name: str) -> float:
    """Seconds from starting ``python SCRIPT`` to its exit; the script is the approach's own source and a call."""
    source = (ROOT / "clients" / f"{name}.py").read_text("utf-8")
    call = f"main({urls(3)!r}{', limit=3' if 'urls, limit' in source else ''})"
    if "async def main" in source:
        call = f"asyncio.run({call})"
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(SCRIPT.format(source=source, call=call))
        script.flush()
        began = perf_counter()
        subprocess.run([sys.executable, script.name], cwd=ROOT, check=True)
        return perf_counter() - began


if __name__ == "__main__":
    main()
