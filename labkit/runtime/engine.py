"""The Docker engine: the one module that imports the Docker SDK.

It starts, attaches to, signals, inspects and removes containers that Compose has created, and creates none itself.
Every method raises `MachineError` for a request that the engine refuses, and `EngineGone` when it stops answering.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http import HTTPStatus
from time import monotonic, sleep
from typing import Any

import docker
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.tls import TLSConfig
from docker.utils.socket import frames_iter
from requests.exceptions import RequestException

from labkit.model.errors import EngineGone, MachineError
from labkit.runtime.channel import STDERR, STDOUT

TIMEOUT_S = 60
REMOVAL_TIMEOUT_S = 10.0
EngineContainer = Container
_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
_FAILURES = (DockerException, RequestException, OSError)
Filters = dict[str, str | list[str] | bool]


@contextmanager
def _engine_errors() -> Iterator[None]:
    """Turn the exceptions of the SDK into the lab's own."""
    try:
        yield
    except _FAILURES as error:
        raise _engine_error(error) from error


class Engine:
    """A Docker engine, found as the docker command finds it: through DOCKER_HOST, or else the current context."""

    def __init__(self) -> None:
        """Raises `MachineError` if no engine answers."""
        client = None
        try:
            client = self._client = _connect()
            info = client.info()
            self.version = str(client.version()["Version"])
        except _FAILURES as error:
            if client is not None:
                client.close()
            raise MachineError(
                f"no Docker engine answers ({_reason(error)})",
                "Start Docker Desktop or the docker service, or use --runtime local.",
            ) from error
        self.cpus = int(info["NCPU"])
        self.memory_bytes = int(info["MemTotal"])
        self.kernel = f"{info['OperatingSystem']}, kernel {info['KernelVersion']}, {info['Architecture']}"

    @_engine_errors()
    def image_id(self, tag: str) -> str | None:
        """The id of a local image, or None."""
        try:
            return str(self._client.images.get(tag).id)
        except ImageNotFound:
            return None

    @_engine_errors()
    def containers(self, project: str) -> dict[str, Container]:
        """The containers of a Compose project by service, including stopped ones."""
        containers = self._client.containers.list(all=True, filters=_labels(project), ignore_removed=True)
        return {container.labels[_SERVICE]: container for container in containers}

    @_engine_errors()
    def replicas(self, project: str, service: str) -> list[Container]:
        """All containers of one service."""
        filters = _labels(project, f"{_SERVICE}={service}")
        return list(self._client.containers.list(all=True, filters=filters, ignore_removed=True))

    @_engine_errors()
    def start(self, container: Container) -> None:
        """Start a container without a channel."""
        container.start()

    @_engine_errors()
    def read(self, container: Container, path: str) -> str:
        """The text of a file in a container, whether it runs or not."""
        chunks, _ = container.get_archive(path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            file = archive.extractfile(archive.getmembers()[0])
            assert file is not None, "it is a folder"
            return file.read().decode()

    @_engine_errors()
    def projects(self, prefix: str) -> set[str]:
        """The Compose projects with this prefix that have containers or networks."""
        filters: Filters = {"label": _PROJECT}
        # Sparse: the SDK would inspect each container, and another user's may disappear meanwhile.
        containers = self._client.containers.list(all=True, filters=filters, sparse=True)
        networks = self._client.networks.list(filters=filters)
        labels = [each.attrs["Labels"] for each in [*containers, *networks]]
        return {label[_PROJECT] for label in labels if label[_PROJECT].startswith(prefix)}

    @_engine_errors()
    def remove_project(self, project: str) -> None:
        """Remove a Compose project's containers and networks, and no others."""
        filters = _labels(project)
        containers = self._client.containers.list(all=True, filters=filters, ignore_removed=True)
        with ThreadPoolExecutor(max_workers=8) as pool:  # the engine needs a while for each
            list(pool.map(_remove, containers))
        for network in self._client.networks.list(filters=filters):
            with suppress(NotFound):
                network.remove()

    @_engine_errors()
    def remove_image(self, tag: str) -> bool:
        """Remove an image; False if it does not exist or a container uses it."""
        try:
            self._client.images.remove(tag)
        except APIError:
            return False
        return True

    def channel(self, container: Container) -> ContainerChannel:
        """The channel of a created or stopped container, to be started."""
        return ContainerChannel(self._client, container)


class ContainerChannel:
    """A container's standard streams and exit code."""

    def __init__(self, client: docker.DockerClient, container: Container) -> None:
        self._client = client
        self._container = container
        self._id = str(container.id)
        self._stream: Any = None

    @_engine_errors()
    def start(self) -> None:
        try:
            # Attach first: otherwise the first output would be lost.
            streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            self._stream = self._client.api.attach_socket(self._id, params=streams)
            self._container.start()
        except APIError as error:
            reason = _reason(error)
            if "port is already allocated" in reason or "address already in use" in reason:
                raise MachineError(f"the port is taken: {reason}", "Choose another with --port.") from error
            raise MachineError(f"the container {self._container.name} does not start: {reason}") from error

    def send(self, data: bytes) -> None:
        # The SDK returns a socket or, for a Unix socket, a reader that wraps one.
        getattr(self._stream, "_sock", self._stream).sendall(data)

    def chunks(self) -> Iterator[tuple[int, bytes]]:
        with suppress(OSError, ValueError):  # the engine ended, or this process closed the stream
            for stream, chunk in frames_iter(self._stream, tty=False):  # type: ignore[no-untyped-call]
                yield (STDERR if stream == STDERR else STDOUT), chunk

    def expect_long_output(self) -> None:
        """Do nothing: the engine sends one line per frame."""

    def kill(self) -> None:
        with suppress(APIError):  # it has ended already
            self._call(lambda: self._client.api.kill(self._id))

    def wait(self, timeout_s: float) -> int | None:
        deadline = monotonic() + timeout_s
        while True:
            try:
                state = self._call(lambda: self._client.api.inspect_container(self._id))["State"]
            except NotFound:
                return 137
            if state["Status"] in {"exited", "dead"}:
                return int(state["ExitCode"])
            if monotonic() >= deadline:
                return None
            sleep(0.02)

    def address(self) -> str:
        """Its address on the first of its networks."""
        settings = self._call(lambda: self._client.api.inspect_container(self._id))["NetworkSettings"]
        return str(next(iter(settings["Networks"].values()))["IPAddress"])

    def cpu_s(self) -> float | None:
        try:
            stats = self._client.api.stats(self._id, stream=False, one_shot=True)
            return float(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9
        except (KeyError, *_FAILURES):
            return None

    def _call(self, request: Callable[[], Any]) -> Any:
        """Send a request. Raises the SDK's `APIError` if the engine refuses it."""
        try:
            return request()
        except APIError:
            raise
        except _FAILURES as error:
            raise _engine_error(error) from error


def _labels(project: str, *more: str) -> Filters:
    return {"label": [f"{_PROJECT}={project}", *more]}


def _remove(container: Container) -> None:
    deadline = monotonic() + REMOVAL_TIMEOUT_S
    while True:
        try:
            container.remove(force=True, v=True)
        except APIError as error:
            if error.status_code == HTTPStatus.NOT_FOUND:
                return
            # A conflict: it is starting, or being removed.
            if error.status_code != HTTPStatus.CONFLICT or monotonic() > deadline:
                raise
            sleep(0.1)
        else:
            return


def _connect() -> docker.DockerClient:
    if os.environ.get("DOCKER_HOST"):
        return docker.from_env(timeout=TIMEOUT_S)
    context = ContextAPI.get_context(os.environ.get("DOCKER_CONTEXT"))
    if context is None or context.Name == "default":
        return docker.from_env(timeout=TIMEOUT_S)
    tls = context.TLSConfig if isinstance(context.TLSConfig, TLSConfig) else False
    return docker.DockerClient(base_url=context.Host, tls=tls, timeout=TIMEOUT_S, use_ssh_client=True)


def _engine_error(error: BaseException) -> MachineError:
    if isinstance(error, APIError):
        return MachineError(f"the Docker engine refuses: {_reason(error)}")
    return EngineGone(
        f"the Docker engine stopped answering ({_reason(error)})",
        "Once it answers again, `python lab.py clean` removes the leftovers.",
    )


def _reason(error: BaseException) -> str:
    if isinstance(error, APIError) and error.explanation:
        return str(error.explanation)
    cause: BaseException = error
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    if isinstance(cause, FileNotFoundError):
        return "its socket does not exist"
    if isinstance(cause, PermissionError):
        return "no permission to use its socket; on Linux add yourself to the group docker and log in again"
    return (cause.strerror or str(cause)) if isinstance(cause, OSError) else str(cause)
