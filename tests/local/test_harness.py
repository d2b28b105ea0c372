"""The real harness with the real server: its measurements, and its end for every behaviour of an approach."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from textwrap import dedent
from threading import Event

import pytest

from clients.harness import by_hand, catalogue
from clients.harness.protocol import Begin, Done, Held, Ready, Request, Sample
from labkit.analysis.statistics import most_at_once
from labkit.runtime.orphans import remove_dead_harnesses
from tests.harness_driver import PATIENCE_S, Lab, Output, answering, resets, sends, slow_server, wait_until

DELAY_S = 0.1
WORKERS = 3
BYTES = len(f"1 answered after {DELAY_S} s\n")
ON_LINUX = sys.platform == "linux"
FETCH = """
from urllib.request import urlopen
def fetch(url):
    return urlopen(url).read().decode()
"""
CHILD = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    root = tmp_path_factory.mktemp("lab")
    with slow_server(root / "server.log", WORKERS, DELAY_S) as server:
        yield Lab.copy_to(root, server)


def measured(lab: Lab, name: str, requests: int, limit: int) -> tuple[Output, list[Request]]:
    """Run a trial whose rows all agree with the server's log; returns its output and its rows by their start."""
    trial = lab.trial(requests, limit)
    output = lab.run(name, trial)
    done, rows = output.done, sorted(output.rows, key=lambda row: row.start_ns)
    assert (done.outcome, done.error, output.code) == ("ok", None, 0)

    key, ids = trial.urls[0].split("/")[3], list(range(1, requests + 1))
    logged = {int(row["id"]): row for row in lab.server.requests(key, requests)}
    assert sorted(row.id for row in rows) == sorted(logged) == ids
    assert {row.trial for row in rows} == {key}
    assert done.answers == tuple(ids)
    for row in rows:
        served = logged[row.id]
        phases = [row.start_ns, row.connected_ns, row.sent_ns, row.first_byte_ns, row.end_ns]
        assert None not in phases
        assert phases == sorted(phases)
        assert done.start_ns <= row.start_ns < row.end_ns <= done.end_ns
        assert row.start_ns <= served["start_ns"] <= served["end_ns"] <= row.end_ns
        assert (row.status, row.bytes, row.error) == (200, BYTES, None)
    return output, rows


@pytest.mark.parametrize("name", catalogue.names())
def test_an_approach_is_measured_as_it_stands(lab, name):
    approach = catalogue.read(name)
    if approach.requires_python and sys.version_info < approach.requires_python:
        message = lab.unavailable(name)
        assert (message.kind, message.reason) == ("needs", "needs Python {}.{}".format(*approach.requires_python))
        return
    requests, limit = 6, 3
    output, rows = measured(lab, name, requests, limit)
    assert most_at_once((row.start_ns, row.end_ns) for row in rows) <= approach.bound(requests, limit)

    pids, lanes = {row.pid for row in rows}, {row.lane for row in rows}
    assert (len(pids) > 1) == name.startswith("process_pool")
    if name == "sync":
        assert lanes == {"MainThread"}
    else:
        assert len(lanes) > 1

    samples, done = output.all(Sample), output.done
    assert samples[0].t_ns <= done.start_ns <= done.end_ns <= samples[-1].t_ns
    assert all(one.t_ns < other.t_ns for one, other in pairwise(samples))
    assert min(min(sample.threads, sample.processes) for sample in samples) >= 1
    assert min(sample.cpu_s for sample in samples) > 0
    assert max(sample.memory_bytes or 0 for sample in samples) > 1_000_000
    assert done.cpu_s > 0
    assert done.machine_cpu_s > 0
    assert done.cpus == os.cpu_count()


@pytest.mark.parametrize(
    ("name", "threads", "processes"), [("threads", 4, 1), ("asyncio_gather", 1, 1), ("process_pool", 4, 4)]
)
def test_waiting_requests_are_seen_from_outside(lab, name, threads, processes):
    answered = Event()

    def answer(connection, number):
        assert answered.wait(PATIENCE_S)
        sends(b"HTTP/1.0 200 OK\r\n\r\n%")(connection, number)

    with answering(answer) as url, lab.harness(name, "--protocol") as harness:
        assert isinstance(harness.next(), Ready)
        harness.send(lab.trial(3, url=url))
        begun = 0
        while begun < 3:
            begun += isinstance(harness.next(), Begin)
        seen = harness.next()
        while not (isinstance(seen, Sample) and seen.in_flight in {3, None}):
            seen = harness.next()
        answered.set()
        output = harness.rest()
    assert (seen.in_flight is not None) == ON_LINUX
    assert seen.processes == processes
    assert seen.threads >= threads
    assert output.done.outcome == "ok"
    assert output.all(Sample)[-1].in_flight in {0, None}


def test_a_connection_kept_alive_between_requests_is_not_in_flight(lab):
    """Only the first request has connected."""
    release = lab.root / "release"
    name = lab.add(f"""
import os, requests, time
def main(urls):
    with requests.Session() as session:
        bodies = [session.get(url).text for url in urls]
        while not os.path.exists({str(release)!r}):
            time.sleep(0.01)
        return bodies
""")
    connections = []

    def answer(connection, number):
        connections.append(connection)
        while number:
            time.sleep(0.02)  # the kernel tells in milliseconds whether the request or the answer came last
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + number)
            number = (connection.recv(4096).split() or [b"", b""])[1].rpartition(b"/")[2]

    with answering(answer) as url, lab.harness(name, "--protocol") as harness:
        assert isinstance(harness.next(), Ready)
        harness.send(lab.trial(3, url=url))
        rows = []
        while len(rows) < 3:
            rows += [message] if isinstance(message := harness.next(), Request) else []
        while not isinstance(idle := harness.next(), Sample):
            pass
        release.touch()
        output = harness.rest()
    assert idle.in_flight in {0, None}
    assert len(connections) == 1
    assert [row.connected_ns is None for row in rows] == [False, True, True]
    assert output.done.answers == (1, 2, 3)


STARTED = {
    "Process": """
import multiprocessing
def put(fetch, position, url, answers):
    answers.put((position, fetch(url)))
def main(urls):
    context = multiprocessing.get_context({how!r})
    answers = context.Queue()
    started = [context.Process(target=put, args=(fetch, i, url, answers)) for i, url in enumerate(urls)]
    for process in started:
        process.start()
    bodies = dict(answers.get() for _ in started)
    for process in started:
        process.join()
    return [bodies[i] for i in range(len(urls))]
""",
    "ProcessPoolExecutor": """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
def main(urls, limit):
    with ProcessPoolExecutor(limit, mp_context=multiprocessing.get_context({how!r})) as pool:
        return list(pool.map(fetch, urls))
""",
    "Pool": """
import multiprocessing
def main(urls, limit):
    with multiprocessing.get_context({how!r}).Pool(limit) as pool:
        return pool.map(fetch, urls, chunksize=1)
""",
}


@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("kind", STARTED)
def test_processes_that_an_approach_starts_are_measured(lab, kind, how):
    _, rows = measured(lab, lab.add(FETCH + STARTED[kind].format(how=how)), requests=2, limit=2)
    assert all("Process" in row.lane or "Worker" in row.lane for row in rows), rows
    if kind == "Process":
        assert len({row.pid for row in rows}) == 2


def test_a_script_that_an_approach_runs_is_measured(lab):
    name = lab.add("""
import subprocess, sys
SCRIPT = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
def main(urls):
    runs = [subprocess.run([sys.executable, "-c", SCRIPT, url], capture_output=True, text=True) for url in urls]
    return [run.stdout for run in runs]
""")
    _, rows = measured(lab, name, requests=2, limit=2)
    assert len({row.pid for row in rows}) == 2


def test_processes_that_an_approach_starts_while_it_is_imported_are_measured(lab):
    name = lab.add(
        FETCH,
        """
import multiprocessing
pool = multiprocessing.get_context("fork").Pool(2)
def main(urls):
    return pool.map(fetch, urls, chunksize=1)
""",
    )
    measured(lab, name, requests=2, limit=2)


def test_a_request_made_while_an_exception_is_handled_has_not_failed(lab):
    name = lab.add(
        FETCH,
        """
def main(urls):
    try:
        raise ConnectionError("the first attempt")
    except ConnectionError:
        return [fetch(url) for url in urls]
""",
    )
    measured(lab, name, requests=2, limit=2)


def test_an_answer_read_while_an_exception_is_handled_has_not_failed(lab):
    """For an error status, urllib raises an exception that holds the body."""
    name = lab.add("""
from urllib.error import HTTPError
from urllib.request import urlopen
def main(urls):
    try:
        urlopen(urls[0])
    except HTTPError as error:
        return [error.read()]
""")
    with answering(sends(b"HTTP/1.1 500 Oh\r\nContent-Length: 1\r\nConnection: close\r\n\r\n%")) as url:
        output = lab.run(name, requests=1, url=url)
    assert [(row.status, row.bytes, row.error) for row in output.rows] == [(500, 1, None)]


def test_requests_to_other_servers_are_ignored(lab):
    with answering(sends(b"HTTP/1.0 200 OK\r\n\r\n")) as other:
        name = lab.add(FETCH + f"def main(urls):\n    fetch('{other}/x/99')\n    return [fetch(url) for url in urls]\n")
        measured(lab, name, requests=2, limit=2)


def test_parameters_of_an_approach_are_passed_by_name(lab):
    name = lab.add("""
def main(urls, *, timeout, rate, limit=0, other=7):
    return [str(limit), str(timeout), str(rate), str(other)]
""")
    assert lab.run(name, limit=2).done.answers == (2, "None", "None", 7)
    assert lab.run(name, limit=2, timeout_s=1.5, rate=5.0).done.answers == (2, "1.5", "5.0", 7)


def test_an_exception_in_place_of_a_body_is_reported_with_its_cause(lab):
    name = lab.add("""
import asyncio
async def fetch(url):
    if url.endswith("/2"):
        raise ValueError("on purpose")
    return "1"
async def main(urls):
    return [*await asyncio.gather(*map(fetch, urls), return_exceptions=True), KeyboardInterrupt()]
""")
    done = lab.run(name, requests=3).done
    assert (done.outcome, done.error) == ("ok", None)
    assert done.answers == (1, None, 1, None)
    assert done.causes == (None, f"ValueError: on purpose (clients/{name}.py, line 5)", None, "KeyboardInterrupt")


def test_bodies_without_failures_have_no_causes(lab):
    assert lab.run(lab.add("def main(urls):\n    return ['1', None]\n")).done.causes is None
    assert lab.run(lab.add("def main(urls):\n    return ValueError('no list')\n")).done.causes is None


def test_a_package_that_is_not_installed_is_named(lab):
    for module in ("aiolimiter", "pyrate_limiter.nonesuch"):
        package = module.partition(".")[0]
        name = lab.add(f"import sys\nsys.modules['{package}'] = None\nimport {module}\ndef main(urls): pass\n")
        message = lab.unavailable(name)
        wanted = f"needs the package {package.replace('_', '-')}, which is not installed for this Python"
        assert (message.kind, message.reason) == ("needs", wanted)


def test_a_package_that_a_library_misses_is_named(lab):
    """The library has a wheel for this Python, and one of its dependencies has none."""
    library = lab.root / "site-packages"
    library.mkdir(exist_ok=True)
    (library / "half_there.py").write_text("import not_there.at_all\n", "utf-8")
    name = lab.add(f"import sys\nsys.path.append({str(library)!r})\nimport half_there\ndef main(urls): pass\n")
    message = lab.unavailable(name)
    wanted = "needs the package not-there, which is not installed for this Python"
    assert (message.kind, message.reason) == ("needs", wanted)


# End of an approach -> its source, the outcome, and words of the cause.
ENDINGS = {
    "raises": ("def main(urls):\n    raise ValueError('on purpose')", "failed", ["ValueError: on purpose", "line 3"]),
    "raises a group": (
        "def main(urls):\n    raise ExceptionGroup('many', [KeyError('first'), OSError()])",
        "failed",
        ["many (2 sub-exceptions)", "KeyError: 'first'"],
    ),
    "sys.exit": ("import sys\ndef main(urls):\n    sys.exit(5)", "failed", ["SystemExit: 5"]),
    "os._exit": ("import os\ndef main(urls):\n    os._exit(3)", "crashed", ["exited with code 3"]),
    "SIGKILL": ("import os\ndef main(urls):\n    os.kill(os.getpid(), 9)", "crashed", ["killed by SIGKILL"]),
    "segfault": ("import ctypes\ndef main(urls):\n    ctypes.string_at(0)", "crashed", ["killed by SIG"]),
    "closes what it did not open": ("import os\ndef main(urls):\n    os.closerange(3, 256)", "crashed", ["exited"]),
    "hangs": ("import time\ndef main(urls):\n    time.sleep(600)", "timeout", ["0.5 s"]),
    "hangs, deaf to signals": (
        "import signal, time\nfor s in (2, 15): signal.signal(s, signal.SIG_IGN)\ndef main(urls):\n    time.sleep(600)",
        "timeout",
        ["0.5 s"],
    ),
    "hangs in a coroutine": ("import asyncio\nasync def main(urls):\n    await asyncio.sleep(600)", "timeout", ["0.5"]),
    "hangs busily": ("def main(urls):\n    while True: pass", "timeout", ["0.5 s"]),
}


@pytest.mark.parametrize(("source", "outcome", "named"), ENDINGS.values(), ids=ENDINGS)
def test_every_end_of_a_trial_is_reported_and_leaves_nothing(lab, source, outcome, named):
    name = lab.add(source.replace("(urls):\n", f"(urls):\n    {CHILD}", 1))
    done = lab.run(name, trial_timeout_s=0.5 if outcome == "timeout" else 60).done
    assert done.outcome == outcome
    assert [text for text in named if text not in done.error] == []
    assert done.answers is None
    assert done.start_ns <= done.end_ns


def test_rows_before_a_crash_are_kept(lab):
    name = lab.add(
        FETCH,
        """
import os
def main(urls):
    fetch(urls[0])
    print("last words", flush=True)
    os._exit(3)
""",
    )
    output = lab.run(name)
    assert [(row.id, row.status) for row in output.rows] == [(1, 200)]
    assert output.done.last_lines == ("last words",)


def test_a_request_that_was_cut_off_began_and_never_ended(lab):
    name = lab.add("import time\n" + FETCH + "def main(urls):\n    fetch(urls[0])\n    fetch(urls[1])\n")
    hold = Event()

    def answer(connection, number):
        if number == b"1":
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n1")
        else:
            hold.wait(PATIENCE_S)

    with answering(answer) as url:
        output = lab.run(name, url=url, trial_timeout_s=1)
        hold.set()
    assert output.done.outcome == "timeout"
    assert [row.id for row in output.all(Request)] == [1]
    assert [begin.id for begin in output.all(Begin)] == [1, 2]


# What an approach does besides answering its three urls.
HABITS = {
    "prints megabytes": """
        import os, sys
        def habit():
            for _ in range(200):
                os.write(1, b"\\xff\\xfe no UTF-8 \\x00 " * 700 + b"\\n")
                os.write(2, b'{"v": 1, "event": "done"}\\n' * 500)
                print("last", file=sys.stderr)
    """,
    "prints without an end": "def habit():\n    print('x' * 100_000, end='', flush=True)\n",
    "closes stdout": "import os\ndef habit():\n    os.close(1)\n    os.close(2)\n",
    "closes sys.stdout": "import sys\ndef habit():\n    sys.stdout.close()\n    sys.stderr.close()\n",
    "changes directory": "import os\ndef habit():\n    os.chdir('/')\n",
    "leaves things behind": """
        import multiprocessing, os, subprocess, sys, tempfile, threading, time
        def habit():
            multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,), daemon=True).start()
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            if os.fork() == 0:
                if os.fork() == 0:
                    time.sleep(600)
                os._exit(0)
            os.wait()
            with open(tempfile.mkdtemp() + "/file", "w") as file:
                file.write("x" * 1000)
            threading.Thread(target=time.sleep, args=(600,)).start()
    """,
}
ESCAPES = {
    "in a session of its own": CHILD.replace("'])", "'], start_new_session=True)"),
    "in a group of its own": CHILD.replace("'])", "'], process_group=0)"),
    "as a daemon": "import os\nif os.fork() == 0:\n    os.setsid()\n    " + CHILD + "    os._exit(0)\nos.wait()\n",
}


@pytest.mark.parametrize("habit", HABITS.values(), ids=HABITS)
def test_bad_habits_of_an_approach_break_nothing(lab, habit):
    name = lab.add(FETCH + dedent(habit) + "\ndef main(urls):\n    habit()\n    return [fetch(url) for url in urls]\n")
    output, _ = measured(lab, name, requests=2, limit=2)
    assert len(output.done.last_lines) <= 20
    assert max(map(len, output.done.last_lines), default=0) <= 500


@pytest.mark.skipif(not ON_LINUX, reason="Linux alone gives a process the orphans below it")
@pytest.mark.parametrize("source", ESCAPES.values(), ids=ESCAPES)
def test_a_program_that_leaves_its_group_is_ended_too(lab, source):
    output = lab.run(lab.add("def main(urls): pass\n" + source))
    assert output.done.outcome == "ok"
    assert output.all(Sample)[-1].processes == 2  # it is seen, too


def test_output_of_an_approach_goes_to_standard_error(lab):
    name = lab.add("import sys\nprint('while imported')\ndef main(urls):\n    print('while it ran', file=sys.stderr)\n")
    output = lab.run(name)
    assert output.errors.splitlines() == ["while imported", "while it ran"]
    assert output.done.last_lines == ("while imported", "while it ran")


@pytest.mark.parametrize("value", ["None", "'123'", "iter(urls)"])
def test_a_return_value_that_is_no_list_has_no_answers(lab, value):
    done = lab.run(lab.add(f"def main(urls):\n    return {value}\n")).done
    assert (done.outcome, done.answers) == ("ok", None)


def test_answers_are_the_first_words_of_the_bodies(lab):
    bodies = "['2 two', b'1 one', '', 'x' * 1000, None, b'\\xff\\xfe', ' 3\\n', 4, '-']"
    done = lab.run(lab.add(f"def main(urls):\n    return {bodies}\n")).done
    assert done.answers == (2, 1, None, "x" * 100, None, "��", 3, None, "-")


@pytest.mark.skipif(not ON_LINUX, reason="a file's size can be limited like this on Linux alone")
def test_a_full_disk_fails_the_trial(lab):
    name = lab.add(
        FETCH,
        """
import resource
def main(urls):
    resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))
    return [fetch(url) for url in urls]
""",
    )
    output = lab.run(name)
    assert output.done.outcome == "failed"
    assert "File too large" in output.done.error


# Failure during the import of a file -> its source, and words of the reason.
BROKEN = {
    "a syntax error": ("def main(urls):\n    return [\n", ["SyntaxError", "line 2"]),
    "a missing module": ("import nonesuch\ndef main(urls): pass\n", ["nonesuch", "line 1"]),
    "no main": ("x = 1\n", ["main"]),
    "a main that is no function": ("main = 7\n", ["int"]),
    "an exception": ("\nraise ValueError('on purpose')\n", ["ValueError: on purpose", "line 2"]),
    "sys.exit": ("import sys\nsys.exit('enough')\n", ["SystemExit: enough", "line 2"]),
    "os._exit": ("import os\nos._exit(0)\n", ["exited with code 0"]),
    "SIGKILL": ("import os\nos.kill(os.getpid(), 9)\n", ["killed by SIGKILL"]),
    "an exception, and a child": (CHILD + "raise ValueError('on purpose')\n", ["on purpose"]),
    "an exception, and a thread": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\nraise ValueError('x')\n",
        ["ValueError: x"],
    ),
    "an exception, and a printer": (
        CHILD.replace("import time; time.sleep(600)", "while True: print(1, flush=True)") + "raise ValueError('x')\n",
        ["ValueError: x"],
    ),
}


@pytest.mark.parametrize(("source", "named"), BROKEN.values(), ids=BROKEN)
def test_an_approach_that_cannot_be_imported_is_broken_with_the_reason(lab, source, named):
    message = lab.unavailable(lab.add(source))
    assert message.kind == "broken"
    assert [text for text in named if text not in message.reason] == []


def test_an_approach_that_names_a_newer_python_runs_if_it_can_be_imported(lab):
    assert lab.run(lab.add("REQUIRES_PYTHON = (3, 99)\ndef main(urls): pass\n")).done.outcome == "ok"


# Reaction of a server, then the status and the bytes of the row, and True if the row has an error.
SERVERS = [
    (sends(b""), None, None, True),
    (resets, None, None, True),
    (sends(b"%\n\n\n"), None, None, True),
    (sends(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n% short"), 200, 7, True),
    (sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n% s\r\n50\r\nmore"), 200, None, True),
    (sends(b"HTTP/1.1 500 Oh\r\nContent-Length: 1\r\nConnection: close\r\n\r\n%"), 500, 1, False),
    (sends(b"HTTP/1.1 204 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), 204, 0, False),
    (sends(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\n% \xff\xfe"), 200, 4, False),
]
FETCHES = {
    "requests": "import requests\ndef fetch(url):\n    return requests.get(url).text\n",
    "urllib3": "import urllib3\ndef fetch(url):\n    return urllib3.request('GET', url, retries=False).data.decode()\n",
    "urllib": """
from urllib.error import HTTPError
from urllib.request import urlopen
def fetch(url):
    try:
        response = urlopen(url)
    except HTTPError as error:
        response = error
    return response.read()
""",
    "httpx": "import httpx\ndef fetch(url):\n    return httpx.get(url, trust_env=False).text\n",
    "httpx async": """
import asyncio, httpx
async def get(url):
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(url)).text
def fetch(url):
    return asyncio.run(get(url))
""",
    "aiohttp": """
import asyncio, aiohttp
async def get(url):
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.text()
def fetch(url):
    return asyncio.run(get(url))
""",
}


@pytest.mark.parametrize("fetch", FETCHES.values(), ids=FETCHES)
def test_faults_of_a_server_are_in_the_rows(lab, fetch):
    name = lab.add(f"""
{fetch}
def main(urls):
    for url in urls:
        try:
            fetch(url)
        except Exception as error:
            print(repr(error))
""")
    with answering(lambda connection, number: SERVERS[int(number) - 1][0](connection, number)) as url:
        output = lab.run(name, requests=len(SERVERS), url=url)
    assert output.done.outcome == "ok", output.errors
    assert sorted({row.id for row in output.rows}) == list(range(1, len(SERVERS) + 1))
    for row in output.rows:
        _, status, size, fails = SERVERS[row.id - 1]
        assert (row.status, row.error is not None) == (status, fails), row
        assert row.bytes == size or fails, row
        assert row.connected_ns is not None
        assert (row.first_byte_ns is not None) == (status is not None), row


@pytest.mark.parametrize("name", ["sync", "asyncio_taskgroup", "process_pool"])
def test_an_answer_cut_short_fails_the_trial(lab, name):
    with answering(sends(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n% short")) as url:
        output = lab.run(name, requests=2, url=url)
    assert output.done.outcome == "failed"
    assert output.done.error
    assert output.done.answers is None
    assert {row.error is None for row in output.rows} == {False}


@pytest.mark.parametrize("name", ["sync", "asyncio_gather", "httpx_async"])
def test_a_missing_server_is_in_the_rows(lab, name):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    output = lab.run(name, requests=1, url=f"http://127.0.0.1:{port}")
    (row,) = output.rows
    assert (row.id, row.status, row.connected_ns, row.sent_ns) == (1, None, None, None)
    assert row.error
    assert output.done.outcome == "failed"
    assert str(port) in output.done.error or "onnect" in output.done.error


STAGES = {
    "held": "print('here', flush=True)\ndef main(urls): pass\n",
    "importing": CHILD + "print('here', flush=True)\nimport time; time.sleep(600)\ndef main(urls): pass\n",
    "waiting": CHILD + "def main(urls): pass\n",
    "running": "import time\ndef main(urls):\n    " + CHILD + "    print('here', flush=True)\n    time.sleep(600)\n",
    "done": "def main(urls): pass\n",
}


@contextmanager
def at_stage(lab, stage):
    """A harness at this stage."""
    with lab.harness(lab.add(STAGES[stage]), "--held") as harness:
        assert isinstance(harness.next(), Held)
        if stage != "held":
            harness.stdin.write(b"\n")
            harness.stdin.flush()
        if stage in {"waiting", "running", "done"}:
            assert isinstance(harness.next(), Ready)
        if stage in {"running", "done"}:
            harness.send(lab.trial())
        if stage in {"importing", "running"}:
            assert wait_until(lambda: "here" in harness.errors())
        while stage == "done" and not isinstance(harness.next(), Done):
            pass
        yield harness


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "end of input"])
@pytest.mark.parametrize("stage", STAGES)
def test_interrupted_at_any_stage_it_ends_and_leaves_nothing(lab, stage, how):
    with at_stage(lab, stage) as harness:
        harness.interrupt(how)
        output = harness.rest()
    if stage == "running":
        assert output.done.outcome == "interrupted"
    else:
        assert output.messages == []
    assert "Traceback" not in output.errors
    assert stage != "held" or "here" not in output.errors


def test_the_remains_of_a_killed_harness_are_found_and_removed(lab, monkeypatch):
    with at_stage(lab, "running") as harness:
        monkeypatch.setenv("TMPDIR", str(harness.folder))
        assert remove_dead_harnesses() == 0
        before = len(harness.left())
        harness.process.kill()
        harness.rest()
        assert len(harness.left()) == before - 1 == 2
        assert remove_dead_harnesses() == 1


@pytest.mark.parametrize("line", [b"start\n", b'{"v": 2, "event": "trial"}\n', b"\xff\n"])
def test_an_invalid_start_signal_ends_the_harness(lab, line):
    with lab.harness("sync", "--protocol") as harness:
        harness.next()
        harness.stdin.write(line)
        harness.stdin.flush()
        output = harness.rest()
    assert output.code != 0
    assert output.all(Done) == []


def by_hand_run(lab, *arguments):
    with lab.harness(*arguments) as harness:
        return harness.rest()


@pytest.mark.parametrize("name", ["asyncio_semaphore", "process_pool"])
def test_by_hand_it_prints_one_line_per_request(lab, name):
    output = by_hand_run(lab, name, "--server", lab.server.url, "--requests", "4", "--limit", "2")
    *lines, total = output.out.decode().splitlines()
    assert sorted(int(line.split()[1]) for line in lines) == [1, 2, 3, 4]
    assert all(line.startswith("request") and line.endswith(f"200, {BYTES} bytes") for line in lines)
    assert total.startswith(f"{name}: 4 of 4 requests answered in ")
    assert (output.code, output.errors) == (0, "")


def test_by_hand_an_error_is_reported(lab):
    with answering(lambda connection, number: number != b"2" and connection.sendall(
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n" + number)) as url:  # fmt: skip
        output = by_hand_run(lab, "sync", "--server", url, "--requests", "3")
    assert output.code == 1
    assert "1 of 3 requests answered" in output.out.decode()
    assert "sync: failed: ConnectionError" in output.errors
    assert "Traceback" not in output.errors


def test_by_hand_each_retry_and_each_cause_has_its_line(lab):
    seen = []

    def answer(connection, number):
        seen.append(number)
        ok = number == b"3" or (number == b"1" and seen.count(number) > 1)
        status = b"200 OK" if ok else b"404 Not Found" if number == b"2" else b"503 No"
        connection.sendall(b"HTTP/1.0 %b\r\nContent-Length: 1\r\n\r\n" % status + number)

    with answering(answer) as url:
        output = by_hand_run(
            lab, "asyncio_robust", "--server", url, "--requests", "3", "--rate", "20", "--timeout", "5"
        )
    *lines, total = output.out.decode().splitlines()
    assert [sum(line.startswith(f"request    {number} ") for line in lines) for number in (1, 2, 3)] == [2, 2, 1]
    assert sum("gave up: ClientResponseError: 404" in line for line in lines) == 1
    assert total.startswith("asyncio_robust: 2 of 3 requests answered in ")
    assert output.code == 1


def test_by_hand_a_python_that_is_too_old_is_reported(lab):
    name = lab.add("REQUIRES_PYTHON = (3, 99)\nimport nonesuch\ndef main(urls): pass\n")
    output = by_hand_run(lab, name, "--server", lab.server.url)
    assert (output.code, output.out, output.errors) == (3, b"", f"{name}: needs Python 3.99\n")


def test_by_hand_a_missing_server_is_reported(monkeypatch, capsys):
    monkeypatch.setattr(by_hand, "SERVER_PATIENCE_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    assert by_hand.run(["sync", "--server", url]) == 3
    out, errors = capsys.readouterr()
    assert (out, errors.count("\n")) == ("", 1)
    assert f"no server answers at {url.removeprefix('http://')}" in errors


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonesuch",),
        ("sync", "--requests", "0"),
        ("sync", "--limit", "x"),
        ("sync", "--rate", "-1"),
        ("sync", "--timeout", "inf"),
        ("sync", "--server", "localhost:8000"),
    ],
)
def test_by_hand_bad_usage_is_reported(lab, arguments):
    output = by_hand_run(lab, *arguments)
    assert (output.code, output.out) == (2, b"")
    assert [text for text in arguments[1:] or arguments if text != "0" and text not in output.errors] == []


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT"])
def test_by_hand_an_interrupted_trial_ends_and_leaves_nothing(lab, how):
    name = lab.add(STAGES["running"])
    with lab.harness(name, "--server", lab.server.url) as harness:
        assert wait_until(lambda: "here" in harness.errors())
        harness.interrupt(how)
        output = harness.rest()
    assert output.code == 130
    assert "interrupted" in output.errors
    assert "Traceback" not in output.errors
