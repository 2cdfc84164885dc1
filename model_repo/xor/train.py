"""Train the XOR net (2-4-1) from scratch and write its Triton folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from model_repo import REPO, card_path
from trimtab.compress import cards, repository, runtime
from trimtab.compress.export import OPSET, export, fix_seed
from trimtab.compress.repository import Served, Tensor

MODEL = Served("xor", (Tensor("x", (2,)),), (Tensor("p", (1,)),))
INPUTS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
TARGETS = (0.0, 1.0, 1.0, 0.0)
SEED = 0
STEPS = 400


class XorNet(nn.Module):
    """p = sigmoid(W2 tanh(W1 x + b1) + b2)"""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, 4)
        self.out = nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.out(torch.tanh(self.hidden(x))))


def train() -> XorNet:
    fix_seed(SEED)
    net = XorNet()
    x = torch.tensor(INPUTS)
    y = torch.tensor(TARGETS).unsqueeze(1)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(STEPS):
        optimiser.zero_grad()
        nn.functional.binary_cross_entropy(net(x), y).backward()
        optimiser.step()
    return net


def main(root: Path = REPO) -> None:
    target = repository.write_folder(root / "xor", MODEL, "fp32")
    export(train(), MODEL, target)
    session = runtime.open_session(target)
    inputs = np.asarray(INPUTS, np.float32)
    p = runtime.outputs(session, inputs)[:, 0]
    right = int(((p > 0.5) == (np.asarray(TARGETS) > 0.5)).sum())
    card = {
        "model": "xor",
        "task": "the XOR of two bits",
        "architecture": "2-4-1, tanh and sigmoid",
        "data": "the four rows of the XOR table; trained and judged on the same four",
        "licence": "Apache-2.0",
        "metric": "accuracy",
        "opset": OPSET,
        "seed": SEED,
        "versions": cards.versions("torch", "onnx", "onnxruntime", "numpy"),
        "measure": cards.MEASURE,
        "variants": {
            "fp32": {
                **cards.accuracy(right, len(TARGETS)),
                "size_bytes": target.stat().st_size,
                "ms": runtime.cpu_ms(session, inputs, seconds=0.2),
            }
        },
    }
    cards.write(card_path(root, "xor"), card)
    print(f"xor fp32: {right} of 4")


if __name__ == "__main__":
    main()
