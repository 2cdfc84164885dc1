"""Train the classifier of snippets from scratch: which programming language two lines are in."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import nn

from model_repo.encoder import Encoder, Shape
from model_repo.text import data
from trimtab.compress.export import fix_seed

SEED = 0
EPOCHS = 3
BATCH = 64
POOL = 16
LEARNING_RATE = 8e-4
WORDS = 5 + data.MOST_TOKENS
LENGTH = 40
# Larger than the task needs, on purpose: it stands for a model whose calls cost milliseconds.
LARGE = Shape(WORDS, LENGTH, width=256, layers=2, heads=8, inner=1024, epsilon=1e-5)
SMALL = Shape(WORDS, LENGTH, width=96, layers=2, heads=4, inner=384, epsilon=1e-5)


class Languages(nn.Module):
    """Token ids -> a logit a language."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.encoder = Encoder(shape)
        self.out = nn.Linear(shape.width, len(data.LANGUAGES))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.out(self.encoder(ids))
        return logits


def train() -> Languages:
    """A net of the LARGE shape; three minutes of CPU time, five on a busy machine."""
    fix_seed(SEED)
    net = Languages(LARGE)
    snippets, labels = data.read("train")
    x, y = torch.from_numpy(data.tokens(snippets)), torch.from_numpy(labels)
    steps = len(x) // BATCH
    optimiser = torch.optim.AdamW(net.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=LEARNING_RATE, total_steps=EPOCHS * steps
    )
    for epoch in range(1, EPOCHS + 1):
        started, losses = time.monotonic(), []
        for chosen in _batches((x != 0).sum(1)):
            optimiser.zero_grad()
            longest = int((x[chosen] != 0).sum(1).max())
            logits = net(x[chosen, :longest])
            loss = nn.functional.cross_entropy(logits, y[chosen], label_smoothing=0.05)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        took = time.monotonic() - started
        print(f"text: epoch {epoch}, loss {np.mean(losses):.3f}, {took:.0f} s", flush=True)
    return net


def _batches(lengths: torch.Tensor) -> list[torch.Tensor]:
    """All items in a random order, but alike in length within a batch: half the padding goes."""
    batches = []
    for pool in torch.randperm(len(lengths)).split(POOL * BATCH):
        ordered = pool[lengths[pool].argsort(stable=True)]
        batches += [batch for batch in ordered.split(BATCH) if len(batch) == BATCH]
    return [batches[i] for i in torch.randperm(len(batches))]
