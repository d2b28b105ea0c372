"""Assemble a `Trial` from client and server: their rows paired, on one time axis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
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
from labkit.run.matching import Attempt, match_attempts
from labkit.runtime.client import ClientReport
from labkit.runtime.server import LoggedRequest

# A row of the server's log is the same on both time axes, apart from the times.
LOGGED = [field.name for field in fields(ServerRow) if field.name not in {"start_s", "end_s"}]


def assemble(
    planned: PlannedTrial,
    ready: protocol.Ready,
    report: ClientReport,
    logged: Sequence[LoggedRequest],
    server_cpu_s: float | None,
) -> Trial:
    """The trial as measured. If the client ended without a `Done`, the time axis begins with its first sample."""
    done = report.done
    samples = [message for message in report.messages if isinstance(message, protocol.Sample)]
    start_ns = done.start_ns if done else samples[0].t_ns if samples else 0
    rows, unmatched = _rows(_attempts(report.messages), logged, start_ns)
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
        samples=tuple(_sample_row(sample, start_ns) for sample in samples),
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


def _attempts(messages: Sequence[protocol.Message]) -> list[Attempt]:
    ends = {message.key: message for message in messages if isinstance(message, protocol.Request)}
    begins = sorted((each for each in messages if isinstance(each, protocol.Begin)), key=lambda begin: begin.start_ns)
    return [(begin, ends.get(begin.key)) for begin in begins]


def _rows(
    attempts: Sequence[Attempt], logged: Sequence[LoggedRequest], start_ns: int
) -> tuple[tuple[RequestRow, ...], list[LoggedRequest]]:
    """The attempts as rows, in their order, and the log rows without an attempt."""
    served: dict[int | str, list[LoggedRequest]] = defaultdict(list)
    for row in logged:
        served[row.id].append(row)
    tried: dict[int | str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        tried[attempt[0].id].append(attempt)
    matches: dict[str, LoggedRequest] = {}
    unmatched = [row for request_id, rows in served.items() if request_id not in tried for row in rows]
    for request_id, same_request in tried.items():
        found, rest = match_attempts(same_request, served[request_id])
        matches |= found
        unmatched += rest
    numbers = {begin.key: number for each in tried.values() for number, (begin, _) in enumerate(each, 1)}
    return tuple(
        _request_row(begin, end, start_ns, matches.get(begin.key), numbers[begin.key]) for begin, end in attempts
    ), unmatched


def _outcome(
    done: protocol.Done | None, report: ClientReport, rows: Sequence[RequestRow]
) -> tuple[Outcome, str | None]:
    if done is None:
        return "crashed", report.exit_reason
    last = {row.id: row for row in rows}
    answered = {row.id for row in rows if row.answered}
    reported = {number for number, cause in enumerate(done.causes or (), 1) if cause is not None}
    lost = [row for request_id, row in last.items() if request_id not in answered | reported]
    if done.outcome == "ok" and lost:
        first = lost[0]
        reason = first.error or (f"status {first.status}" if first.end_s is not None else "never ended")
        return "failed", f"{len(lost)} of {len(last)} requests failed; request {first.id}: {reason}"
    return done.outcome, done.error


def _trace(messages: Sequence[protocol.Message], start_ns: int) -> Trace:
    """The recorded lanes, each in one piece, in the order of their first message."""
    spans: dict[tuple[Literal["thread", "task"], int, int, str], list[Span]] = defaultdict(list)
    # The kernel cuts thread names off, or has none; a thread that made a request has reported its Python name.
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
        lanes=tuple(LaneRow(*lane, tuple(its_spans)) for lane, its_spans in spans.items()),
        gaps=tuple(((gap.start_ns - start_ns) / 1e9, (gap.end_ns - start_ns) / 1e9) for gap in gaps),
        unseen=(*(f"{each.kind}s: {each.reason}" for each in unseen), *_hidden_gils(messages)),
    )


def _hidden_gils(messages: Sequence[protocol.Message]) -> list[str]:
    if any((each.thread or "").startswith("Interpreter-") for each in messages if isinstance(each, protocol.Begin)):
        return ["threads: each interpreter has its own GIL, which looks like any other lock from outside"]
    return []


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
    same = {name: getattr(row, name) for name in LOGGED}
    return ServerRow(start_s=(row.start_ns - start_ns) / 1e9, end_s=(row.end_ns - start_ns) / 1e9, **same)


def _sample_row(sample: protocol.Sample, start_ns: int) -> SampleRow:
    values = sample._asdict()
    return SampleRow(t_s=(values.pop("t_ns") - start_ns) / 1e9, **values)
