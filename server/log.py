"""The server's log (one JSON object per line on standard output) and the parsing of request paths."""

import json
import os
from urllib.parse import quote

STDOUT = 1


def log(event: str, **fields: str | int) -> None:
    """Write one line to the log.

    Lines of several threads and workers never mix, because each line is a single write shorter than PIPE_BUF.
    `limit_request_line` in gunicorn.conf.py keeps the lines short enough.
    """
    line = json.dumps({"v": 1, "event": event, **fields}, separators=(",", ":"))
    os.write(STDOUT, line.encode() + b"\n")


def parse_path(path: bytes) -> tuple[str, str]:
    """Return the trial and the request id in a path: ("t4", "7") for /t4/7, ("", "hello") for /hello.

    Both are percent-encoded, so they are plain text without spaces. The id is "-" if the path has none.
    """
    *before, request_id = quote(path.strip(b"/")).split("/")
    trial = before[0] if len(before) == 1 else ""
    return trial, request_id or "-"
