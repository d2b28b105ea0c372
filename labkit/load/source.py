"""One process of the load generator, as its batches report it."""

from __future__ import annotations

from labkit.load.totals import Ids


class Source:
    """Requests in flight, and the progress of the reports.

    The ids of a process count up in steps of the number of processes. So the next id is enough to detect duplicates
    among any number of requests.
    """

    __slots__ = ("_step", "due", "in_flight", "next_id", "t_ns", "waiting")

    def __init__(self, number: int, processes: int) -> None:
        self._step = processes
        self.next_id = number + 1
        self.in_flight: dict[int, tuple[int, int | None]] = {}  # id: when it began, when it was due
        self.t_ns = 0
        self.due = self.waiting = 0

    def begin(self, ids: tuple[int, ...], duplicates: Ids, out_of_turn: Ids) -> None:
        """Check the ids of requests that began, in this order."""
        end_id = self.next_id + self._step * len(ids)
        if ids == tuple(range(self.next_id, end_id, self._step)):
            self.next_id = end_id
            return
        for request_id in ids:
            in_turn, ahead = (request_id - self.next_id) % self._step == 0, request_id > self.next_id
            if ahead or not in_turn:
                out_of_turn.add(request_id)
            elif request_id < self.next_id:
                duplicates.add(request_id)
            if in_turn and request_id >= self.next_id:
                self.next_id = request_id + self._step

    def oldest_ns(self) -> int:
        """A moment before which no request began that is still to be reported as ended."""
        oldest_ns = next((begun_ns for begun_ns, _ in self.in_flight.values()), self.t_ns)
        return min(oldest_ns, self.t_ns)
