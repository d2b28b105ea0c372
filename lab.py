#!/usr/bin/env python3
"""The command of the concurrency lab: `python lab.py --help`.

Every Python since 2.7 must be able to read this file, so that one that is too old prints a clear message.
"""

import os
import sys

NEEDED = (3, 11)

if sys.version_info < NEEDED:
    message = (
        "lab.py: the lab needs Python {}.{} or newer, and this is Python {}.{} ({}): "
        "start lab.py with a newer one, as in `python3.13 lab.py`, or install one.\n"
    )
    sys.stderr.write(message.format(*(NEEDED + sys.version_info[:2] + (sys.executable,))))
    sys.exit(3)

# With -P, -I or PYTHONSAFEPATH, Python does not add the script's directory to the path.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - read by Python 2.7

if __name__ == "__main__":
    try:
        from labkit.cli import main
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(main(sys.argv[1:]))
