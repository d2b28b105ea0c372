"""What the server tells its reader: one JSON object a line on standard output, and the names a path carries."""

import json
import os
from urllib.parse import quote

STDOUT = 1


def log(event: str, **fields: str | int) -> None:
    """Write one line. The kernel never mixes it with another thread's or worker's, because it is a single write
    that is shorter than a pipe takes in one piece (PIPE_BUF; limit_request_line in gunicorn.conf.py sees to that).
    """
    line = json.dumps({"v": 1, "event": event, **fields}, separators=(",", ":"))
    os.write(STDOUT, line.encode() + b"\n")


def names(path: bytes) -> tuple[str, str]:
    """Return the trial and the request's id that a path names: /t4/7 is ("t4", "7"), /hello is ("", "hello").

    Both are percent-encoded, so that any byte in a path is plain text without spaces in the log and in the answer.
    The id is "-" where the path has none.
    """
    *before, request_id = quote(path.strip(b"/")).split("/")
    trial = before[0] if len(before) == 1 else ""
    return trial, request_id or "-"
