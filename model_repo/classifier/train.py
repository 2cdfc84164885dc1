"""Train the 10-5-2 ReLU classifier from scratch and write its Triton folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from model_repo import REPO, card_path
from model_repo.classifier import data
from trimtab.compress import cards, repository, runtime
from trimtab.compress.export import OPSET, export, fix_seed
from trimtab.compress.repository import Served, Tensor

MODEL = Served("classifier", (Tensor("x", (data.FEATURES,)),), (Tensor("logits", (2,)),))
SEED = 0
STEPS = 300


class Classifier(nn.Module):
    """logits = W2 relu(W1 x + b1) + b2"""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(data.FEATURES, 5)
        self.out = nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(torch.relu(self.hidden(x)))


def train() -> Classifier:
    fix_seed(SEED)
    net = Classifier()
    x, y = (torch.from_numpy(array) for array in data.train_set())
    optimiser = torch.optim.AdamW(net.parameters(), lr=0.03, weight_decay=0.05)
    for _ in range(STEPS):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimiser.step()
    return net


def main(root: Path = REPO) -> None:
    target = repository.write_folder(root / "classifier", MODEL, "fp32")
    export(train(), MODEL, target)
    session = runtime.open_session(target)

    def judged(pair: tuple[Any, Any]) -> dict[str, Any]:
        x, y = pair
        right = int((runtime.outputs(session, x).argmax(1) == y).sum())
        return cards.accuracy(right, len(y))

    held_out, training = judged(data.held_out_set()), judged(data.train_set())
    card = {
        "model": "classifier",
        "task": "two classes from ten features",
        "architecture": "10-5-2, one hidden layer of 5 ReLU units",
        "data": "made from a seed by data.py: 100 samples to train, 1000 fresh ones to judge",
        "licence": "Apache-2.0",
        "metric": "accuracy on the held-out samples",
        "opset": OPSET,
        "seed": SEED,
        "versions": cards.versions("torch", "onnx", "onnxruntime", "numpy"),
        "measure": cards.MEASURE,
        "variants": {
            "fp32": {
                **held_out,
                "training_set": training,
                "size_bytes": target.stat().st_size,
                "ms": runtime.cpu_ms(session, data.train_set()[0], seconds=0.2),
            }
        },
    }
    cards.write(card_path(root, "classifier"), card)
    print(f"classifier fp32: train {training['accuracy']:.3f}, held out {held_out['accuracy']:.3f}")


if __name__ == "__main__":
    main()
