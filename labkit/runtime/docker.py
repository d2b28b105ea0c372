"""The docker runtime: Compose describes and creates, the engine runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from labkit.model import ServerConfig
from labkit.runtime import compose
from labkit.runtime.client import Client
from labkit.runtime.engine import Engine, EngineContainer
from labkit.runtime.local import server_environment
from labkit.runtime.server import Server


class DockerRuntime:
    """Every comparison is a Compose project of its own, so two of them at once do not meet."""

    name = "docker"

    def __init__(self, project: str, compose_version: str, note: Callable[[str], None]) -> None:
        """Raises `MachineError` when no engine answers or the image cannot be built."""
        self.engine = Engine()
        self.compose: str | None = compose_version
        self.docker: str | None = self.engine.version
        self.cpus = self.engine.cpus
        self.memory_bytes: int | None = self.engine.memory_bytes
        self.kernel = self.engine.kernel
        self._project = project
        tag = compose.source_hash()
        self._compose = compose.Project(project, tag, self.cpus)
        image_id = self.engine.image_id(f"{compose.IMAGE}:{tag}")
        if image_id is None:
            note("building the image (once; about a minute)")
            compose.build(tag)
            image_id = self.engine.image_id(f"{compose.IMAGE}:{tag}")
        self._image_id = image_id or ""
        self.images: dict[str, str] = {}
        self._pool = ThreadPoolExecutor(1)
        self._approaches: Sequence[str] = ()
        self._clients: Future[dict[str, EngineContainer]] | None = None
        self._server: Server | None = None

    def prepare(self, approaches: Sequence[str]) -> None:
        self._approaches = approaches
        self.images = dict.fromkeys(["server", *approaches], self._image_id)

    def server(self, config: ServerConfig) -> Server:
        if self._server is not None and self._server.config == config and self._server.alive:
            return self._server
        if self._server is not None:
            self._server.stop()
        settings = server_environment(config, "0.0.0.0:8000")
        self._compose.create(["server"], settings)
        if self._clients is None:  # they are created while the server starts, and stay when it is another one
            self._clients = self._pool.submit(self._create_clients, settings)
        channel = self.engine.start(self.engine.containers(self._project)["server"])
        self._server = Server(config, channel, host="server", cpu_s=channel.cpu_s)
        return self._server

    def client(self, approach: str) -> Client:
        assert self._clients is not None, "the server comes first"
        return Client(approach, self.engine.start(self._clients.result()[approach]))

    def _create_clients(self, settings: Mapping[str, str]) -> dict[str, EngineContainer]:
        services = compose.services()
        own = [name for name in self._approaches if name not in services]
        self._compose.create([name for name in self._approaches if name in services], settings, own)
        return self.engine.containers(self._project)

    def stand(self, config: ServerConfig, port: int) -> None:
        """Start a server with a port published on the engine's 127.0.0.1; it stays when we go."""
        settings = server_environment(config, "0.0.0.0:8000") | {"LAB_PORT": str(port)}
        self._compose.create(["server-published"], settings)
        channel = self.engine.start(self.engine.containers(self._project)["server-published"])
        Server(config, channel, cpu_s=channel.cpu_s).wait_until_ready()

    def close(self) -> None:
        self._pool.shutdown()  # what is being created is removed with the rest
        self.engine.remove_project(self._project)
