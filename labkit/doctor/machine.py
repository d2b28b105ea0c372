"""The machine that all probes examine; it reads shared values once."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cached_property

from labkit.doctor.engine_info import EngineInfo, ImageInfo, read_engine, read_image
from labkit.runtime import tags


class Machine:
    """The machine with this environment; `system` is its sys.platform."""

    def __init__(self, environ: Mapping[str, str], system: str) -> None:
        self.environ = environ
        self.system = system

    @classmethod
    def here(cls) -> Machine:
        return cls(os.environ, sys.platform)

    @property
    def runs_local(self) -> bool:
        """True if the local runtime works: gunicorn does not run on Windows."""
        return self.system != "win32"

    @cached_property
    def engine(self) -> EngineInfo:
        return read_engine(self.environ)

    @cached_property
    def image_tag(self) -> str:
        return f"{tags.IMAGE}:{tags.source_hash()}"

    @cached_property
    def image(self) -> ImageInfo | None:
        """The lab's image of the current checkout; None without it or without an engine."""
        return read_image(self.image_tag) if self.engine.answers else None

    @cached_property
    def needs_packages(self) -> bool:
        """True if building the image still needs a network."""
        if not self.engine.answers or self.image is not None:
            return False
        return read_image(f"{tags.IMAGE}:{tags.environment_tag()}") is None
