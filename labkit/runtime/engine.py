"""The Docker engine: the one module that imports the Docker SDK.

It starts, attaches to, signals, inspects and removes what Compose has created, and creates nothing itself.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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
REMOVAL_PATIENCE_S = 10.0
EngineContainer = Container
_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
_FAILURES = (DockerException, RequestException, OSError)


class Engine:
    """A Docker engine that answers, found as the docker command finds it: DOCKER_HOST, or else the current context."""

    def __init__(self) -> None:
        """Raises `MachineError` when none answers."""
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

    def image_id(self, tag: str) -> str | None:
        """The id of a local image, or None."""
        try:
            return str(self._client.images.get(tag).id)
        except ImageNotFound:
            return None
        except _FAILURES as error:
            raise _gone(error) from error

    def containers(self, project: str) -> dict[str, Container]:
        """The containers of a Compose project, by service; stopped ones too."""
        try:
            found = self._client.containers.list(all=True, filters=_of(project), ignore_removed=True)
            return {container.labels[_SERVICE]: container for container in found}
        except _FAILURES as error:
            raise _gone(error) from error

    def replicas(self, project: str, service: str) -> list[Container]:
        """All containers of one service."""
        filters: dict[str, str | list[str] | bool] = {"label": [f"{_PROJECT}={project}", f"{_SERVICE}={service}"]}
        try:
            return list(self._client.containers.list(all=True, filters=filters, ignore_removed=True))
        except _FAILURES as error:
            raise _gone(error) from error

    def start(self, container: Container) -> None:
        """Start one that nobody talks to. Raises `MachineError`."""
        try:
            container.start()
        except _FAILURES as error:
            raise _gone(error) from error

    def read(self, container: Container, path: str) -> str:
        """The text of a file in a container, which need not run. Raises `MachineError`."""
        try:
            chunks, _ = container.get_archive(path)
            with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
                file = archive.extractfile(archive.getmembers()[0])
                assert file is not None, "it is a folder"
                return file.read().decode()
        except _FAILURES as error:
            raise _gone(error) from error

    def projects(self, prefix: str) -> set[str]:
        """The Compose projects with this prefix of which containers or networks are there."""
        filters: dict[str, str | list[str] | bool] = {"label": _PROJECT}
        try:
            # Sparse, so that none is looked at more closely: somebody else's may vanish meanwhile.
            containers = self._client.containers.list(all=True, filters=filters, sparse=True)
            networks = self._client.networks.list(filters=filters)
        except _FAILURES as error:
            raise _gone(error) from error
        labels = [each.attrs["Labels"] for each in [*containers, *networks]]
        return {label[_PROJECT] for label in labels if label[_PROJECT].startswith(prefix)}

    def remove_project(self, project: str) -> None:
        """Remove a Compose project's containers and networks; no others."""
        filters = _of(project)
        try:
            containers = self._client.containers.list(all=True, filters=filters, ignore_removed=True)
            with ThreadPoolExecutor(max_workers=8) as pool:  # each takes a while, most of it in the engine
                list(pool.map(_remove, containers))
            for network in self._client.networks.list(filters=filters):
                with suppress(NotFound):
                    network.remove()
        except _FAILURES as error:
            raise _gone(error) from error

    def remove_image(self, tag: str) -> bool:
        """Remove an image; False when it is not there, or a container uses it."""
        try:
            self._client.images.remove(tag)
        except APIError:
            return False
        except _FAILURES as error:
            raise _gone(error) from error
        return True

    def channel(self, container: Container) -> ContainerChannel:
        """A created or stopped container, to be started."""
        return ContainerChannel(self._client, container)


class ContainerChannel:
    """A container's standard streams and its end."""

    def __init__(self, client: docker.DockerClient, container: Container) -> None:
        self._client = client
        self._container = container
        self._id = str(container.id)
        self._stream: Any = None

    def start(self) -> None:
        try:
            # Attached before it starts, so that nothing that it writes is missed.
            streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            self._stream = self._client.api.attach_socket(self._id, params=streams)
            self._container.start()
        except APIError as error:
            reason = _reason(error)
            if "port is already allocated" in reason or "address already in use" in reason:
                raise MachineError(f"the port is taken: {reason}", "Choose another with --port.") from error
            raise MachineError(f"the container {self._container.name} does not start: {reason}") from error
        except _FAILURES as error:
            raise _gone(error) from error

    def send(self, data: bytes) -> None:
        # The SDK hands out a socket, or over a Unix socket a reading wrapper about one.
        getattr(self._stream, "_sock", self._stream).sendall(data)

    def chunks(self) -> Iterator[tuple[int, bytes]]:
        with suppress(OSError, ValueError):  # the engine went away, or the stream was closed here
            for stream, chunk in frames_iter(self._stream, tty=False):  # type: ignore[no-untyped-call]
                yield (STDERR if stream == STDERR else STDOUT), chunk

    def expect_many(self) -> None:
        """The engine hands out one line a frame; nothing can be read together."""

    def kill(self) -> None:
        with suppress(NotFound, APIError):  # it has ended already
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

    def _call(self, ask: Any) -> Any:
        try:
            return ask()
        except APIError:
            raise
        except _FAILURES as error:
            raise _gone(error) from error


def _of(project: str) -> dict[str, str | list[str] | bool]:
    return {"label": f"{_PROJECT}={project}"}


def _remove(container: Container) -> None:
    deadline = monotonic() + REMOVAL_PATIENCE_S
    while True:
        try:
            container.remove(force=True, v=True)
        except APIError as error:
            if error.status_code == HTTPStatus.NOT_FOUND:
                return
            # A conflict: it is just being started, or somebody else is removing it.
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


def _gone(error: BaseException) -> MachineError:
    if isinstance(error, APIError):
        return MachineError(f"the Docker engine refuses: {_reason(error)}")
    return EngineGone(
        f"the Docker engine does not answer any more ({_reason(error)})",
        "Once it does, `python lab.py clean` removes what was left.",
    )


def _reason(error: BaseException) -> str:
    if isinstance(error, APIError) and error.explanation:
        return str(error.explanation)
    cause: BaseException = error
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    if isinstance(cause, FileNotFoundError):
        return "its socket is not there"
    if isinstance(cause, PermissionError):
        return "no permission to use its socket; on Linux add yourself to the group docker and log in again"
    return (cause.strerror or str(cause)) if isinstance(cause, OSError) else str(cause)
