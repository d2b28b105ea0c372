"""The measured process: imports the approach, waits for the start signal, calls its ``main``.

The supervisor starts it with three arguments: the module to import, the file descriptor of the start signal, and the
file descriptor for replies. It imports as little as possible, because every import would add to the cold start of the
approach.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from importlib import import_module
from time import monotonic_ns

from clients.harness.handlers import make_handler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CO_COROUTINE = 0x80  # inspect.CO_COROUTINE, without importing inspect
UNTRACED = {"trio", "gevent", "uvloop"}  # libraries whose tasks do not run in asyncio's own event loop


def main() -> int:
    name, signal_fd, reply_fd = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.set_inheritable(signal_fd, False)
    os.set_inheritable(reply_fd, False)

    def emit(line: bytes) -> None:
        os.write(reply_fd, line)

    def reply(**fields: object) -> None:
        emit(json.dumps(fields).encode() + b"\n")

    try:
        approach = import_module(name).main
        function = approach
        while hasattr(function, "__wrapped__"):  # behind a decorator
            function = function.__wrapped__
        code = function.__code__
        parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        call = _blocking(approach, function)
    except BaseException as error:  # importing an approach file can raise anything
        import_error = isinstance(error, ImportError)
        module = _missing_module(error)
        reply(kind="unavailable", import_error=import_error, missing_module=module, reason=_describe(error))
        return 1
    _flush()
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()  # after the imports: an extension module can enable the GIL
    reply(kind="ready", t_ns=monotonic_ns(), python=sys.version.split()[0], gil=gil)

    report_tasks = None
    with os.fdopen(signal_fd, "rb", buffering=0) as signals:
        signal = json.loads(_read_line(signals))
        argument, options = signal, {}
        if signal["event"] == "load":  # it emits batches of requests, and reads a `Cease`
            options = {"emit": emit, "commands": signal_fd}
        elif signal["event"] == "trial":
            argument = signal["urls"]
            options = {
                "limit": signal["limit"],
                "timeout": signal["timeout_s"],
                "rate": signal["rate"],
                "handle": make_handler(signal["handle_s"]),
            }
        else:
            import asyncio  # noqa: F401 - so that `_trace_tasks` traces a script, which may import it later
        if signal.get("trace", signal["event"] == "script"):
            report_tasks = _trace_tasks(emit)
        keywords = {name: value for name, value in options.items() if name in parameters}
        cpu_before = _cpu_s()
        bodies, error_text = None, None
        start_ns = monotonic_ns()
        try:
            bodies = call(argument, **keywords)
        except BaseException as error:  # the failure is a result of the trial
            error_text = _describe(error)
        end_ns = monotonic_ns()
        if report_tasks is not None:
            report_tasks()
        _flush()
        reply(
            kind="done",
            start_ns=start_ns,
            end_ns=end_ns,
            error=error_text,
            answers=_request_ids(bodies),
            causes=_causes(bodies),
            cpu_s=_cpu_s() - cpu_before,
        )
        signals.read(1)  # wait until the supervisor has taken its last sample
    return 0


def _missing_module(error: BaseException) -> tuple[str, str] | None:
    """Return the module that was not found and the file that imported it; None for any other error."""
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return None
    importer, trace = "", error.__traceback__
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith("<frozen "):
            importer = trace.tb_frame.f_code.co_filename
        trace = trace.tb_next
    return error.name, importer


def _blocking(approach: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `approach`, run by asyncio if `function`, which it wraps, is a coroutine function."""
    if not function.__code__.co_flags & CO_COROUTINE:
        return approach
    import asyncio

    return lambda *args, **kwargs: asyncio.run(approach(*args, **kwargs))


def _trace_tasks(emit: Callable[[bytes], object]) -> Callable[[], None]:
    """Trace all asyncio tasks from now on. The returned function emits the rest, and the libraries not traced."""
    lanes = None
    if "asyncio" in sys.modules:
        from clients.harness.tracer.tasks import install

        lanes = install(emit)

    def report() -> None:
        if lanes is not None and lanes.flush():
            return  # asyncio was used; another library may have been imported but not used
        for library in UNTRACED & sys.modules.keys():
            reason = f"{library} does not report the states of its tasks: only the lane of their thread is available"
            emit(json.dumps({"v": 1, "event": "unseen", "kind": "task", "reason": reason}).encode() + b"\n")

    return report


def _read_line(stream: Any) -> bytes:
    parts = []
    while part := stream.read(65536):
        parts.append(part)
        if part.endswith(b"\n"):
            break
    return b"".join(parts)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # an approach can close or replace it
            continue


def _cpu_s() -> float:
    """Return the CPU time of this process and of its children that have ended."""
    usages = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _request_ids(bodies: Any) -> list[int | str | None] | None:
    """Return the request id at the start of each body, where the server puts it; None if `bodies` is no sequence."""
    if not isinstance(bodies, list | tuple):
        return None
    return [_request_id(body) for body in bodies]


def _causes(bodies: Any) -> list[str | None] | None:
    """Describe each exception that takes the place of a body; None if there is none."""
    if not isinstance(bodies, list | tuple) or not any(isinstance(body, BaseException) for body in bodies):
        return None
    return [_describe(body) if isinstance(body, BaseException) else None for body in bodies]


def _request_id(body: Any) -> int | str | None:
    if isinstance(body, bytes | bytearray):
        body = bytes(body[:100]).decode("utf-8", errors="replace")
    if not isinstance(body, str):
        return None
    first = next(iter(body[:100].split()), None)
    return int(first) if first is not None and first.isdecimal() else first


def _describe(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return f"{error} — first: {_describe(error.exceptions[0])}"
    place, trace = "", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if os.path.basename(os.path.dirname(code.co_filename)) == "clients":
            place = f" (clients/{os.path.basename(code.co_filename)}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return f"{type(error).__name__}: {error}{place}" if str(error) else f"{type(error).__name__}{place}"


if __name__ == "__main__":
    sys.exit(main())
