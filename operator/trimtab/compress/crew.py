"""The workers of one run: this process alone, or those that torchrun started.

The first one leads: it makes everything, and the others help it to train. What goes wrong on one of
them goes wrong on all, with the words of the one: an error that only one of them had would leave
the others waiting in a collective call for ever.
"""

from __future__ import annotations

import datetime
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from trimtab.compress.errors import CompressError
from trimtab.compress.words import first_line

# The others wait while the first one exports, judges and takes times.
_PATIENCE = datetime.timedelta(hours=24)
_OVER = b"over:"  # no pickle begins so; the error follows, if there was one
_CPU = torch.device("cpu")
_Result = TypeVar("_Result")


class CrewLost(CompressError):  # noqa: N818 - it names what happened
    """A worker is gone: there is no going on without it, but another run may succeed."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Who works together. One process alone agrees with itself at no cost."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the first worker."""
        return self.rank == 0

    def share(self, value: Any) -> None:
        """Gives the others a value, which they `receive`; all fail where one cannot read it."""
        if self.size == 1:
            return
        try:
            text = pickle.dumps(value)
        except Exception as error:  # whatever is in it that no other process could have
            raise CompressError(
                f"it cannot be sent to the other workers, {first_line(error)}: define its classes "
                "and functions at the top level of a module, or use one worker"
            ) from error
        self._broadcast(text)
        self._fail_alike("")

    def receive(self) -> Any:
        """What the first worker shares next; None when all is over. CompressError where it failed,
        and where what it shared cannot be read."""
        text = self._broadcast(b"")
        if text.startswith(_OVER):
            error = text.removeprefix(_OVER).decode()
            if error:
                raise CompressError(f"the first worker failed: {error}")
            return None
        return self.all_do(lambda: pickle.loads(text))  # noqa: S301 - our own first worker's

    def dismiss(self, error: str = "") -> None:
        """The first worker tells the others that all is over."""
        if self.size > 1:
            with suppress(CrewLost):  # then they know
                self._broadcast(_OVER + error.encode())

    def all_do(self, work: Callable[[], _Result]) -> _Result:
        """Every worker does it, and all fail where one does."""
        result, error = None, ""
        try:
            result = work()
        except Exception as problem:  # whatever the user's own code raises
            if self.size == 1:
                raise
            error = str(problem) if isinstance(problem, CompressError) else first_line(problem)
        self._fail_alike(error)
        return result  # type: ignore[return-value]

    def check_same(self, value: str, mend: str) -> None:
        """All fail where the others have another value than the first."""
        values = self._gathered(value)
        other = next((rank for rank, found in enumerate(values) if found != values[0]), None)
        if other is not None:
            raise CompressError(f"worker {other} differs from worker 0: {mend}")

    def step_fails(self, error: Exception | None) -> bool:
        """Whether the step failed on any worker. Cheap: one number a step."""
        if self.size == 1:
            return error is not None
        failed = torch.tensor([0 if error is None else 1])
        with together():
            dist.all_reduce(failed, op=dist.ReduceOp.MAX)
        return bool(failed.item())

    def raise_alike(self, error: Exception | None) -> None:
        """After a step that failed: all raise the words of those on which it did."""
        if self.size == 1 and error is not None:
            raise error
        self._fail_alike("" if error is None else first_line(error))

    def average(self, tensor: Any) -> None:
        """The mean over all workers, in place."""
        if self.size > 1:
            with together():
                dist.all_reduce(tensor, op=dist.ReduceOp.SUM)
            tensor /= self.size

    def _broadcast(self, text: bytes) -> bytes:
        box: list[Any] = [text]
        with together():
            dist.broadcast_object_list(box, src=0, device=_CPU)
        (found,) = box
        return bytes(found)

    def _fail_alike(self, error: str) -> None:
        said = self._gathered(error)
        told = [f"worker {rank}: {words}" for rank, words in enumerate(said) if words]
        if told and len(set(said)) == 1:
            raise CompressError(error)
        if told:
            raise CompressError("; ".join(told))

    def _gathered(self, value: str) -> list[str]:
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        with together():
            dist.all_gather_object(found, value)
        return found


ALONE = Crew()


@contextmanager
def assembled() -> Iterator[Crew]:
    """The workers that torchrun started, joined while this lasts; else this process alone."""
    if not dist.is_torchelastic_launched() or os.environ.get("WORLD_SIZE", "1") == "1":
        yield ALONE
        return
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    try:
        # What is on a GPU goes by NCCL; orders and words are on the CPU and go by gloo.
        dist.init_process_group("cpu:gloo,cuda:nccl" if gpu else "gloo", timeout=_PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise CrewLost(f"the workers did not meet: {first_line(error)}") from error
    try:
        yield Crew(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


@contextmanager
def together() -> Iterator[None]:
    """Around what all workers do with each other: where it fails, one of them is gone."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        # Which of them is gone, and why, nobody else knows.
        raise CrewLost("a worker is gone; its own log may say why") from error
