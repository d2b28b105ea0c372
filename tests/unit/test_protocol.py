"""The protocol: every message survives a round trip, and other lines are rejected."""

from __future__ import annotations

import json
import os
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.harness import protocol, recorder
from clients.harness.protocol import Begin, ProtocolError, Request, Trial, from_line, to_line

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TRIAL = Trial(("http://127.0.0.1:8000/t1/1",), 3, None, 20.0)


def messages_of(kind):
    hints = get_type_hints(kind)
    finite = {float: FINITE, float | None: st.none() | FINITE}
    return st.builds(kind, **{name: finite[hint] for name, hint in hints.items() if hint in finite})


MESSAGES = st.one_of(map(messages_of, protocol.TYPES.values()))


@pytest.mark.parametrize("kind", protocol.TYPES.values(), ids=protocol.TYPES)
@given(data=st.data())
def test_every_message_survives_a_round_trip(kind, data):
    message = data.draw(messages_of(kind))
    line = to_line(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert json.loads(line)["v"] == 1
    for again in (from_line(line), from_line(line.decode())):
        assert type(again) is kind
        assert again == message


@given(MESSAGES, st.dictionaries(st.text(min_size=1).map("x-{}".format), st.none() | st.integers() | st.text()))
def test_unknown_fields_of_a_later_minor_version_are_ignored(message, more):
    assert from_line(json.dumps(json.loads(to_line(message)) | more)) == message


@given(MESSAGES, st.data())
def test_the_error_names_a_missing_field(message, data):
    fields = json.loads(to_line(message))
    missing = data.draw(st.sampled_from(sorted(set(fields) - {"v", "event"})))
    del fields[missing]
    with pytest.raises(ProtocolError, match=missing):
        from_line(json.dumps(fields))


@given(MESSAGES, (st.integers() | st.text() | st.none()).filter(lambda version: version != 1))
def test_another_version_is_rejected(message, version):
    with pytest.raises(ProtocolError):
        from_line(json.dumps(json.loads(to_line(message)) | {"v": version}))


@given(st.binary() | st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_other_line_is_rejected(line):
    with pytest.raises(ProtocolError):
        from_line(line)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"ready",
        b"null",
        b"[]",
        b"{}",
        b'"v"',
        b'{"v": 1}',
        b'{"v": 1, "event": null}',
        b'{"v": 1, "event": []}',
        b'{"v": 1, "event": "hello"}',
        b'{"event": "trial"}',
        b"\xff\xfe",
        to_line(TRIAL)[:-10],
        to_line(TRIAL) * 2,
    ],
)
def test_invalid_lines_are_rejected(line):
    with pytest.raises(ProtocolError):
        from_line(line)


def test_an_error_message_stays_short():
    with pytest.raises(ProtocolError) as caught:
        from_line(b"\xff" * 100_000)
    assert len(str(caught.value)) < 2000


@pytest.fixture
def events(tmp_path, monkeypatch):
    """Prepare the recorder as after the start signal; call the fixture to read its events as messages."""
    path = tmp_path / "events"
    path.touch()
    path.with_name(path.name + recorder.ORIGIN_SUFFIX).write_text("127.0.0.1:8000")
    monkeypatch.setenv(recorder.PATH_VARIABLE, str(path))
    monkeypatch.setattr(recorder, "_log_fd", None)
    monkeypatch.setattr(recorder, "_origins", ())
    yield lambda: [from_line(line) for line in path.read_bytes().splitlines()]
    if recorder._log_fd is not None:
        os.close(recorder._log_fd)


def test_the_recorder_writes_a_begin_and_a_request(events):
    request = recorder.open_request("127.0.0.1", 8000, "/t7/12?again=1")
    (begin,) = events()
    assert isinstance(begin, Begin)
    assert (begin.trial, begin.id, begin.pid, begin.lane) == ("t7", 12, os.getpid(), "MainThread")
    request.connected()
    request.sent()
    request.answered(200)
    request.end(size=27)
    _, end = events()
    assert isinstance(end, Request)
    assert (end.key, end.trial, end.id, end.lane, end.pid) == (begin.key, "t7", 12, begin.lane, begin.pid)
    assert begin.start_ns == end.start_ns <= end.connected_ns <= end.sent_ns <= end.first_byte_ns <= end.end_ns
    assert (end.status, end.bytes, end.error) == (200, 27, None)


def test_phases_that_were_not_reached_are_none(events):
    recorder.open_request("127.0.0.1", 8000, "/t7/1").end(error=ConnectionRefusedError(111, "Connection refused"))
    _, end = events()
    assert (end.connected_ns, end.sent_ns, end.first_byte_ns, end.status, end.bytes) == (None,) * 5
    assert end.error == "ConnectionRefusedError: [Errno 111] Connection refused"


def test_only_the_first_end_counts(events):
    request = recorder.open_request("127.0.0.1", 8000, "/t7/1")
    request.end(error="gave up")
    request.end(size=27)
    assert [type(message) for message in events()] == [Begin, Request]
    assert events()[1].error == "gave up"


def test_each_request_has_its_own_key(events):
    for _ in range(3):
        recorder.open_request("127.0.0.1", 8000, "/t7/1").end()
    assert len({message.key for message in events()}) == 3


@given(st.text(), st.text())
def test_any_path_and_any_error_fit_in_one_line(target, error):
    written = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder, "_log_fd", -1)
        patch.setattr(recorder.os, "write", lambda _, line: written.append(line))
        patch.setattr(recorder, "_origins", ("127.0.0.1:8000",))
        recorder.open_request("127.0.0.1", 8000, target).end(error=error)
    assert [line.count(b"\n") for line in written] == [1, 1]
    begin, end = map(from_line, written)
    assert (begin.id, end.error) == (end.id, error)


@pytest.mark.parametrize(("host", "port"), [("localhost", 8000), ("127.0.0.1", 8001), ("127.0.0.1", None)])
def test_requests_to_other_servers_are_not_recorded(events, host, port):
    assert recorder.open_request(host, port, "/t7/1") is None
    assert events() == []


def test_requests_before_the_start_signal_are_not_recorded(events, tmp_path):
    origin = tmp_path / f"events{recorder.ORIGIN_SUFFIX}"
    text = origin.read_text()
    origin.unlink()
    assert recorder.open_request("127.0.0.1", 8000, "/t7/1") is None
    origin.write_text(text)
    assert recorder.open_request("127.0.0.1", 8000, "/t7/1") is not None
    assert len(events()) == 1
