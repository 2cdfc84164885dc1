"""Train a torch module: fine-tune it, or let it learn from a teacher's outputs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from trimtab.api.schema_recipes import Distil, Train
from trimtab.compress.contract import Array, Inputs, Model, Samples
from trimtab.compress.crew import ALONE, Crew, together
from trimtab.compress.errors import CompressError
from trimtab.compress.parallel import Shares, joined, settle

_JUDGED_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Teacher:
    """A teacher's outputs for the training items, [n, classes], and how much they count."""

    outputs: Array
    distil: Distil


def train(
    net: nn.Module,
    model: Model,
    how: Train,
    teacher: Teacher | None = None,
    step: Callable[[int], None] = lambda _: None,
    crew: Crew = ALONE,
) -> None:
    """AdamW with one cycle of the learning rate, in place; call fix_seed first.

    `step` is called with 1 after each epoch. `crew`: each worker takes its share of every batch,
    and at the end all have the same network. Runs on a GPU where there is one.
    """
    place = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    net.train().to(place, memory_format=torch.channels_last)
    lesson = _Lesson(model, teacher, place)
    batches = Shares(len(lesson), how.batch, crew)
    optimiser = torch.optim.AdamW(net.parameters(), lr=how.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=how.learning_rate, total_steps=how.epochs * batches.steps
    )
    shared = joined(net, crew)
    for _ in range(how.epochs):
        for chosen in batches.epoch():
            optimiser.zero_grad()
            loss = _alike(crew, lambda items=chosen: lesson.loss(shared, items))  # type: ignore[misc]
            with together() if crew.size > 1 else nullcontext():
                loss.backward()
            optimiser.step()
            schedule.step()
        step(1)
    net.to("cpu").eval()
    settle(net, crew)


class _Lesson:
    """What is to be learnt of which items."""

    def __init__(self, model: Model, teacher: Teacher | None, place: torch.device) -> None:
        self._inputs, self._targets = tensors(model.train)
        self._teacher = teacher
        self._taught = None if teacher is None else torch.from_numpy(teacher.outputs)
        self._loss_of = model.loss or nn.functional.cross_entropy
        self._place = place

    def __len__(self) -> int:
        return len(self._targets)

    def loss(self, net: nn.Module, chosen: Any) -> Any:
        answer = net(*(tensor[chosen].to(self._place) for tensor in self._inputs))
        loss = self._loss_of(answer, self._targets[chosen].to(self._place))
        if not torch.isfinite(loss).all():
            raise CompressError(
                f"the loss became {loss.detach().mean().item()} in training: lower"
                " train.learningRate, or mend loss() or the training data in MODEL.py"
            )
        if self._teacher is None or self._taught is None:
            return loss
        how = self._teacher.distil
        taught = self._taught[chosen].to(self._place)
        return (1 - how.weight) * loss + how.weight * _apart(answer, taught, how.temperature)


def _alike(crew: Crew, work: Callable[[], Any]) -> Any:
    """The work's result, where it succeeded on every worker; else all raise alike.

    Before the gradients are exchanged, or those who go on would wait for the one who does not.
    """
    result, error = None, None
    try:
        result = work()
    except Exception as problem:  # whatever the user's loss raises
        error = problem
    if crew.step_fails(error):
        crew.raise_alike(error)
    return result


def outputs(net: nn.Module, inputs: Inputs) -> Array:
    """What the module answers in evaluation mode, [n, *dims]."""
    net.eval()
    given = [torch.from_numpy(array) for array in inputs.values()]
    with torch.no_grad():
        answers = [
            net(*(tensor[start : start + _JUDGED_AT_ONCE] for tensor in given))
            for start in range(0, len(given[0]), _JUDGED_AT_ONCE)
        ]
    joined: Array = torch.cat(answers).numpy()
    return joined


def tensors(samples: Samples) -> tuple[list[Any], Any]:
    """Inputs in the order of forward, and targets."""
    return [torch.from_numpy(array) for array in samples.inputs.values()], torch.from_numpy(
        samples.targets
    )


def _apart(answer: Any, taught: Any, temperature: float) -> Any:
    """Hinton's loss: KL of softened outputs, times T^2 to keep the gradients' scale."""
    return (temperature**2) * nn.functional.kl_div(
        nn.functional.log_softmax(answer / temperature, -1),
        nn.functional.log_softmax(taught / temperature, -1),
        reduction="batchmean",
        log_target=True,
    )
