"""A tally counts the same while a load runs as from all of its requests afterwards."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.harness.protocol import Batch
from labkit.analysis.statistics import most_at_once, percentile
from labkit.load import latencies
from labkit.load.tally import ERROR_KINDS, ERROR_LENGTH, OTHER_ERRORS, Tally
from labkit.model import ServerConfig
from labkit.model.load import Closed, LoadPlan, Open, Second
from labkit.runtime.server import LoggedRequest

MS = 1_000_000
ZERO_NS = 7_000_000_123
DELAY_MS = 100
SERVER = ServerConfig(3, "sync", 1, DELAY_MS / 1000)
CLOSED = LoadPlan(1, SERVER, Closed(50, 50.0), 10.0, None, 1, 30.0)
OPEN = replace(CLOSED, shape=Open(20.0, "constant", 1, 50))
FOREVER = float("inf")


@dataclass(frozen=True)
class Call:
    """A request, in milliseconds since zero; `wait` is the time from its intended to its actual start."""

    begin: int
    wait: int = 0
    takes: int | None = 120
    status: int | None = 200
    error: str | None = None
    served: tuple[int, int] | None = (10, DELAY_MS)  # after the start, and for this duration

    @property
    def answered(self):
        return self.takes is not None and self.error is None and self.status is not None and self.status < 400

    @property
    def end(self):
        return self.begin + self.takes

    @property
    def response(self):
        return self.wait + self.takes

    @property
    def span(self):
        return self.begin, FOREVER if self.takes is None else self.end

    @property
    def server_span(self):
        return self.begin + self.served[0], self.begin + sum(self.served)


ANSWERED = st.builds(Call, begin=st.integers(0, 3000), wait=st.integers(0, 3000), takes=st.integers(110, 2500))
FAILED = st.builds(
    Call,
    begin=st.integers(0, 3000),
    wait=st.integers(0, 20),
    takes=st.integers(0, 2500),
    status=st.sampled_from([None, 500]),
    error=st.sampled_from([None, "refused"]),
    served=st.sampled_from([None, (0, DELAY_MS), (3000, DELAY_MS)]),
)
ENDLESS = st.builds(Call, begin=st.integers(0, 3000), takes=st.none(), served=st.sampled_from([None, (0, DELAY_MS)]))
STORIES = st.lists(st.one_of(ANSWERED, ANSWERED, FAILED, ENDLESS), max_size=25)


def at(moment_ms):
    return ZERO_NS + moment_ms * MS


def numbered(asked, processes):
    """Calls with their ids and sources, as the processes of the generator number them."""
    given = Counter()
    for request in sorted(asked, key=lambda request: request.begin):
        source = request.begin % processes
        yield given[source] * processes + source + 1, source, request
        given[source] += 1


def batch(source, t_ms, begun=(), ended=(), due=0, *, waiting=0, opened=False):
    return Batch(
        source=source,
        t_ns=at(t_ms),
        begun=tuple(number for number, _ in begun),
        begun_ns=tuple(at(request.begin) for _, request in begun),
        begun_due_ns=tuple(at(request.begin - request.wait) for _, request in begun) if opened else None,
        ended=tuple(number for number, _ in ended),
        ended_start_ns=tuple(at(request.begin) for _, request in ended),
        ended_ns=tuple(at(request.end) for _, request in ended),
        statuses=tuple(request.status for _, request in ended),
        sizes=tuple(11 if request.answered else None for _, request in ended),
        errors=tuple(request.error for _, request in ended),
        due=due,
        waiting=waiting,
    )


def logged(number, request, **changes):
    start, end = request.server_span
    return replace(LoggedRequest("t1", number, 17, at(start), at(end), 200), **changes)


def story(plan, asked, every_ms=250, lag=lambda: 0):
    """The batches of a load generator and the rows of a server's log, in the order of their arrival."""
    requests = list(numbered(asked, plan.processes))
    last = max((request.end for request in asked if request.takes is not None), default=0)
    opened = isinstance(plan.shape, Open)
    messages = []
    for source in range(plan.processes):
        mine = [(number, request) for number, of, request in requests if of == source]
        messages.append((0, batch(source, 0, opened=opened)))
        due = 0
        for tick in range(max(last, 3000) // every_ms + 1):
            span = range(tick * every_ms, (tick + 1) * every_ms)
            begun = [one for one in mine if one[1].begin in span]
            ended = [one for one in mine if one[1].takes is not None and one[1].end in span]
            due += len(begun)
            moment = (tick + 1) * every_ms
            ended.sort(key=lambda one: one[1].end)
            messages.append((moment, batch(source, moment, begun, ended, due, opened=opened)))
    for number, _, request in requests:
        if request.served is not None:
            messages.append((request.server_span[1] + lag(), [logged(number, request)]))
    messages.sort(key=lambda one: one[0])
    return [message for _, message in messages]


def tallied(plan, messages):
    rows = []
    tally = Tally(plan, rows.append)
    take(tally, messages)
    return tally.finish(), rows


def take(tally, messages):
    for message in messages:
        if isinstance(message, Batch):
            tally.add_batch(message)
        else:
            tally.add_logged(message)


def opened(asked):
    """The calls, with intended starts within the load."""
    return [replace(request, wait=min(request.wait, request.begin)) for request in asked]


@given(STORIES, st.sampled_from([1, 2, 3]), st.sampled_from([CLOSED, OPEN]), st.integers(0, 2000), st.randoms())
def test_it_counts_the_same_as_from_all_requests(asked, processes, plan, most_lag, random):
    asked, plan = opened(asked), replace(plan, processes=processes)
    is_open = isinstance(plan.shape, Open)
    totals, _ = tallied(plan, story(plan, asked, lag=lambda: random.randint(-200, most_lag)))
    ok = [request for request in asked if request.answered]
    over = [request for request in asked if request.takes is not None]
    counts = totals.counts
    assert (counts.arrivals, counts.begun, counts.not_begun) == (len(asked), len(asked), 0)
    assert (counts.ok, counts.failed, counts.unfinished) == (len(ok), len(over) - len(ok), len(asked) - len(over))
    assert counts.late == (sum(request.wait > 10 for request in asked) if is_open else None)
    assert totals.max_in_flight == (most_at_once(request.span for request in asked) if asked else None)
    server_spans = [request.server_span for request in asked if request.served]
    assert totals.server.max_in_flight == (most_at_once(server_spans) if server_spans else None)
    assert totals.latency_sum_s == pytest.approx(sum(request.takes for request in over) / 1000)
    assert totals.last_end_s == pytest.approx(max(r.end for r in over) / 1000 if over else None)
    assert totals.last_answer_s == pytest.approx(max(r.end for r in ok) / 1000 if ok else None)
    if ok:
        assert totals.latency.p50 == pytest.approx(percentile([request.takes for request in ok], 50) / 1000)
        assert totals.latency.max == pytest.approx(max(request.takes for request in ok) / 1000)
    assert (totals.latency is None) == (not ok)
    if ok and is_open:
        assert totals.response.p99 == pytest.approx(percentile([request.response for request in ok], 99) / 1000)
    assert (totals.response is None) == (not ok or not is_open)
    assert sum(times for _, times in totals.errors) == counts.failed


@given(STORIES, st.sampled_from([1, 2, 3]), st.integers(0, 2000), st.randoms())
def test_each_request_is_kept_once_with_both_witnesses(asked, processes, most_lag, random):
    asked, plan = opened(asked), replace(OPEN, processes=processes)
    totals, rows = tallied(plan, story(plan, asked, lag=lambda: random.randint(-200, most_lag)))
    expected = {number: (source, request) for number, source, request in numbered(asked, processes)}
    assert sorted(row.id for row in rows) == sorted(expected)
    for row in rows:
        source, request = expected[row.id]
        assert row.source == source
        assert (row.begun_s, row.start_s) == pytest.approx((request.begin / 1000, request.begin / 1000))
        assert row.due_s == pytest.approx((request.begin - request.wait) / 1000)
        assert row.end_s == pytest.approx(None if request.takes is None else request.end / 1000)
        if request.takes is not None:
            assert (row.status, row.error) == (request.status, request.error)
            assert row.bytes == (11 if request.answered else None)
        if request.served:
            assert row.worker == 17
            assert (row.server_start_s, row.server_end_s) == pytest.approx([t / 1000 for t in request.server_span])
        else:
            assert (row.worker, row.server_start_s, row.server_end_s) == (None, None, None)
    server = totals.server
    faults = (totals.duplicates, totals.out_of_turn, totals.ended_unknown, server.unlogged, server.log_only)
    assert [ids.count for ids in (*faults, server.logged_again, server.outside, server.wrong_delay)] == [0] * 8


@pytest.mark.parametrize("served", [True, False])
def test_a_request_moved_by_a_stall_has_both_starts(served):
    """Its computed start is later than its recorded one."""
    request = Call(begin=100, takes=500)
    stalled = batch(0, 1000, [(1, request)], [(1, request)], due=1)._replace(ended_start_ns=(at(250),))
    _, (row,) = tallied(CLOSED, [batch(0, 0), stalled, *([[logged(1, request)]] if served else [])])
    assert (row.begun_s, row.start_s, row.end_s) == pytest.approx((0.1, 0.25, 0.6))


@given(STORIES, st.sampled_from([1, 2, 3]), st.sampled_from([CLOSED, OPEN]))
def test_each_second_counts_its_events(asked, processes, plan):
    asked, plan = opened(asked), replace(plan, processes=processes)
    seconds = tallied(plan, story(plan, asked))[0].seconds
    assert [second.t_s for second in seconds] == list(range(len(seconds)))
    for second in seconds:
        within = range(second.t_s * 1000, second.t_s * 1000 + 1000)
        over = [request for request in asked if request.takes is not None and request.end in within]
        ok = [request.takes / 1000 for request in over if request.answered]
        starts = [request.begin - (request.wait if plan.shape == OPEN.shape else 0) for request in asked]
        assert second.arrivals == sum(start in within for start in starts)
        assert (second.ok, second.failed) == (len(ok), len(over) - len(ok))
        assert second.p50_s == (pytest.approx(percentile(ok, 50)) if ok else None)
        assert second.p99_s == (pytest.approx(percentile(ok, 99)) if ok else None)
        # The last batch before the end of the second is a quarter of a second earlier.
        reported = within[0] + 750
        assert second.in_flight == sum(start < reported <= end for start, end in (request.span for request in asked))
    assert sum(second.ok + second.failed for second in seconds) == sum(r.takes is not None for r in asked)


def test_seconds_without_events_are_included():
    totals, _ = tallied(CLOSED, [batch(0, 0), batch(0, 2500)])
    assert totals.seconds == tuple(Second(t_s, 0, 0, 0, 0, 0, None, None) for t_s in range(3))


def test_a_load_without_batches_has_no_figures():
    totals, rows = tallied(CLOSED, [])
    assert rows == []
    assert (totals.max_in_flight, totals.last_end_s, totals.latency, totals.seconds) == (None, None, None, ())
    assert totals.server.slowest_s is None


def test_the_figures_of_a_running_load():
    tally = Tally(replace(OPEN, processes=2), lambda _: None)
    asked = [Call(begin=t, takes=takes) for t, takes in ((0, 500), (10, 700), (20, 5000), (30, 5000), (40, 5000))]
    begun = list(enumerate(asked, 1))
    tally.add_batch(batch(0, 0, opened=True))
    early = tally.now(at(0))
    assert (early.elapsed_s, early.throughput_per_s, early.p50_s, early.response_p99_s) == (0, 0, None, None)
    tally.add_batch(batch(0, 1000, begun[::2], begun[:1], due=5, waiting=2, opened=True))
    tally.add_batch(batch(1, 1000, begun[1::2], begun[1:2], due=3, waiting=1, opened=True))
    now = tally.now(at(2000))
    assert now.elapsed_s == 2
    assert (now.counts.arrivals, now.counts.begun, now.counts.ok) == (8, 5, 2)
    assert (now.counts.unfinished, now.counts.not_begun, now.counts.late) == (3, 3, 0)
    assert (now.in_flight, now.queue) == (3, 3)  # three slots for six
    assert (now.p50_s, now.p99_s) == pytest.approx((0.5, 0.7), rel=0.0011)
    assert now.throughput_per_s == 1
    totals = tally.finish()
    assert (totals.counts.not_begun, totals.seconds[1].waiting) == (3, 3)


def test_a_server_without_slots_has_no_queue():
    tally = Tally(replace(CLOSED, server=ServerConfig(1, "gevent", 1, 0.1)), lambda _: None)
    tally.add_batch(batch(0, 0, waiting=7))
    assert tally.now(at(1)).queue is None


def test_errors_are_named_by_their_cause_or_status():
    failing = [
        *[Call(0, status=None, error="refused")] * 3,
        *[Call(1, status=503)] * 2,
        Call(2, status=None),
        Call(3, status=None, error="x" * 999),
    ]
    errors = dict(tallied(CLOSED, story(CLOSED, failing))[0].errors)
    assert errors == {"refused": 3, "status 503": 2, "no answer": 1, "x" * ERROR_LENGTH: 1}


def test_kinds_of_errors_are_bounded():
    failing = [Call(number, status=None, error=f"error {number % 80}") for number in range(160)]
    errors = tallied(CLOSED, story(CLOSED, failing))[0].errors
    assert len(errors) == ERROR_KINDS + 1
    assert errors[0] == (OTHER_ERRORS, 2 * (80 - ERROR_KINDS))
    assert dict(errors)["error 49"] == 2


def begun_and_ended(numbers, request=Call(10)):
    """One request under each number."""
    both = [(number, request) for number in numbers]
    return [batch(0, 0), batch(0, 250, both, both)], [[logged(number, request)] for number in sorted(set(numbers))]


def test_a_duplicate_id_is_found():
    batches, log = begun_and_ended([1, 2, 2, 3])
    totals, _ = tallied(CLOSED, [*batches, *log])
    assert (totals.duplicates.count, totals.duplicates.first) == (1, (2,))
    assert totals.out_of_turn.count == 0


@pytest.mark.parametrize("numbers", [[1, 2, 4, 5], [1, 2, 3, 5, 6]])
def test_a_skipped_id_is_found(numbers):
    batches, log = begun_and_ended(numbers)
    totals, _ = tallied(CLOSED, [*batches, *log])
    assert totals.out_of_turn.first == (next(b for a, b in pairwise(numbers) if b > a + 1),)
    assert totals.duplicates.count == 0


def test_an_id_of_another_source_is_found():
    batches, _ = begun_and_ended([1, 4, 3])
    assert tallied(replace(CLOSED, processes=2), batches)[0].out_of_turn.first == (4,)


def test_an_end_without_a_start_is_found():
    totals, rows = tallied(CLOSED, [batch(0, 0), batch(0, 250, ended=[(5, Call(10))])])
    assert totals.ended_unknown.first == (5,)
    assert (totals.counts.ok, rows) == (0, [])


@pytest.mark.parametrize("rest", [0, 30_000])
def test_an_answer_that_the_server_did_not_log_is_found(rest):
    """At the end, or as soon as the log is ten seconds past it."""
    asked = [Call(t, served=None if t < 30 else (10, DELAY_MS)) for t in (10, 20, 30, 30 + rest)]
    totals, rows = tallied(CLOSED, story(CLOSED, asked))
    assert (totals.server.unlogged.count, totals.server.unlogged.first) == (2, (1, 2))
    assert [row.id for row in rows if row.worker is None] == [1, 2]


@pytest.mark.parametrize("stranger", [99, 0, "favicon.ico"])
def test_a_request_only_in_the_log_is_found(stranger):
    batches, log = begun_and_ended([1, 2])
    totals, _ = tallied(CLOSED, [*batches, *log, [logged(stranger, Call(10))]])
    assert totals.server.log_only.first == (stranger,)
    assert totals.server.rows == 3


@pytest.mark.parametrize("late", [False, True])
def test_a_request_that_the_server_logged_twice_is_found(late):
    batches, log = begun_and_ended([1, 2])
    messages = [*batches, *log, log[0]] if late else [log[0], log[0], *batches, log[1]]
    assert tallied(CLOSED, messages)[0].server.logged_again.first == (1,)


def test_an_abandoned_request_may_be_served_later():
    """It stays in the server's backlog."""
    gave_up = Call(10, takes=100, status=None, error="timeout", served=(30_000, DELAY_MS))
    totals, rows = tallied(CLOSED, story(CLOSED, [gave_up, Call(29_000)]))
    assert [row.id for row in rows] == [1, 2]
    assert (totals.server.logged_again.count, totals.server.log_only.count, totals.server.outside.count) == (0, 0, 0)


@pytest.mark.parametrize("shift", [-1, 25], ids=["before", "after"])
def test_a_request_served_outside_its_client_duration_is_found(shift):
    asked = [Call(10), Call(20, served=(shift, DELAY_MS))]
    assert tallied(CLOSED, story(CLOSED, asked))[0].server.outside.first == (2,)


@pytest.mark.parametrize("took", [0, DELAY_MS - 1, 121])
def test_a_request_with_a_wrong_delay_is_found(took):
    asked = [Call(10), Call(20, takes=500, served=(10, took)), Call(30, takes=500, served=(10, 120))]
    server = tallied(CLOSED, story(CLOSED, asked))[0].server
    assert server.wrong_delay.first == (2,)
    assert server.slowest_s == pytest.approx(max(took, 120) / 1000)


def test_answered_requests_without_a_row_are_listed():
    tally = Tally(CLOSED, lambda _: None)
    over = [(1, Call(10)), (2, Call(10)), (3, Call(10, status=None, error="refused"))]
    take(tally, [batch(0, 0), batch(0, 250, [*over, (4, Call(10))], over)])
    assert tally.unlogged() == (1, 2)
    tally.add_logged([logged(1, Call(10))])
    assert tally.unlogged() == (2,)


def test_at_most_eight_ids_are_named():
    asked = [Call(10 * number, served=None) for number in range(20)]
    unlogged = tallied(CLOSED, story(CLOSED, asked))[0].server.unlogged
    assert (unlogged.count, unlogged.first) == (20, tuple(range(1, 9)))


@pytest.mark.parametrize("status", [200, 503])
def test_memory_depends_on_requests_in_flight_not_on_all_requests(monkeypatch, status):
    """After the exact latencies, and the ten seconds for which failed requests are kept."""
    monkeypatch.setattr(latencies, "EXACT_UP_TO", 1000)

    def peak(seconds):
        tally = Tally(OPEN, lambda _: None)
        tally.add_batch(batch(0, 0, opened=True))
        before = []
        tracemalloc.start()
        for second in range(seconds):
            numbers = range(second * 100 + 1, second * 100 + 101)
            begin = second * 1000 + 950
            begun = [(number, Call(begin, takes=120 + number % 100, status=status)) for number in numbers]
            tally.add_logged([logged(*one) for one in before if one[1].answered])
            tally.add_batch(batch(0, second * 1000 + 1000, begun, before, due=numbers[-1], opened=True))
            before = begun
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(40)  # the interpreter keeps memory that is used first
    per_request = (peak(160) - peak(120)) / (40 * 100)
    assert per_request < 8, "bytes: a single number takes as many"
