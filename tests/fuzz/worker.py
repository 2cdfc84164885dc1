"""One process of a run: it checks batch after batch."""

from __future__ import annotations

import logging
import resource
import traceback
import warnings
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from tests.fuzz.targets import BY_NAME

_MOST_BYTES = 8 * 2**30  # a case that asks for more fails, and takes no other process along


@dataclass(frozen=True)
class Batch:
    """So many cases of one target, drawn from one seed."""

    target: str
    cases: int
    seed: int

    def again(self) -> str:
        """The command that draws the same."""
        return f"make fuzz TARGET={self.target} SEED={self.seed} CASES={self.cases}"


def prepare() -> None:
    """Once in every process."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("error")
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))


def check(batch: Batch) -> Counter[str] | str:
    """What was counted, or the story of the smallest case that fails."""
    try:
        return BY_NAME[batch.target].run(batch.cases, batch.seed)
    except Exception as error:
        return "".join(traceback.format_exception(error))
