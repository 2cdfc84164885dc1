"""Training by several workers: each its share of every batch, and one network in the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from trimtab.compress import digest
from trimtab.compress.crew import Crew, together
from trimtab.compress.errors import CompressError


class Shares:
    """Which items of each batch are this worker's, in an order that all workers know."""

    def __init__(self, count: int, batch: int, crew: Crew) -> None:
        self._count = count
        self._crew = crew
        self._each = min(batch, count) // crew.size
        if crew.size > 1 and self._each < 2:
            raise CompressError(
                f"{crew.size} workers share batches of {min(batch, count)} items, and each needs 2"
                " or more: raise train.batch, or use fewer workers"
            )
        self.steps = max(1, count // (self._each * crew.size))
        self._order = None if crew.size == 1 else _same_everywhere(crew)

    def epoch(self) -> Iterator[Any]:
        """Positions of this worker's items, batch by batch.

        The rest of an epoch is left out: a batch of one would upset the batch norms.
        """
        size, each = self._crew.size, self._each
        order = torch.randperm(self._count, generator=self._order)
        for batch in order[: self.steps * each * size].split(each * size):
            yield batch[self._crew.rank * each :][:each]


def joined(net: nn.Module, crew: Crew) -> nn.Module:
    """The network, whose gradients become the mean over all workers; it begins as the first's."""
    if crew.size == 1:
        return net
    with together():
        # Each keeps its own statistics of batch norms while it learns: see `settle`.
        return DistributedDataParallel(net, forward_sync_buffers=False)


def settle(net: nn.Module, crew: Crew) -> None:
    """Makes one network of all: statistics of batch norms are averaged, and the weights are the
    same to the last bit, or the run fails."""
    if crew.size == 1:
        return
    for buffer in net.buffers():
        if buffer.is_floating_point():
            crew.average(buffer)
    weights = {name: t.detach().numpy() for name, t in net.state_dict().items()}
    crew.check_same(digest.of_arrays(weights), "its weights are others after training")


def _same_everywhere(crew: Crew) -> torch.Generator:
    """The seed's order for all; of what else is random (dropout), each worker has its own."""
    seed = torch.initial_seed()
    torch.manual_seed(seed + crew.rank)
    return torch.Generator().manual_seed(seed)
