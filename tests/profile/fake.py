"""A Triton in memory: its queue, its batches and its statistics, in a time of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from trimtab.profile.counters import Counters, Executions
from trimtab.profile.live import Due
from trimtab.profile.model import Input, Model
from trimtab.profile.play import Answer, Played

IMAGE = Input("image", "FP32", (1, 8, 8))
MODEL = Model("digits", "1", 16, (IMAGE,), batches=True)
CONFIG = {
    "name": "digits",
    "platform": "",
    "backend": "python",
    "max_batch_size": 16,
    "input": [{"name": "image", "data_type": "TYPE_FP32", "dims": [1, 8, 8]}],
    "output": [{"name": "logits", "data_type": "TYPE_FP32", "dims": [10]}],
    "dynamic_batching": {"preferred_batch_size": [16], "max_queue_delay_microseconds": 0},
    "instance_group": [{"kind": "KIND_CPU", "count": 1, "gpus": []}],
}


def straight(batch: int) -> float:
    """1 ms, and 1 ms for each item."""
    return 0.001 + 0.001 * batch


class FakeServer:
    """Serves alone and without a fault, unless a field says otherwise.

    `of_others`: items that somebody else has executed at each look. `failing`: what the first
    request of a load is answered. `hidden`: items that another server behind the address executed.
    `outside_s`: what a request takes beside Triton.
    """

    def __init__(self, model: Model = MODEL, time: Callable[[int], float] = straight) -> None:
        self.model = model
        self.time = time
        self.of_others = 0
        self.of_other_models = 0
        self.failing = ""
        self.hidden = 0
        self.outside_s = 0.0
        self.cached = 0
        self.reports_batches = True
        self.paused_s = 0.0
        self.loads: list[Sequence[Due]] = []
        self._items = 0
        self._requests = Executions()
        self._others = 0
        self._by_batch: dict[int, Executions] = {}

    async def counters(self) -> Counters:
        self._items += self.of_others
        by_batch = dict(self._by_batch) if self.reports_batches else {}
        cached = self.cached if self.loads else 0
        return Counters(self._items, 0, cached, by_batch, self._requests)

    async def items_of_others(self) -> Mapping[str, int]:
        self._others += self.of_other_models
        return {"resnet version 1": self._others}

    async def pause(self, seconds: float) -> None:
        self.paused_s += seconds

    async def play(self, due: Sequence[Due], timeout_s: float) -> Played:
        self.loads.append(due)
        ends = self._served(due)
        answers = [
            Answer(each.at_s, end_s - each.at_s + self.outside_s, items=each.items)
            for each, end_s in zip(due, ends, strict=True)
        ]
        inside_s = sum(a.latency_s - self.outside_s for a in answers)
        self._requests = Executions(
            self._requests.count + len(due), self._requests.seconds + inside_s
        )
        if self.failing:
            answers[0] = answers[0]._replace(error=self.failing)
        self._items += sum(each.items for each in due) - self.hidden
        return Played(tuple(answers))

    def _served(self, due: Sequence[Due]) -> list[float]:
        """When each is answered: whatever waits is taken at once, up to the cap."""
        ends: list[float] = []
        free_s = [0.0] * self.model.instances
        while len(ends) < len(due):
            first = len(ends)
            instance = free_s.index(min(free_s))
            start_s = max(free_s[instance], due[first].at_s)
            last, batch = first, 0
            while last < len(due) and self._joins(due, first, last, batch, start_s):
                batch += due[last].items
                last += 1
            free_s[instance] = start_s + self.time(batch)
            ends += [free_s[instance]] * (last - first)
            before = self._by_batch.get(batch, Executions())
            self._by_batch[batch] = Executions(before.count + 1, before.seconds + self.time(batch))
        return ends

    def _joins(
        self, due: Sequence[Due], first: int, place: int, batch: int, start_s: float
    ) -> bool:
        if place == first:
            return True
        # Of requests that arrive together an idle instance takes the first alone.
        waited = due[place].at_s < start_s or (place > 0 and start_s > due[first].at_s)
        return (
            self.model.batches
            and due[place].at_s <= start_s
            and waited
            and batch + due[place].items <= self.model.max_batch
        )
