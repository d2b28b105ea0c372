"""The measured process: imports the approach, waits for the start signal, calls its ``main``.

Run by the supervisor with three arguments: the module to import and the descriptors to read the start signal from and
to answer on. It imports as little as it can: what it imports, the approach's cold start would pay for.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from importlib import import_module
from time import monotonic_ns

from clients.harness.handlers import handler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CO_COROUTINE = 0x80  # inspect.CO_COROUTINE, without importing inspect
UNWATCHED = {"trio", "gevent", "uvloop"}  # their tasks are no asyncio loop's, or not of Python's own


def main() -> int:
    name, signal_fd, answer_fd = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.set_inheritable(signal_fd, False)
    os.set_inheritable(answer_fd, False)

    def answer(**fields: object) -> None:
        os.write(answer_fd, json.dumps(fields).encode() + b"\n")

    try:
        approach = import_module(name).main
        plain = approach
        while hasattr(plain, "__wrapped__"):  # behind a decorator
            plain = plain.__wrapped__
        keywords = plain.__code__.co_varnames[: plain.__code__.co_argcount + plain.__code__.co_kwonlyargcount]
        call = _runner(approach, plain)
    except BaseException as error:  # whatever an approach file does while it is imported
        missing = isinstance(error, ImportError)
        answer(kind="unavailable", missing=missing, absent=_absent(error), reason=_describe(error))
        return 1
    _flush()
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()  # now: an extension that is imported may turn it on
    answer(kind="ready", t_ns=monotonic_ns(), python=sys.version.split()[0], gil=gil)

    tell_tasks = None
    with os.fdopen(signal_fd, "rb", buffering=0) as signals:
        signal = json.loads(_line(signals))
        asked, offered = signal, {}
        if signal["event"] == "load":  # it tells of many requests at once, and may be told to cease
            offered = {"tell": lambda line: os.write(answer_fd, line), "commands": signal_fd}
        elif signal["event"] == "trial":
            asked = signal["urls"]
            offered = {
                "limit": signal["limit"],
                "timeout": signal["timeout_s"],
                "rate": signal["rate"],
                "handle": handler(signal["handle_ms"]),
            }
        else:
            import asyncio  # noqa: F401 - so that the tasks of a script are watched, which may import it later
        if signal.get("trace", signal["event"] == "script"):
            tell_tasks = _watch_tasks(lambda line: os.write(answer_fd, line))
        arguments = {key: value for key, value in offered.items() if key in keywords}
        cpu_before = _cpu_s()
        bodies, error_text = None, None
        start_ns = monotonic_ns()
        try:
            bodies = call(asked, **arguments)
        except BaseException as error:  # the trial failed; how is part of the measurement
            error_text = _describe(error)
        end_ns = monotonic_ns()
        if tell_tasks is not None:
            tell_tasks()
        _flush()
        answer(
            kind="done",
            start_ns=start_ns,
            end_ns=end_ns,
            error=error_text,
            answers=_answers(bodies),
            causes=_causes(bodies),
            cpu_s=_cpu_s() - cpu_before,
        )
        signals.read(1)  # until the supervisor has taken its last sample
    return 0


def _absent(error: BaseException) -> tuple[str, str] | None:
    """The module that was not found, if that is the error, and the file that wanted it."""
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return None
    wanted_by, trace = "", error.__traceback__
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith("<frozen "):
            wanted_by = trace.tb_frame.f_code.co_filename
        trace = trace.tb_next
    return error.name, wanted_by


def _runner(approach: Callable[..., Any], plain: Callable[..., Any]) -> Callable[..., Any]:
    if not plain.__code__.co_flags & CO_COROUTINE:
        return approach
    import asyncio

    return lambda *args, **kwargs: asyncio.run(approach(*args, **kwargs))


def _watch_tasks(tell: Callable[[bytes], object]) -> Callable[[], None]:
    """Have it known what each task does from now on; what is returned tells it, and whose tasks nobody watched."""
    lanes = None
    if "asyncio" in sys.modules:
        from clients.harness.tracer.tasks import install

        lanes = install(tell)

    def tell_all() -> None:
        if lanes is not None and lanes.flush():
            return  # another library may have been imported for no more than to be there
        for library in UNWATCHED & sys.modules.keys():
            reason = f"{library} does not tell what its tasks do: the lane of their thread is all there is"
            tell(json.dumps({"v": 1, "event": "unseen", "kind": "task", "reason": reason}).encode() + b"\n")

    return tell_all


def _line(stream: Any) -> bytes:
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
        except (AttributeError, OSError, ValueError):  # an approach may have closed it, or put something else there
            continue


def _cpu_s() -> float:
    """Processor seconds of this process and of those children of it that have ended."""
    usages = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _answers(bodies: Any) -> list[int | str | None] | None:
    """The request id that each body begins with: the server puts it there."""
    if not isinstance(bodies, list | tuple):
        return None
    return [_answer(body) for body in bodies]


def _causes(bodies: Any) -> list[str | None] | None:
    """What each exception says that stands in a body's place; None where there is none at all."""
    if not isinstance(bodies, list | tuple) or not any(isinstance(body, BaseException) for body in bodies):
        return None
    return [_describe(body) if isinstance(body, BaseException) else None for body in bodies]


def _answer(body: Any) -> int | str | None:
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
