"""``lab.py scenarios``: the files in labkit/scenarios/, a line each."""

from __future__ import annotations

from argparse import Namespace

from labkit import scenarios


def run(options: Namespace) -> int:
    """Print every scenario with what happens in it; 0."""
    known = scenarios.names()
    width = max(map(len, known))
    print("Scenarios in labkit/scenarios/ (* unless another is asked for):\n")
    for name in known:
        star = "*" if name == scenarios.DEFAULT else " "
        print(f"{star} {name:<{width}}  {scenarios.load(name).summary}")
    print(
        "\n`python lab.py compare --scenario NAME` runs one; a new file there is a new scenario: see docs/scenarios.md."
    )
    return 0
