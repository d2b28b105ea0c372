#!/usr/bin/env python3
"""The command of the concurrency lab: `python lab.py --help`.

Every Python since 2.7 must be able to read this file, so that one that is too old prints a clear message.
"""

import os
import sys

NEEDED = (3, 11)

if sys.version_info < NEEDED:
    message = (
        "{0}: the lab needs Python {1}.{2} or newer, and this is Python {3}.{4} ({5}): "
        "run a newer one, as in `python3.13 {0}`, or install one.\n"
    )
    script = os.path.basename(sys.argv[0])  # noqa: PTH119 - read by Python 2.7; lab.py, or a bundle
    versions = NEEDED + sys.version_info[:2]
    sys.stderr.write(message.format(script, versions[0], versions[1], versions[2], versions[3], sys.executable))
    sys.exit(3)

# With -P, -I or PYTHONSAFEPATH, Python does not add the script's directory to the path.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - read by Python 2.7

if __name__ == "__main__":
    try:
        from labkit.cli import main
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(main(sys.argv[1:]))
