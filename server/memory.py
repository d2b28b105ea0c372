"""State that all workers share. It is allocated before the fork, and stays intact when a worker is killed."""

import ctypes
import fcntl
import mmap
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

IDS = 10_000
# Trials run one at a time; a late request belongs to one of the last few.
TRIALS = 4


class Trial(ctypes.Structure):
    """The state of one trial, initially all zero. Times are seconds on the monotonic clock."""

    name: bytes
    attempts: ctypes.Array[ctypes.c_uint32]
    full_at_s: float  # when the token bucket is full again
    pause_until_s: float  # the end of the last Retry-After
    ignored: int  # requests refused before that time
    banned_until_s: float

    _fields_ = (
        ("name", ctypes.c_char * 16),
        ("attempts", ctypes.c_uint32 * IDS),
        ("full_at_s", ctypes.c_double),
        ("pause_until_s", ctypes.c_double),
        ("ignored", ctypes.c_uint32),
        ("banned_until_s", ctypes.c_double),
    )

    def count_attempt(self, request_id: int) -> int:
        """Count one more attempt and return its number, from 1; 0 for an id outside 1 to `IDS`."""
        if not 1 <= request_id <= IDS:
            return 0
        self.attempts[request_id - 1] += 1
        return self.attempts[request_id - 1]


class Memory(ctypes.Structure):
    """The shared state. Read and change it only under `lock`."""

    restarting: bool  # a worker has requested a restart of the whole server
    newest: int
    trials: ctypes.Array[Trial]

    _fields_ = (("restarting", ctypes.c_bool), ("newest", ctypes.c_uint32), ("trials", Trial * TRIALS))

    def trial(self, name: str) -> Trial:
        """Return the state of a trial; a new trial replaces the oldest one."""
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
_thread_lock = threading.Lock()
_lock_file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as this process lives


@contextmanager
def lock() -> Iterator[None]:
    """Exclude all other threads and processes. The kernel releases the lock if its holder is killed."""
    with _thread_lock:
        fcntl.lockf(_lock_file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(_lock_file, fcntl.LOCK_UN)
