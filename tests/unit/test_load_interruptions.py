"""Interruptions of a load that runs: noted, and looked at when it is safe to."""

from __future__ import annotations

import os
import signal

import pytest

from labkit.system.interrupts import count_interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_is_counted_and_breaks_into_nothing(number):
    before = signal.getsignal(number)
    with count_interrupts() as interruptions:
        assert interruptions.count == 0
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        assert interruptions.count == 2
    assert signal.getsignal(number) == before


def test_afterwards_they_break_in_again_whatever_happened_meanwhile():
    with pytest.raises(ValueError, match="on purpose"), count_interrupts():
        raise ValueError("on purpose")
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_what_was_to_be_ignored_is_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with count_interrupts() as interruptions:
            os.kill(os.getpid(), signal.SIGHUP)
        assert interruptions.count == 0
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
