"""One Locust worker of a load: ``python -m loadtest.worker HOST PORT LOAD NUMBER``, started by the master."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import gevent

from clients.harness import protocol
from loadtest.work import Work


def main(host: str, port: str, load: str, number: str) -> None:
    """Run share `number` (from 0) of `load`, a `Load` as a JSON list, for the master at `host` and `port`."""
    logging.getLogger("locust").setLevel(logging.ERROR)

    def send(batch: protocol.Batch) -> None:
        runner.send_message("batch", batch._asdict())

    work = Work(protocol.Load(*json.loads(load)), int(number), send)
    runner = work.environment().create_worker_runner(host, int(port))

    def on_begin(msg: Any, **_: Any) -> None:
        work.start(msg.data["zero_ns"])

    def on_cease(msg: Any, **_: Any) -> None:
        work.cease(msg.data)

    runner.register_message("begin", on_begin)
    runner.register_message("cease", on_cease)
    work.finished.wait()
    work.flush()
    runner.send_message("finished")
    gevent.wait()  # the master ends this process; an earlier exit would look like a failure


if __name__ == "__main__":
    main(*sys.argv[1:])
