"""compose.yaml used without lab.py: the settings of its containers, and what they can do."""

import json
import os
import socket
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit.system.checkout import ROOT
from tests import leftovers

pytestmark = [pytest.mark.slow, pytest.mark.docker, pytest.mark.timeout(300)]

APPROACHES = {path.stem for path in (ROOT / "clients").glob("*.py")} - {"__init__"}
HARNESSED = APPROACHES | {"locust", "load", "script"}
LOCUST = {"locust-master", "locust-worker"}
SERVICES = HARNESSED | LOCUST | {"server", "server-published", "client"}
# Services with ports on this machine.
PUBLISHED = {"server-published", "locust-master"}
PATIENCE_S = 20


def docker(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    run = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0 or not check, run.stderr
    return run


class Project:
    """A Compose project and an image tag of its own."""

    def __init__(self) -> None:
        self.name = f"labtest{uuid.uuid4().hex[:12]}"
        leftovers.note_project(self.name)
        self.tag = f"concurrency-lab:{self.name}"

    def compose(self, *arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        ours = ("LAB_", "SERVER_", "COMPOSE_")
        environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        environ |= {name: os.environ[name] for name in ("LAB_BASE_IMAGE", "LAB_CA_BUNDLE") if name in os.environ}
        files = ["-f", "compose.yaml", "-f", "-"] if stdin else []
        run = subprocess.run(
            ["docker", "compose", "-p", self.name, "--progress", "plain", *files, *arguments],
            cwd=ROOT,
            env=environ | {"LAB_IMAGE_TAG": self.name, "SERVER_DELAY_S": "0.2"} | settings,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run

    def inspect(self) -> dict[str, Any]:
        """Every container of the project by its service, as the engine describes it."""
        ids = docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={self.name}").stdout.split()
        containers = json.loads(docker("inspect", *ids).stdout) if ids else []
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in containers}

    def events(self, service: str, kind: str, count: int) -> list[dict[str, Any]]:
        """The logged events of a kind, as soon as there are `count` of them."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            log = docker("logs", f"{self.name}-{service}-1")
            events = [event for event in map(json.loads, log.stdout.splitlines()) if event["event"] == kind]
            if len(events) >= count:
                return events
            assert time.monotonic() < deadline, log.stdout + log.stderr
            time.sleep(0.05)

    def python(self, service: str, program: str, **settings: str) -> Any:
        """Run a program in a fresh container of a client service; return the JSON that it prints."""
        run = self.compose("run", "--rm", "-T", "--entrypoint", "python", service, "-c", program, **settings)
        return json.loads(run.stdout)

    def left(self) -> list[str]:
        label = f"label=com.docker.compose.project={self.name}"
        return [
            *docker("ps", "-aq", "--filter", label).stdout.split(),
            *docker("network", "ls", "-q", "--filter", label).stdout.split(),
            *docker("volume", "ls", "-q", "--filter", label).stdout.split(),
        ]


@pytest.fixture(scope="module")
def built() -> Iterator[Project]:
    project = Project()
    try:
        project.compose("build")
        yield project
    finally:
        docker("image", "rm", project.tag, check=False)


@pytest.fixture
def project(built: Project) -> Iterator[Project]:
    try:
        yield built
    finally:
        built.compose("--profile", "*", "down", "--timeout", "1", "--volumes", "--remove-orphans")
        assert built.left() == []


def test_there_is_one_service_per_approach(built: Project) -> None:
    config = json.loads(built.compose("--profile", "*", "config", "--format", "json").stdout)
    services = config["services"]
    assert set(services) == SERVICES
    for name in HARNESSED:
        assert services[name]["entrypoint"] == ["python", "-m", "clients.harness", name]
        assert services[name]["command"] == ["--by-hand"]


def test_only_the_server_starts_by_default(built: Project) -> None:
    assert built.compose("config", "--services").stdout.split() == ["server"]


def test_every_container_is_locked_down(project: Project) -> None:
    project.compose("--profile", "*", "create", "--no-build")
    containers = project.inspect()
    assert set(containers) == SERVICES
    for name, container in containers.items():
        host = container["HostConfig"]
        assert container["Config"]["User"] == "10001:10001", name
        assert container["Config"]["Image"] == project.tag, name
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert not host["Privileged"], name
        assert host["SecurityOpt"] == ["no-new-privileges"], name
        assert host["NanoCpus"] == 1_000_000_000, name
        assert 0 < host["Memory"] <= 2 * 1024**3, name
        assert 0 < host["PidsLimit"] <= 4096, name
        assert host["RestartPolicy"]["Name"] in ("", "no"), name
        assert host["LogConfig"]["Config"].keys() == {"max-size", "max-file"}, name
        assert list(host["Tmpfs"]) == ["/tmp"], name
        assert "size=" in host["Tmpfs"]["/tmp"], name
        assert not host["Binds"], name
        assert not container["Mounts"], name
        networks = {"lab", "published"} if name in PUBLISHED else {"lab"}
        if name == "script":  # it has the server's, as its own
            assert host["NetworkMode"] == f"container:{containers['server']['Id']}"
            networks = set()
        assert set(container["NetworkSettings"]["Networks"]) == {f"{project.name}_{each}" for each in networks}, name
        ports = host["PortBindings"] or {}
        assert [bound["HostIp"] for bindings in ports.values() for bound in bindings] == (
            ["127.0.0.1"] if name in PUBLISHED else []
        )
    (network,) = json.loads(docker("network", "inspect", f"{project.name}_lab").stdout)
    assert network["Internal"]


def test_the_limits_on_processors_follow_the_setting(project: Project) -> None:
    project.compose("create", "--no-build", "threads", LAB_CPUS="0.5", LAB_CLIENT_MODE="--protocol")
    containers = project.inspect()
    assert {each["HostConfig"]["NanoCpus"] for each in containers.values()} == {500_000_000}
    assert containers["threads"]["Config"]["Cmd"] == ["--protocol"]
    assert containers["threads"]["Config"]["OpenStdin"]


def test_an_approach_runs_by_hand_and_brings_the_server_up(project: Project) -> None:
    project.compose("run", "--rm", "-T", "threads", "--requests", "5", "--limit", "2")
    rows = project.events("server", "request", 5)
    assert sorted(row["id"] for row in rows) == ["1", "2", "3", "4", "5"]
    assert set(project.inspect()) == {"server"}, "--rm leaves the server alone"


def test_locust_runs_by_hand_like_an_approach(project: Project) -> None:
    output = project.compose("run", "--rm", "-T", "locust", "--requests", "5", "--limit", "2").stdout
    assert "locust: 5 of 5 requests answered in " in output
    rows = project.events("server", "request", 5)
    assert sorted(row["id"] for row in rows) == ["1", "2", "3", "4", "5"]


def test_a_locust_master_serves_the_requested_number_of_workers(project: Project) -> None:
    port = free_port()
    settings = {"LAB_UI_PORT": str(port), "SERVER_DELAY_S": "0.05"}
    project.compose("up", "--detach", "--scale", "locust-worker=2", *sorted(LOCUST), **settings)
    workers = wait_for(lambda: [each["id"] for each in page(port, "/stats/requests").get("workers", ())], 2)
    assert len(set(workers)) == 2
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/swarm", b"user_count=4&spawn_rate=4", 5) as answer:
        assert json.load(answer)["success"]
    assert len({row["worker"] for row in project.events("server", "request", 9)}) > 1
    wait_for(lambda: [each for each in page(port, "/stats/requests")["stats"] if each["num_requests"] > 0], 1)
    assert page(port, "/stats/requests")["errors"] == []


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def page(port: int, path: str) -> dict[str, Any]:
    """The JSON answer of Locust's page; empty before there is one."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return dict(json.load(answer))
    except OSError:
        return {}


def wait_for(found: Callable[[], list[Any]], count: int) -> list[Any]:
    """Wait until `found()` returns `count` items."""
    deadline = time.monotonic() + PATIENCE_S
    while len(those := found()) < count:
        assert time.monotonic() < deadline, those
        time.sleep(0.05)
    return those


ROUTES = """
import json, os, socket, urllib.request

def error_of(address):
    try:
        socket.create_connection(address, timeout=5).close()
    except OSError as error:
        return error.strerror or str(error)

for attempt in range(100):
    try:
        answer = urllib.request.urlopen(os.environ["LAB_SERVER_URL"] + "/t/7").read().decode()
        break
    except OSError:
        import time
        time.sleep(0.1)
routes = [line.split()[1] for line in open("/proc/net/route").read().splitlines()[1:]]
print(json.dumps({"answer": answer, "way out": error_of(("192.0.2.1", 80)), "routes": routes}))
"""


def test_a_client_reaches_the_server_and_nothing_else(project: Project) -> None:
    seen = project.python("threads", ROUTES)  # which also starts the server
    assert seen["answer"] == "7 answered after 0.2 s\n"
    assert seen["way out"] is not None
    if int(docker("version", "--format", "{{.Server.Version}}").stdout.split(".")[0]) >= 26:  # older ones drop packets
        assert seen["way out"] == "Network is unreachable"
        assert "00000000" not in seen["routes"], "a default route"
    assert [row["id"] for row in project.events("server", "request", 1)] == ["7"]


POWERS = """
import json, os, resource, threading, multiprocessing
from concurrent.futures import ProcessPoolExecutor

def writable(path):
    try:
        open(path + "/probe", "w").close()
    except OSError:
        return False
    return True

def pools(method):
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool, ProcessPoolExecutor(2, mp_context=context) as executor:
        return pool.map(abs, [-1, 2]) + list(executor.map(abs, [-3, 4]))

if __name__ == "__main__":
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait) for _ in range(1000)]
    for thread in threads:
        thread.start()
    alive = threading.active_count()
    stop.set()
    for thread in threads:
        thread.join()
    print(json.dumps({
        "ids": [os.getuid(), os.getgid()],
        "capabilities": [int(status[each], 16) for each in ("CapPrm", "CapEff", "CapBnd")],
        "no_new_privileges": int(status["NoNewPrivs"]),
        "writable": [path for path in ("/", "/lab", "/lab/clients", "/venv", "/tmp", "/dev/shm") if writable(path)],
        "pools": {method: pools(method) for method in ("fork", "spawn", "forkserver")},
        "threads": alive,
    }))
"""


def test_a_client_can_do_its_work_and_no_more(project: Project) -> None:
    seen = project.python("process_pool", POWERS)
    assert seen["ids"] == [10001, 10001]
    assert seen["capabilities"] == [0, 0, 0]
    assert seen["no_new_privileges"] == 1
    assert seen["writable"] == ["/tmp", "/dev/shm"]
    assert seen["pools"] == {method: [1, 2, 3, 4] for method in ("fork", "spawn", "forkserver")}
    assert seen["threads"] == 1001


@pytest.mark.parametrize("worker_class", ["sync", "gthread", "gevent", "asgi"])
def test_every_worker_class_serves_in_a_container(project: Project, worker_class: str) -> None:
    settings = {"SERVER_WORKER_CLASS": worker_class, "SERVER_WORKERS": "2"}
    project.compose("up", "--detach", "server", **settings)
    assert len(project.events("server", "worker", 2)) == 2
    assert project.events("server", "listening", 1)[0]["address"] == "0.0.0.0:8000"
    assert project.python("sync", ROUTES, **settings)["answer"] == "7 answered after 0.2 s\n"
    (row,) = project.events("server", "request", 1)
    assert row["worker"] in [event["worker"] for event in project.events("server", "worker", 2)]


def test_the_backlog_has_the_configured_length(project: Project) -> None:
    project.compose("up", "--detach", "server", SERVER_BACKLOG="10000")
    project.events("server", "worker", 3)
    sockets = docker("exec", f"{project.name}-server-1", "cat", "/proc/sys/net/core/somaxconn").stdout
    assert int(sockets) >= 10_000


def test_the_published_server_answers_on_this_machine_alone(project: Project) -> None:
    port = free_port()
    project.compose("up", "--detach", "server-published", LAB_PORT=str(port))
    project.events("server-published", "worker", 3)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/hello") as answer:
        assert answer.read() == b"hello answered after 0.2 s\n"


def test_a_stopped_server_leaves_at_once_and_in_order(project: Project) -> None:
    project.compose("up", "--detach", "server")
    project.events("server", "worker", 3)
    project.compose("stop", "server")
    state = project.inspect()["server"]["State"]
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)  # 137 would be the engine's SIGKILL


@pytest.mark.parametrize("name", ["mine", "threads"])  # a new file, and one in the place of a file in the image
def test_an_approach_from_elsewhere_extends_the_template(project: Project, tmp_path: Path, name: str) -> None:
    file = tmp_path / f"{name}.py"
    file.write_text("def main(urls):\n    return ['mine']\n")
    own = {
        "extends": {"file": str(ROOT / "compose.yaml"), "service": "client"},
        "entrypoint": ["python", "-c", f"import clients.{name} as mine; print(mine.main([]))"],
        "volumes": [f"{file}:/lab/clients/{name}.py:ro"],
    }
    override = json.dumps({"services": {"own": own}})
    project.compose("create", "--no-build", "own", stdin=override)
    container = project.inspect()["own"]
    assert container["HostConfig"]["ReadonlyRootfs"]
    assert container["HostConfig"]["CapDrop"] == ["ALL"]
    assert container["Config"]["User"] == "10001:10001"
    assert docker("start", "--attach", container["Id"]).stdout == "['mine']\n"


def test_the_image_holds_the_lab_and_no_installer(built: Project) -> None:
    (image,) = json.loads(docker("image", "inspect", built.tag).stdout)
    assert image["Config"]["User"] == "10001:10001"
    assert image["Config"]["Labels"]["org.opencontainers.image.title"] == "concurrency-lab"
    assert "concurrency-lab.source" in image["Config"]["Labels"]
    listed = docker("run", "--rm", "--network", "none", built.tag, "sh", "-c", "ls /lab /venv/bin").stdout.split()
    assert {"server", "clients", "python", "gunicorn"} <= set(listed)
    assert not {"pip", "tests", "requirements", "labkit"} & set(listed)
