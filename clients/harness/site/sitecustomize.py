"""Installs the hooks: Python imports this at start-up, in the measured process and all that it starts."""

import os
import sys
from importlib.machinery import PathFinder

from clients.harness import hooks

hooks.install()

# This file hides a `sitecustomize` that the machine may have, so run that one too.
_here = os.path.dirname(os.path.abspath(__file__))
_next = PathFinder.find_spec("sitecustomize", [p for p in sys.path if os.path.abspath(p or ".") != _here])
if _next is not None and _next.loader is not None:
    _next.loader.exec_module(sys.modules[__name__])
