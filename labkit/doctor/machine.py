"""What all probes look at: a machine, with the readings that several of them need read once."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from labkit.doctor.engine import Engine, Image, image, read
from labkit.runtime import tags
from labkit.system import checkout


class Machine:
    """The checkout at `root` on this machine; `system` is what sys.platform says of it."""

    def __init__(self, root: Path, environ: Mapping[str, str], system: str) -> None:
        self.root = root
        self.environ = environ
        self.system = system

    @classmethod
    def here(cls) -> Machine:
        return cls(checkout.ROOT, os.environ, sys.platform)

    @property
    def runs_local(self) -> bool:
        """Whether the local runtime works: gunicorn does not run on Windows."""
        return self.system != "win32"

    @cached_property
    def engine(self) -> Engine:
        return read(self.environ)

    @cached_property
    def image_tag(self) -> str:
        return f"{tags.IMAGE}:{tags.source_hash(self.root)}"

    @cached_property
    def image(self) -> Image | None:
        """The lab's image of the checkout as it is; None without it or without an engine."""
        return image(self.image_tag) if self.engine.answers else None

    @cached_property
    def needs_packages(self) -> bool:
        """Whether the engine has still to fetch what the image is made of: a network is needed for it."""
        if not self.engine.answers or self.image is not None:
            return False
        return image(f"{tags.IMAGE}:{tags.environment_tag(self.root)}") is None
