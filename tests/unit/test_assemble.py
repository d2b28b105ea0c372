"""The messages of a client and the log of a server become a trial."""

from __future__ import annotations

from dataclasses import replace

from clients.harness.protocol import Begin, Done, Ready, Request, Sample
from labkit.model import SampleRow, ServerRow
from labkit.run.assemble import assemble
from labkit.runtime.client import ClientReport
from labkit.runtime.server import LoggedRequest
from tests import samples

START_NS = 5_000_000_000
MS = 1_000_000
READY = Ready("threads", "3.14.0", 0.25)
PLANNED = samples.planned(requests=2)


def at(milliseconds):
    return START_NS + milliseconds * MS


def begin(request_id, start_ms, key=None):
    return Begin(key or f"k{request_id}", "t1", request_id, f"lane {request_id}", 41, at(start_ms))


def end(request_id, start_ms, end_ms, key=None, **changes):
    fields = {
        "key": key or f"k{request_id}",
        "trial": "t1",
        "id": request_id,
        "lane": f"lane {request_id}",
        "pid": 41,
        "start_ns": at(start_ms),
        "connected_ns": at(start_ms + 1),
        "sent_ns": at(start_ms + 2),
        "first_byte_ns": at(end_ms - 1),
        "end_ns": at(end_ms),
        "status": 200,
        "bytes": 27,
        "error": None,
    }
    return Request(**fields | changes)


def done(**changes):
    fields = {
        "outcome": "ok",
        "error": None,
        "start_ns": START_NS,
        "end_ns": at(1100),
        "answers": (1, 2),
        "cpu_s": 0.2,
        "machine_cpu_s": 0.4,
        "cpus": 2,
        "last_lines": ("hello",),
    }
    return Done(**fields | changes)


def logged(request_id, start_ms, end_ms):
    return LoggedRequest("t1", request_id, 70, at(start_ms), at(end_ms), 200)


def trial_of(*messages, log=(), how="", last_lines=()):
    last = messages[-1] if messages and isinstance(messages[-1], Done) else None
    return assemble(PLANNED, READY, ClientReport(messages, last, how, last_lines), log, server_cpu_s=0.01)


WHOLE = (begin(1, 10), begin(2, 20), end(2, 20, 1050), end(1, 10, 1060), done())
LOG = (logged(1, 15, 1016), logged(2, 25, 1026))


def test_client_and_server_rows_are_paired_on_one_time_axis():
    trial = trial_of(*WHOLE, log=LOG)
    first, second = trial.requests
    assert (first.id, first.lane, first.pid, first.status, first.bytes, first.error) == (1, "lane 1", 41, 200, 27, None)
    assert (first.start_s, first.connected_s, first.sent_s) == (0.010, 0.011, 0.012)
    assert (first.first_byte_s, first.end_s) == (1.059, 1.060)
    assert first.server == ServerRow(1, 70, 0.015, 1.016, 200)
    assert second.server == ServerRow(2, 70, 0.025, 1.026, 200)
    assert trial.unmatched == ()


def test_figures_of_the_whole_trial_are_kept():
    trial = trial_of(*WHOLE, log=LOG)
    assert (trial.planned, trial.outcome, trial.error) == (PLANNED, "ok", None)
    assert (trial.python, trial.cold_start_s, trial.makespan_s) == ("3.14.0", 0.25, 1.1)
    assert (trial.answers, trial.cpu_s, trial.machine_cpu_s, trial.cpus) == ((1, 2), 0.2, 0.4, 2)
    assert (trial.server_cpu_s, trial.last_lines) == (0.01, ("hello",))


def test_rows_are_in_the_order_of_the_starts():
    messages = (begin(2, 20), begin(1, 10), end(1, 10, 1060), end(2, 20, 1050), done())
    assert [row.id for row in trial_of(*messages, log=LOG).requests] == [1, 2]


def test_samples_before_the_start_signal_have_negative_times():
    sample = Sample(at(-30), 2, 1, 0.1, 1000, 0)
    assert trial_of(sample, *WHOLE).samples == (SampleRow(-0.03, 2, 1, 0.1, 1000, 0),)


def test_a_request_that_the_server_did_not_log_has_no_server_row():
    assert [row.server for row in trial_of(*WHOLE).requests] == [None, None]


def test_a_logged_request_that_the_client_did_not_make_is_unmatched():
    stray = logged("favicon.ico", 100, 1100)
    assert trial_of(*WHOLE, log=(*LOG, stray)).unmatched == (ServerRow("favicon.ico", 70, 0.1, 1.1, 200),)


def test_a_request_logged_twice_and_made_once_is_unmatched_once():
    trial = trial_of(*WHOLE, log=(*LOG, logged(1, 40, 1041)))
    assert [row.server.start_s for row in trial.requests] == [0.015, 0.025]
    assert [row.start_s for row in trial.unmatched] == [0.04]


def test_a_request_made_twice_has_two_rows_and_two_server_rows():
    twice = (begin(1, 10, "a"), begin(1, 500, "b"), end(1, 10, 1020, "a"), end(1, 500, 1520, "b"), done())
    trial = trial_of(*twice, log=(logged(1, 15, 1016), logged(1, 505, 1506)))
    assert [(row.start_s, row.server.start_s) for row in trial.requests] == [(0.010, 0.015), (0.5, 0.505)]


def test_a_request_that_began_and_never_ended_fails_the_trial():
    trial = trial_of(begin(1, 10), begin(2, 20), end(1, 10, 1060), done(), log=LOG)
    row = trial.requests[1]
    assert (row.id, row.start_s, row.end_s, row.status) == (2, 0.02, None, None)
    assert row.server == ServerRow(2, 70, 0.025, 1.026, 200)
    assert trial.outcome == "failed"
    assert trial.error == "1 of 2 requests failed; request 2: never ended"


def test_requests_without_an_answer_fail_a_trial_whose_main_returned():
    broken = end(1, 10, 60, error="ConnectionResetError: reset", status=None, bytes=None, first_byte_ns=None)
    trial = trial_of(begin(1, 10), begin(2, 20), broken, end(2, 20, 1050, status=503), done())
    assert trial.outcome == "failed"
    assert trial.error == "2 of 2 requests failed; request 1: ConnectionResetError: reset"
    assert trial.requests[0].first_byte_s is None
    assert trial.makespan_s == 1.1


def test_without_an_error_the_status_is_the_reason():
    trial = trial_of(begin(1, 10), begin(2, 20), end(1, 10, 1060), end(2, 20, 1050, status=503), done())
    assert trial.error == "1 of 2 requests failed; request 2: status 503"


def test_an_exception_of_main_takes_precedence():
    raised = done(outcome="failed", error="ValueError: no", answers=None)
    trial = trial_of(begin(1, 10), raised)
    assert (trial.outcome, trial.error, trial.answers) == ("failed", "ValueError: no", None)


def test_a_trial_that_was_cut_off_has_no_makespan():
    for outcome in ("timeout", "crashed", "interrupted"):
        trial = trial_of(*WHOLE[:-1], done(outcome=outcome, error="because", answers=None, cpu_s=None))
        assert (trial.outcome, trial.error, trial.makespan_s) == (outcome, "because", None)
        assert len(trial.requests) == 2


def test_without_a_done_message_the_client_has_crashed_and_times_count_from_the_first_sample():
    sample = Sample(START_NS, 2, 1, 0.1, None, None)
    trial = trial_of(sample, begin(1, 10), log=(logged(1, 15, 1016),), how="the client was killed by signal 9",
                     last_lines=("out of memory",))  # fmt: skip
    assert (trial.outcome, trial.error) == ("crashed", "the client was killed by signal 9")
    assert (trial.makespan_s, trial.cpu_s, trial.answers, trial.cpus) == (None, None, None, None)
    assert trial.last_lines == ("out of memory",)
    assert trial.requests[0].start_s == 0.01
    assert trial.requests[0].server.start_s == 0.015


def test_a_client_without_messages_has_crashed():
    trial = trial_of(how="the client exited with code 1")
    assert (trial.outcome, trial.requests, trial.samples) == ("crashed", (), ())


# More than one attempt at a request.

RETRIED = (
    begin(1, 10, "a"),
    end(1, 10, 20, "a", status=503),
    begin(2, 15, "b"),
    end(2, 15, 1030, "b"),
    begin(1, 40, "c"),
    end(1, 40, 1060, "c"),
    done(),
)


def test_attempts_are_counted_and_a_request_that_a_retry_answers_has_not_failed():
    trial = trial_of(*RETRIED)
    assert [(row.id, row.attempt, row.status) for row in trial.requests] == [(1, 1, 503), (2, 1, 200), (1, 2, 200)]
    assert (trial.outcome, trial.error) == ("ok", None)


def test_the_action_of_the_server_is_kept():
    refused = replace(logged(1, 12, 13), status=503, did="unavailable", attempt=1)
    trial = trial_of(*RETRIED, log=(refused, replace(logged(1, 45, 1050), attempt=2)))
    assert [(row.server.did, row.server.attempt) for row in trial.requests if row.server] == [
        ("unavailable", 1),
        ("answer", 2),
    ]


def test_a_request_with_a_reported_cause_does_not_fail_the_trial():
    broken = end(1, 10, 60, error="TimeoutError", status=None, bytes=None, first_byte_ns=None)
    messages = (begin(1, 10), begin(2, 20), broken, end(2, 20, 1050))
    trial = trial_of(*messages, done(answers=(None, 2), causes=("TimeoutError", None)))
    assert (trial.outcome, trial.causes) == ("ok", ("TimeoutError", None))
    unnoticed = trial_of(*messages, done(answers=(None, 2)))
    assert (unnoticed.outcome, unnoticed.error) == ("failed", "1 of 2 requests failed; request 1: TimeoutError")
