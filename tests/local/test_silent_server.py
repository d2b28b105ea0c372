"""A server that logs nothing: the check that uses its log fails."""

from __future__ import annotations

from pathlib import Path

from tests.checkout import Checkout


def test_a_server_that_logs_no_request_fails_the_check(tmp_path: Path) -> None:
    checkout = Checkout.copy_to(tmp_path)
    log = checkout.root / "server" / "log.py"
    silent = '    if event == "request":\n        return\n    line ='
    log.write_text(log.read_text("utf-8").replace("    line =", silent), "utf-8")
    run = checkout.lab("compare sync --no-baseline --requests 2 --delay 0.1 --runtime local --format json")
    assert run.code == 1
    (trial,) = run.document["trials"]
    assert [row["server"] for row in trial["requests"]] == [None, None]
    found = {check["name"]: check for check in trial["checks"]}
    assert found["server_log"]["ok"] is False
    assert found["server_log"]["detail"] == "not in the server's log: 1, 2"
    assert run.document["summary"][0]["verdict"].startswith("not ranked: ")
