"""One process of the load generator, as its batches tell of it."""

from __future__ import annotations

from labkit.load.totals import Marked


class Source:
    """What is on its way there, and how far it has told.

    Its ids count up, as many apart as there are processes: so much is enough to know that none began twice, however
    many there have been.
    """

    __slots__ = ("_step", "due", "next_id", "on_way", "t_ns", "waiting")

    def __init__(self, number: int, processes: int) -> None:
        self._step = processes
        self.next_id = number + 1
        self.on_way: dict[int, tuple[int, int | None]] = {}  # id: when it began, when it was due
        self.t_ns = 0
        self.due = self.waiting = 0

    def follow(self, ids: tuple[int, ...], duplicates: Marked, out_of_turn: Marked) -> None:
        """These ids began, in this order."""
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
        """Nothing that is still to be told of it began before."""
        oldest_ns = next((begun_ns for begun_ns, _ in self.on_way.values()), self.t_ns)
        return min(oldest_ns, self.t_ns)
