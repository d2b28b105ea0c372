"""The docker runtime: Compose describes and creates containers, the engine runs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from labkit.model import ServerConfig
from labkit.runtime import building, compose, tags
from labkit.runtime.channel import Channel
from labkit.runtime.client import Client
from labkit.runtime.compose import ClientService
from labkit.runtime.engine import Engine, EngineContainer
from labkit.runtime.server import Server, server_environment
from labkit.setup.pythons import Installed


class DockerRuntime:
    """Each comparison is a Compose project of its own, so two of them can run at the same time."""

    name = "docker"
    shares_files = False

    def __init__(self, project: str, compose_version: str, note: Callable[[str], None]) -> None:
        """Raises `MachineError` if no engine answers or the image cannot be built."""
        self.engine = Engine()
        self.compose: str | None = compose_version
        self.docker: str | None = self.engine.version
        self.cpus = self.engine.cpus
        self.memory_bytes: int | None = self.engine.memory_bytes
        self.kernel = self.engine.kernel
        self._project = project
        self._note = note
        tag, self._image_id = building.ensure_image(self.engine.image_id, note)
        self._compose = compose.Project(project, tag, self.cpus)
        self.images: dict[str, str] = {}
        self.interpreters: dict[str, Installed] = {}
        self._approaches: Sequence[str] = ()  # on the lab's own interpreter
        self._others: dict[tuple[str, str], ClientService] = {}  # on another interpreter
        self._containers: dict[str, EngineContainer] = {}
        self._server: Server | None = None
        self._settings: dict[str, str] = {}

    def prepare(self, approaches: Sequence[str], pythons: Sequence[str | None] = ()) -> None:
        others = [name for name in pythons if name is not None]
        for name in others:
            tags.suffix(name)  # reject a bad name before anything is built
        self._approaches = () if others and None not in pythons else approaches
        self.images = dict.fromkeys(["server", *self._approaches], self._image_id)
        for number, name in enumerate(others, start=1):
            tag, image_id = building.ensure_image(self.engine.image_id, self._note, name)
            for approach in approaches:
                self._others[name, approach] = ClientService(f"{approach}.py{number}", approach, tag)
                self.images[f"{approach} on {name}"] = image_id

    def server(self, config: ServerConfig, port: int | None = None) -> Server:
        if self._server is not None:
            if self._server.config == config and not self._server.has_ended():
                return self._server
            self._server.stop()
        settings = self._settings = server_environment(config, f"0.0.0.0:{port or 8000}")
        if self._containers:  # the clients stay, only the server is replaced
            self._compose.create(["server"], settings)
        else:
            described = compose.services()
            own = [ClientService(name, name, self._compose.tag) for name in self._approaches if name not in described]
            services = ["server", *(name for name in self._approaches if name in described)]
            self._compose.create(services, settings, [*own, *self._others.values()])
        self._containers = self.engine.containers(self._project)
        for (python, _), service in self._others.items():
            if python not in self.interpreters:
                record = self.engine.read(self._containers[service.name], compose.RECORD)
                self.interpreters[python] = Installed.read(record)
        channel = self.engine.channel(self._containers["server"])
        self._server = Server(config, channel, channel.address)
        return self._server

    def client(self, approach: str, python: str | None = None) -> Client:
        if python is None:
            return Client(approach, self.engine.channel(self._containers[approach]))
        container = self._containers[self._others[python, approach].name]
        return Client(approach, self.engine.channel(container), lambda: self.interpreters[python])

    def script(self) -> Client:
        self._compose.create(["script"], self._settings)
        self._containers = self.engine.containers(self._project)
        return self.client("script")

    def locust_page(self, server: Server, port: int, processes: int) -> Channel:  # noqa: ARG002 - Locust finds it by name
        settings = self._settings | {"LAB_UI_PORT": str(port)}
        self._compose.create(["locust-master", "locust-worker"], settings, scale={"locust-worker": processes})
        for worker in self.engine.replicas(self._project, "locust-worker"):
            self.engine.start(worker)
        return self.engine.channel(self.engine.containers(self._project)["locust-master"])

    def start_published(self, config: ServerConfig, port: int) -> None:
        """Start a server whose port is published on 127.0.0.1; it keeps running after this process ends."""
        settings = server_environment(config, "0.0.0.0:8000") | {"LAB_PORT": str(port)}
        self._compose.create(["server-published"], settings)
        channel = self.engine.channel(self.engine.containers(self._project)["server-published"])
        server = Server(config, channel)
        server.start()
        server.wait_until_ready()

    def close(self) -> None:
        self.engine.remove_project(self._project)
