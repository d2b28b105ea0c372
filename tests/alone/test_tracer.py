"""Traced trials of the real harness: the states of threads, processes and tasks, against known work."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from clients.harness import catalogue
from clients.harness.protocol import Gap, Lane, Ready, Sample, Trial, Unseen, from_line
from tests.harness_driver import PATIENCE_S, ROOT, Harness, Output, answering

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads are watched through /proc")

# A busy machine lengthens every state, so the tests assert lower bounds and the order of the states.
HOLD_S = 0.3  # how long the server of these tests takes to answer
ATTEMPTS = 5
BUSY = """
import threading, time
def busy(seconds, clock=time.thread_time):
    end = clock() + seconds
    while clock() < end:
        pass
"""
FETCH = """
from urllib.request import urlopen
def fetch(url):
    return urlopen(url).read().decode()
"""


def answer(connection, number):
    time.sleep(HOLD_S)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n" + number + b"\n")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with answering(answer) as url:
        yield url


@pytest.fixture
def trace(tmp_path: Path, server: str):
    """Trace a trial of an approach; repeat it if the tracer missed a while. Returns the output with the fewest gaps."""
    shutil.copytree(catalogue.FOLDER, tmp_path / "clients", ignore=shutil.ignore_patterns("__pycache__"))

    def once(requests: int, timeout_s: float, *, traced: bool) -> Output:
        with Harness(tmp_path, ("mine", "--protocol")) as harness:
            assert isinstance(harness.next(), Ready)
            urls = tuple(f"{server}/t1/{number}" for number in range(1, requests + 1))
            harness.send(Trial(urls, requests, None, timeout_s, trace=traced))
            return harness.rest()

    def run(*source: str, requests: int = 3, timeout_s: float = 20, traced: bool = True) -> Output:
        (tmp_path / "clients" / "mine.py").write_text("".join(source), "utf-8")
        trials: list[Output] = []
        while len(trials) < ATTEMPTS and (not trials or trials[-1].all(Gap)):
            trials.append(once(requests, timeout_s, traced=traced))
        return min(trials, key=lambda output: sum(gap.end_ns - gap.start_ns for gap in output.all(Gap)))

    return run


def lanes(output: Output, kind: str) -> dict[tuple[int, int, str], Counter[str]]:
    """Lane as (pid, thread id, name) -> milliseconds in each state; the spans of each lane are in order."""
    done = output.done
    assert (done.outcome, done.error, output.code) == ("ok", None, 0)
    found: dict[tuple[int, int, str], Counter[str]] = {}
    ends: dict[tuple[int, int, str], int] = {}
    for lane in output.all(Lane):
        spans = list(zip(lane.starts_ns, lane.ends_ns, strict=True))
        assert all(start < end for start, end in spans)
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))
        if lane.kind != kind:
            continue
        key = (lane.pid, lane.tid, lane.name)
        assert spans[0][0] >= ends.get(key, 0)
        ends[key] = spans[-1][1]
        for state, (start, end) in zip(lane.states, spans, strict=True):
            found.setdefault(key, Counter())[state] += max(0, min(end, done.end_ns) - max(start, done.start_ns)) / 1e6
    return found


def test_an_untraced_trial_has_no_lanes(trace):
    output = trace(FETCH, "def main(urls):\n    return [fetch(url) for url in urls]\n", requests=1, traced=False)
    assert output.all(Lane) + output.all(Gap) + output.all(Unseen) == []


def test_the_tracer_is_not_counted_among_the_approachs_processes(trace):
    output = trace(FETCH, "def main(urls):\n    return [fetch(url) for url in urls]\n", requests=1)
    assert {sample.processes for sample in output.all(Sample)} == {1}
    assert output.all(Unseen) == []


def test_three_threads_wait_for_one_gil_in_turn(trace):
    output = trace(
        BUSY,
        """
def core_ns():
    with open("/proc/thread-self/schedstat") as file:
        return int(file.read().split()[1])
def main(urls):
    barrier = threading.Barrier(3)
    waited_us = []
    def work():
        before_ns = core_ns()
        barrier.wait()
        start_ns, cpu_ns = time.monotonic_ns(), time.thread_time_ns()
        busy(0.05)
        wait_ns = time.monotonic_ns() - start_ns - (time.thread_time_ns() - cpu_ns)
        waited_us.append(str((wait_ns - (core_ns() - before_ns)) // 1000))
    threads = [threading.Thread(target=work) for _ in urls]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return waited_us
""",
    )
    workers = [states for (pid, tid, _), states in lanes(output, "thread").items() if tid != pid]
    assert len(workers) == 3
    # Three times 50 ms, more where a hypervisor takes some of it; with the waiting for the GIL it would be over 400.
    assert 90 < sum(states["running"] for states in workers) < 300
    # On a quiet machine that is 285 ms: one after the other they need 150, and each waits while the others run.
    assert sum(states["gil"] for states in workers) == pytest.approx(sum(output.done.answers) / 1000, rel=0.4)
    assert sum(output.done.answers) / 1000 > 100


def test_a_thread_is_in_the_state_of_its_wait(trace):
    output = trace(
        BUSY,
        FETCH,
        """
import subprocess
def main(urls):
    lock = threading.Lock()
    def wait():
        with lock:
            pass
    def named(name, target, *args):
        with open("/proc/thread-self/comm", "w") as file:
            file.write(name)
        target(*args)
    acts = {"sleeper": (time.sleep, 0.3), "waiter": (wait,), "fetcher": (fetch, urls[0]), "busy": (busy, 0.3),
            "parent": (subprocess.call, ["sleep", "0.3"])}
    lock.acquire()
    threads = [threading.Thread(target=named, args=(name, *act)) for name, act in acts.items()]
    for thread in threads: thread.start()
    time.sleep(0.3)
    lock.release()
    for thread in threads: thread.join()
    return []
""",
        requests=1,
    )
    found = {name: states for (_, _, name), states in lanes(output, "thread").items()}
    found["busy"]["running"] += found["busy"].pop("core", 0)  # beside a busy program it waits for a core in between
    expected = {"sleeper": "sleep", "waiter": "lock", "fetcher": "io", "busy": "running", "parent": "child"}
    assert {name: found[name].most_common(1)[0][0] for name in expected} == expected
    assert min(found[name][state] for name, state in expected.items()) > 180


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_each_process_of_a_pool_has_a_gil_of_its_own(trace, start):
    output = trace(
        BUSY,
        f"""
import multiprocessing
def main(urls):
    with multiprocessing.get_context("{start}").Pool(2) as pool:
        pool.map(busy, [0.2, 0.2], chunksize=1)
    return []
""",
    )
    found = lanes(output, "thread")
    busiest = sorted(found.values(), key=lambda states: states["running"])[-2:]
    assert len({pid for pid, _, _ in found}) >= 3
    for states in busiest:
        assert states["running"] + states["core"] >= 150
        assert states["gil"] <= 0.1 * states["running"]


def test_a_short_lived_thread_is_seen(trace):
    output = trace("""
import threading, time
def main(urls):
    for _ in range(5):
        thread = threading.Thread(target=time.sleep, args=(0.05,))
        thread.start()
        thread.join()
    return []
""")
    sleepers = [states for (pid, tid, _), states in lanes(output, "thread").items() if tid != pid]
    assert len(sleepers) == 5
    assert all(states["sleep"] > 0 for states in sleepers)


def test_a_task_with_an_answer_is_ready_while_another_task_holds_the_loop(trace):
    output = trace(
        BUSY,
        """
import asyncio
async def fetch(url):
    host, _, port = url.split("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {url} HTTP/1.1\\r\\n\\r\\n".encode())
    await reader.readline()
    busy(0.1, time.monotonic)
    writer.close()
async def main(urls):
    await asyncio.gather(*(asyncio.create_task(fetch(url), name=f"fetch {url[-1]}") for url in urls))
    return []
""",
    )
    found = {name: states for (_, _, name), states in lanes(output, "task").items() if name.startswith("fetch")}
    assert sorted(found) == ["fetch 1", "fetch 2", "fetch 3"]
    assert min(states["io"] for states in found.values()) > 600 * HOLD_S
    assert all(states["running"] >= 90 for states in found.values())
    # The answers come at once; the tasks then run one after the other and wait for 0, 100 and 200 ms.
    assert sum(states["ready"] for states in found.values()) > 180


def test_an_answer_that_arrives_while_the_loop_is_busy_makes_its_task_ready(trace):
    output = trace(
        BUSY,
        """
import asyncio
async def fetch(url):
    host, _, port = url.split("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {url} HTTP/1.1\\r\\n\\r\\n".encode())
    await reader.readline()
    writer.close()
async def main(urls):
    task = asyncio.create_task(fetch(urls[0]), name="fetch")
    await asyncio.sleep(0.1)
    busy(0.4, time.monotonic)  # the answer comes after 0.3 s
    await task
    return []
""",
        requests=1,
    )
    (states,) = [states for (_, _, name), states in lanes(output, "task").items() if name == "fetch"]
    assert states["io"] > 180
    assert states["ready"] > 100
    derived = [lane for lane in output.all(Lane) if lane.name == "fetch"][-1]
    assert "ready" in {state for state, is_derived in zip(derived.states, derived.derived, strict=True) if is_derived}


def test_a_semaphore_shows_as_lock_and_a_timer_as_sleep(trace):
    output = trace("""
import asyncio
async def work(semaphore):
    async with semaphore:
        await asyncio.sleep(0.1)
async def main(urls):
    semaphore = asyncio.Semaphore(1)
    await asyncio.gather(*(asyncio.create_task(work(semaphore), name=f"work {n}") for n in range(2)))
    return []
""")
    found = {name: states for (_, _, name), states in lanes(output, "task").items()}
    assert min(found[f"work {n}"]["sleep"] for n in range(2)) > 60
    assert found["work 0"]["lock"] == 0
    assert found["work 1"]["lock"] > 60


@pytest.mark.parametrize(
    ("end", "outcome"), [("os.abort()", "crashed"), ("time.sleep(600)", "timeout"), ("raise ValueError", "failed")]
)
def test_a_traced_trial_ends_like_any_other(trace, end, outcome):
    output = trace(f"import os, time\ndef main(urls):\n    time.sleep(0.1)\n    {end}\n", timeout_s=0.5)
    assert output.done.outcome == outcome
    assert "sleep" in {state for lane in output.all(Lane) if lane.tid == lane.pid for state in lane.states}


def may_look_into_nothing() -> None:
    """Drop the right to look into processes of other users, before this process becomes another program."""
    ctypes.CDLL(None).prctl(24, 19, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_SYS_PTRACE


def test_a_process_without_access_is_reported_as_unseen():
    root = os.geteuid() == 0
    if not root and Path("/proc/1").stat().st_uid == os.geteuid():
        pytest.skip("there is no other user's process")
    with subprocess.Popen(["sleep", "60"], user=65534 if root else None) as sleeper:
        run = subprocess.run(
            [sys.executable, "-m", "clients.harness.tracer", str(sleeper.pid if root else 1)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=may_look_into_nothing if root else None,
            timeout=PATIENCE_S,
            check=True,
        )
        sleeper.kill()
    (unseen,) = [from_line(line) for line in run.stdout.splitlines() if line]
    assert unseen.kind == "thread"
    assert "syscall" in unseen.reason
