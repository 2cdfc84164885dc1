"""How workers share the items, without the other workers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compress.with_torch.runner import NO_TORCH

torch: Any = pytest.importorskip("torch", reason=NO_TORCH)


@pytest.mark.parametrize(("count", "batch", "size"), [(640, 32, 2), (100, 32, 3), (10, 64, 4)])
def test_each_item_of_a_batch_is_one_workers_and_all_take_as_many(
    count: int, batch: int, size: int
) -> None:
    from trimtab.compress.crew import Crew
    from trimtab.compress.parallel import Shares

    def shares(rank: int) -> list[list[int]]:
        torch.manual_seed(7)
        made = Shares(count, batch, Crew(rank, size))
        # Whatever else a worker draws at random (dropout), all go on in one order.
        found = [[chosen.tolist() for chosen in made.epoch()]]
        torch.rand(rank + 1)
        found.append([chosen.tolist() for chosen in made.epoch()])
        assert len(found[0]) == len(found[1]) == made.steps
        return found[0] + found[1]

    by_rank = [shares(rank) for rank in range(size)]
    for step in zip(*by_rank, strict=True):
        items = [item for share in step for item in share]
        assert len({len(share) for share in step}) == 1
        assert len(set(items)) == len(items)


def test_one_process_draws_as_it_always_did() -> None:
    from trimtab.compress.crew import ALONE
    from trimtab.compress.parallel import Shares

    torch.manual_seed(7)
    found = torch.cat(list(Shares(100, 32, ALONE).epoch()))
    torch.manual_seed(7)
    assert found.tolist() == torch.randperm(100)[:96].tolist()


def test_a_batch_too_small_for_all_is_refused_with_the_mend() -> None:
    from trimtab.compress.crew import Crew
    from trimtab.compress.errors import CompressError
    from trimtab.compress.parallel import Shares

    with pytest.raises(CompressError, match=r"raise train\.batch, or use fewer workers"):
        Shares(100, 4, Crew(0, 3))
