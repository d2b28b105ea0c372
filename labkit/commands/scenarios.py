"""``lab.py scenarios``: list the scenarios, one per line."""

from __future__ import annotations

from argparse import Namespace

from labkit import scenarios


def run(options: Namespace) -> int:
    """Print every scenario with its summary; 0."""
    names = scenarios.names()
    width = max(map(len, names))
    print("Scenarios in labkit/scenarios/ (* default):\n")
    for name in names:
        star = "*" if name == scenarios.DEFAULT else " "
        print(f"{star} {name:<{width}}  {scenarios.load(name).summary}")
    print(
        "\n`python lab.py compare --scenario NAME` runs one. A new file there is a new scenario: see docs/scenarios.md."
    )
    return 0
