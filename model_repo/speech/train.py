"""Train the word spotter from scratch, on log-mel of synthetic speech."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from model_repo.speech import data
from trimtab.compress.export import fix_seed

SEED = 0
EPOCHS = 3
BATCH = 32
LEARNING_RATE = 2e-3
FRAMES, BANDS = 49, 40
# Output channels and stride of each 3x3 convolution.
CONVOLUTIONS = ((32, 1), (64, 2), (64, 1), (64, 1), (96, 2), (96, 1))
STUDENT = ((24, 2), (48, 1), (48, 2), (64, 1), (64, 2))


class Words(nn.Module):
    """Loudness in decibels, [batch, 1, frames, bands] -> a logit a word."""

    def __init__(self, convolutions: Sequence[tuple[int, int]] = CONVOLUTIONS) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width, stride in convolutions:
            layers += [
                nn.Conv2d(channels, width, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            channels = width
        self.features = nn.Sequential(*layers)
        self.out = nn.Linear(channels, len(data.WORDS))

    def forward(self, logmel: torch.Tensor) -> torch.Tensor:
        x = self.features((logmel + 40.0) / 20.0)
        # Where in the second the word was said is no matter, nor which voice's bands it filled.
        logits: torch.Tensor = self.out(x.mean((2, 3)))
        return logits


def train() -> Words:
    """The large net; four minutes of CPU time."""
    fix_seed(SEED)
    net = Words().to(memory_format=torch.channels_last)
    x, y = (torch.from_numpy(array) for array in data.train_set())
    steps = len(x) // BATCH
    optimiser = torch.optim.AdamW(net.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=LEARNING_RATE, total_steps=EPOCHS * steps
    )
    for epoch in range(1, EPOCHS + 1):
        started, losses = time.monotonic(), []
        for chosen in torch.randperm(len(x))[: steps * BATCH].split(BATCH):
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(net(x[chosen]), y[chosen], label_smoothing=0.05)
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        took = time.monotonic() - started
        print(f"speech: epoch {epoch}, loss {np.mean(losses):.3f}, {took:.0f} s", flush=True)
    return net
