"""Interruptions of a running load are counted, and handled when it is safe."""

from __future__ import annotations

import os
import signal

import pytest

from labkit.system.interrupts import count_interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_is_counted_and_raises_nothing(number):
    before = signal.getsignal(number)
    with count_interrupts() as interruptions:
        assert interruptions.count == 0
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        assert interruptions.count == 2
    assert signal.getsignal(number) == before


def test_afterwards_they_raise_again_even_after_an_error():
    with pytest.raises(ValueError, match="on purpose"), count_interrupts():
        raise ValueError("on purpose")
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with count_interrupts() as interruptions:
            os.kill(os.getpid(), signal.SIGHUP)
        assert interruptions.count == 0
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
