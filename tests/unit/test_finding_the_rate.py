"""`asyncio_adaptive` against servers with other rates than the scenario's, on a simulated clock."""

from __future__ import annotations

import asyncio
import math
import random
from selectors import DefaultSelector

import aiohttp
import pytest

from clients import asyncio_adaptive

BURST = 3
DELAY_S = 0.1
REQUESTS = 50
LIMIT = 3


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next event."""

    def __init__(self):
        super().__init__(DefaultSelector())
        self.now_s = 0.0
        select = self._selector.select

        def jump(timeout=None):
            self.now_s += timeout or 0.0
            return select(0)

        self._selector.select = jump

    def time(self):
        return self.now_s


class Server:
    """A server with a token bucket and a number of workers, in place of an aiohttp session."""

    def __init__(self, rate, workers, delay_s):
        self.rate, self.delay_s = rate, delay_s
        self.tokens, self.last_s, self.pause_until_s = BURST, 0.0, 0.0
        self.refused = self.too_early = 0
        self.places = asyncio.Semaphore(workers)

    def __call__(self, **_options):
        return self

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    def get(self, url):
        return Response(self, url)

    def refusal_s(self, now_s):
        """Return the Retry-After of a request at this time, or 0 if it is answered."""
        self.tokens = min(BURST, self.tokens + (now_s - self.last_s) * self.rate)
        self.last_s = now_s
        if self.tokens >= 1:
            self.tokens -= 1
            return 0
        self.refused += 1
        self.too_early += now_s < self.pause_until_s
        pause_s = max(1, math.ceil((1 - self.tokens) / self.rate))
        self.pause_until_s = now_s + pause_s
        return pause_s


class Response:
    def __init__(self, server, url):
        self.server, self.url, self.headers, self.status = server, url, {}, 200

    async def __aenter__(self):
        await asyncio.sleep(random.uniform(0.001, 0.003))
        if pause_s := self.server.refusal_s(asyncio.get_running_loop().time()):
            self.status, self.headers = 429, {"Retry-After": str(pause_s)}
        else:
            async with self.server.places:
                await asyncio.sleep(self.server.delay_s)
        return self

    async def __aexit__(self, *_):
        pass

    def raise_for_status(self):
        if self.status != 200:
            raise aiohttp.ClientResponseError(None, (), status=self.status, headers=self.headers)

    async def text(self):
        return self.url


def seconds(monkeypatch, rate, requests=REQUESTS, limit=LIMIT, delay_s=DELAY_S):
    """Run a trial; return its duration and the server. All requests must be answered, in order."""
    urls = [str(number) for number in range(requests)]

    async def trial():
        server = Server(rate, limit, delay_s)
        monkeypatch.setattr(aiohttp, "ClientSession", server)
        assert await asyncio_adaptive.main(urls, limit, 10.0, str) == urls
        return asyncio.get_running_loop().time(), server

    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(trial())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("rate", "most"), [(2, 1.1), (3, 1.1), (4, 1.2), (5, 1.25), (6, 1.2), (8, 1.2), (10, 1.3)])
def test_the_makespan_is_near_the_optimum(monkeypatch, rate, most, seed):
    random.seed(seed)
    took_s, server = seconds(monkeypatch, rate)
    assert took_s <= most * ((REQUESTS - BURST) / rate + DELAY_S)
    assert server.refused <= 6
    assert server.too_early == 0  # so the client is never banned


@pytest.mark.parametrize("rate", [14, 20, 50])
def test_a_high_rate_is_found_with_few_refusals(monkeypatch, rate):
    """One refusal costs at least one second, which is half of the time that 50 requests take here."""
    took_s, server = seconds(monkeypatch, rate)
    assert took_s <= (REQUESTS - BURST) / min(rate, LIMIT / DELAY_S) + DELAY_S + 2
    assert server.refused <= 2


def test_a_thousand_requests_are_answered_at_nearly_the_rate(monkeypatch):
    took_s, server = seconds(monkeypatch, 5, requests=1000)
    assert took_s <= 1.2 * 1000 / 5
    assert server.too_early == 0


@pytest.mark.parametrize(
    ("requests", "limit", "delay_s", "most"), [(9, 3, 1.0, 1.2), (300, 3, 0.1, 1.2), (1000, 100, 0.1, 2.5)]
)
def test_a_server_without_a_rate_limit_is_used_well(monkeypatch, requests, limit, delay_s, most):
    took_s, server = seconds(monkeypatch, 1e9, requests, limit, delay_s)
    assert server.refused == 0
    assert took_s <= most * requests / limit * delay_s
