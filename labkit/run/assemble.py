"""From what client and server said to a `Trial`: puts both on one time axis and pairs their rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal, cast

from clients.harness import protocol
from labkit.model import (
    LaneRow,
    Outcome,
    PlannedTrial,
    RequestRow,
    SampleRow,
    ServerRow,
    Span,
    State,
    Trace,
    Trial,
)
from labkit.run.matching import Attempt, matched
from labkit.runtime.client import ClientReport
from labkit.runtime.server import LoggedRequest


def assemble(
    planned: PlannedTrial,
    ready: protocol.Ready,
    report: ClientReport,
    logged: Sequence[LoggedRequest],
    server_cpu_s: float | None,
) -> Trial:
    """The trial as measured. Without a last word from the client its time axis begins with its first sample."""
    done = report.done
    start_ns = done.start_ns if done else next((m.t_ns for m in report.messages if isinstance(m, protocol.Sample)), 0)
    rows, unmatched = _rows(_pairs(report.messages), logged, start_ns)
    outcome, error = _outcome(done, report, rows)
    return Trial(
        planned=planned,
        outcome=outcome,
        error=error,
        python=ready.python,
        cold_start_s=ready.cold_start_s,
        makespan_s=(done.end_ns - done.start_ns) / 1e9 if done and done.outcome in {"ok", "failed"} else None,
        requests=rows,
        unmatched=tuple(_server_row(row, start_ns) for row in unmatched),
        samples=tuple(_sample_row(m, start_ns) for m in report.messages if isinstance(m, protocol.Sample)),
        answers=done.answers if done else None,
        cpu_s=done.cpu_s if done else None,
        machine_cpu_s=done.machine_cpu_s if done else None,
        server_cpu_s=server_cpu_s,
        cpus=done.cpus if done else None,
        last_lines=done.last_lines if done else report.last_lines,
        trace=_trace(report.messages, start_ns) if planned.traced else None,
        causes=done.causes if done else None,
        gil=ready.gil,
    )


def _rows(
    attempts: Sequence[Attempt], logged: Sequence[LoggedRequest], start_ns: int
) -> tuple[tuple[RequestRow, ...], list[LoggedRequest]]:
    """The attempts as rows, in their order, and what the server logged besides."""
    served: dict[int | str, list[LoggedRequest]] = defaultdict(list)
    for row in logged:
        served[row.id].append(row)
    tried: dict[int | str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        tried[attempt[0].id].append(attempt)
    found: dict[str, LoggedRequest] = {}
    unmatched = [row for request_id, rows in served.items() if request_id not in tried for row in rows]
    for request_id, its in tried.items():
        own, rest = matched(its, served[request_id])
        found |= own
        unmatched += rest
    numbers = {begin.key: number for its in tried.values() for number, (begin, _) in enumerate(its, 1)}
    return tuple(
        _request_row(begin, end, start_ns, found.get(begin.key), numbers[begin.key]) for begin, end in attempts
    ), unmatched


def _trace(messages: Sequence[protocol.Message], start_ns: int) -> Trace:
    """What was told of each lane, in one piece; lanes in the order in which they were first heard of."""
    spans: dict[tuple[Literal["thread", "task"], int, int, str], list[Span]] = defaultdict(list)
    # From outside a thread has a short name or none; who made a request in it knows Python's.
    names = {(each.pid, each.tid): each.thread for each in messages if isinstance(each, protocol.Begin) and each.thread}
    for part in messages:
        if isinstance(part, protocol.Lane):
            name = names.get((part.pid, part.tid), part.name) if part.kind == "thread" else part.name
            columns = zip(part.states, part.starts_ns, part.ends_ns, part.derived, strict=True)
            spans[part.kind, part.pid, part.tid, name] += [
                Span(cast("State", state), (from_ns - start_ns) / 1e9, (to_ns - start_ns) / 1e9, derived)
                for state, from_ns, to_ns, derived in columns
            ]
    gaps = [message for message in messages if isinstance(message, protocol.Gap)]
    unseen = [message for message in messages if isinstance(message, protocol.Unseen)]
    return Trace(
        lanes=tuple(LaneRow(*lane, tuple(found)) for lane, found in spans.items()),
        gaps=tuple(((gap.start_ns - start_ns) / 1e9, (gap.end_ns - start_ns) / 1e9) for gap in gaps),
        unseen=(*(f"{each.kind}s: {each.reason}" for each in unseen), *_hidden_gils(messages)),
    )


def _hidden_gils(messages: Sequence[protocol.Message]) -> list[str]:
    """What cannot be told of requests that were made in interpreters of their own."""
    if any((each.thread or "").startswith("Interpreter-") for each in messages if isinstance(each, protocol.Begin)):
        return ["threads: each interpreter has a GIL of its own, which looks like any lock from outside"]
    return []


def _outcome(
    done: protocol.Done | None, report: ClientReport, rows: Sequence[RequestRow]
) -> tuple[Outcome, str | None]:
    if done is None:
        return "crashed", report.exit_reason
    last = {row.id: row for row in rows}
    answered = {row.id for row in rows if row.answered}
    told = {number for number, cause in enumerate(done.causes or (), 1) if cause is not None}
    lost = [row for request_id, row in last.items() if request_id not in answered and request_id not in told]
    if done.outcome == "ok" and lost:
        first = lost[0]
        why = first.error or (f"status {first.status}" if first.end_s is not None else "never ended")
        return "failed", f"{len(lost)} of {len(last)} requests failed; request {first.id}: {why}"
    return done.outcome, done.error


def _pairs(messages: Sequence[protocol.Message]) -> list[Attempt]:
    ends = {message.key: message for message in messages if isinstance(message, protocol.Request)}
    begins = sorted((m for m in messages if isinstance(m, protocol.Begin)), key=lambda begin: begin.start_ns)
    return [(begin, ends.get(begin.key)) for begin in begins]


def _request_row(
    begin: protocol.Begin,
    end: protocol.Request | None,
    start_ns: int,
    served: LoggedRequest | None,
    attempt: int,
) -> RequestRow:
    def seconds(t_ns: int | None) -> float | None:
        return None if t_ns is None else (t_ns - start_ns) / 1e9

    return RequestRow(
        id=begin.id,
        lane=begin.lane,
        pid=begin.pid,
        start_s=((end or begin).start_ns - start_ns) / 1e9,
        connected_s=seconds(end.connected_ns) if end else None,
        sent_s=seconds(end.sent_ns) if end else None,
        first_byte_s=seconds(end.first_byte_ns) if end else None,
        end_s=seconds(end.end_ns) if end else None,
        status=end.status if end else None,
        bytes=end.bytes if end else None,
        error=end.error if end else None,
        server=_server_row(served, start_ns) if served else None,
        attempt=attempt,
    )


def _server_row(row: LoggedRequest, start_ns: int) -> ServerRow:
    return ServerRow(
        id=row.id,
        worker=row.worker,
        start_s=(row.start_ns - start_ns) / 1e9,
        end_s=(row.end_ns - start_ns) / 1e9,
        status=row.status,
        did=row.did,
        attempt=row.attempt,
    )


def _sample_row(sample: protocol.Sample, start_ns: int) -> SampleRow:
    return SampleRow(
        t_s=(sample.t_ns - start_ns) / 1e9,
        threads=sample.threads,
        processes=sample.processes,
        cpu_s=sample.cpu_s,
        memory_bytes=sample.memory_bytes,
        in_flight=sample.in_flight,
    )
