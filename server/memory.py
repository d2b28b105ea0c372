"""What all workers of the server know together: made before they are forked, and intact whichever of them is killed."""

import ctypes
import fcntl
import mmap
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

IDS = 10_000
# Trials run one at a time; a request that comes late belongs to one of the last few.
TRIALS = 4


class Trial(ctypes.Structure):
    """What is known of one trial: all zero when it begins. Times are seconds on the monotonic clock."""

    name: bytes
    attempts: ctypes.Array[ctypes.c_uint32]
    full_at_s: float  # when the token bucket will be full again
    pause_until_s: float  # what the last Retry-After asked for
    ignored: int  # refusals within that pause
    banned_until_s: float

    _fields_ = (
        ("name", ctypes.c_char * 16),
        ("attempts", ctypes.c_uint32 * IDS),
        ("full_at_s", ctypes.c_double),
        ("pause_until_s", ctypes.c_double),
        ("ignored", ctypes.c_uint32),
        ("banned_until_s", ctypes.c_double),
    )

    def count(self, request_id: int) -> int:
        """Count one more attempt at the request, and return its number from 1; 0 if the id is not from 1 to `IDS`."""
        if not 1 <= request_id <= IDS:
            return 0
        self.attempts[request_id - 1] += 1
        return self.attempts[request_id - 1]


class Memory(ctypes.Structure):
    """One for the process that makes it and all that are forked from it; read and change it under `lock`."""

    going_away: bool  # a worker has asked for the whole server's restart
    newest: int
    trials: ctypes.Array[Trial]

    _fields_ = (("going_away", ctypes.c_bool), ("newest", ctypes.c_uint32), ("trials", Trial * TRIALS))

    def trial(self, name: str) -> Trial:
        """What is known of the trial; the oldest one's place, emptied, if it is new."""
        digest = sha256(name.encode()).hexdigest()[:16].encode()
        for trial in self.trials:
            if trial.name == digest:
                return trial
        self.newest = (self.newest + 1) % TRIALS
        trial = self.trials[self.newest]
        ctypes.memset(ctypes.addressof(trial), 0, ctypes.sizeof(trial))
        trial.name = digest
        return trial


shared = Memory.from_buffer(mmap.mmap(-1, ctypes.sizeof(Memory)))
_threads = threading.Lock()
_processes = tempfile.TemporaryFile()  # noqa: SIM115 - as long as this process lives


@contextmanager
def lock() -> Iterator[None]:
    """Keep out all other threads and processes. The kernel lets go of it when its holder is killed."""
    with _threads:
        fcntl.lockf(_processes, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(_processes, fcntl.LOCK_UN)
