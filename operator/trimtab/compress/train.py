"""Train a torch module: fine-tune it, or let it learn from a teacher's outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from trimtab.api.schema_recipes import Distil, Train
from trimtab.compress.contract import Array, Inputs, Model, Samples

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
) -> None:
    """AdamW with one cycle of the learning rate, in place; call fix_seed first.

    `step` is called with 1 after each epoch.
    """
    net.train().to(memory_format=torch.channels_last)
    inputs, targets = tensors(model.train)
    taught = None if teacher is None else torch.from_numpy(teacher.outputs)
    loss_of = model.loss or nn.functional.cross_entropy
    count = len(targets)
    steps = max(1, count // how.batch)
    optimiser = torch.optim.AdamW(net.parameters(), lr=how.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=how.learning_rate, total_steps=how.epochs * steps
    )
    for _ in range(how.epochs):
        # The rest of an epoch is left out: a batch of one would upset the batch norms.
        for chosen in torch.randperm(count)[: steps * how.batch].split(how.batch):
            optimiser.zero_grad()
            answer = net(*(tensor[chosen] for tensor in inputs))
            loss = loss_of(answer, targets[chosen])
            if teacher is not None and taught is not None:
                share = teacher.distil.weight
                loss = (1 - share) * loss + share * _apart(
                    answer, taught[chosen], teacher.distil.temperature
                )
            loss.backward()
            optimiser.step()
            schedule.step()
        step(1)
    net.eval()


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
