"""Train the digits classifier, make its int8 variant, and write both Triton folders."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from model_repo import REPO, card_path
from model_repo.digits import data
from trimtab.compress import cards, quantise, repository, runtime
from trimtab.compress.contract import CALIBRATION_SAMPLES
from trimtab.compress.export import OPSET, export, fix_seed
from trimtab.compress.repository import Served, Tensor

MODEL = Served("digits", (Tensor("image", (1, 8, 8)),), (Tensor("logits", (10,)),))
SEED = 0
BATCH = 32
SIZE = 96
# Enlarged to, for this many epochs: most of the learning at a quarter of the cost.
SCHEDULE = ((SIZE // 2, 8), (SIZE, 2))
# Output channels and stride of each 3x3 convolution.
CONVOLUTIONS = ((32, 2), (64, 1), (64, 1), (64, 1), (64, 1), (64, 1), (64, 2), (64, 2))
# Of a smaller net, which learns from this one.
STUDENT = ((8, 2), (16, 2), (16, 2))


class DigitsNet(nn.Module):
    """The 8x8 image enlarged inside the network, then convolutions, then one linear layer.

    The enlarging is what makes a call cost milliseconds while a request stays 64 floats: the
    sample stands for a model whose computing outweighs Triton's own cost of a request.
    """

    def __init__(
        self, convolutions: Sequence[tuple[int, int]] = CONVOLUTIONS, size: int = SIZE
    ) -> None:
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
        self.out = nn.Linear(channels * 9, 10)
        self.size = size

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = nn.functional.interpolate(
            image / 16, size=(self.size, self.size), mode="bilinear", align_corners=False
        )
        x = self.features(x)
        return self.out(nn.functional.avg_pool2d(x, x.shape[-1] // 3).flatten(1))


def train(images: data.Array, labels: data.Array) -> DigitsNet:
    fix_seed(SEED)
    net = DigitsNet().to(memory_format=torch.channels_last)
    x = torch.from_numpy(data.requests(images))
    y = torch.from_numpy(labels.astype(np.int64))
    steps = len(x) // BATCH
    sizes = [size for size, epochs in SCHEDULE for _ in range(epochs)]
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=2e-3, total_steps=len(sizes) * steps
    )
    for epoch, net.size in enumerate(sizes, 1):
        started, total = time.monotonic(), 0.0
        for chosen in torch.randperm(len(x))[: steps * BATCH].split(BATCH):
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(net(x[chosen]), y[chosen], label_smoothing=0.05)
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        took = time.monotonic() - started
        print(
            f"digits: epoch {epoch} of {len(sizes)}, loss {total / steps:.3f}, {took:.0f} s",
            flush=True,
        )
    return net


def judge(target: Path, images: data.Array, labels: data.Array) -> dict[str, Any]:
    session = runtime.open_session(target)
    inputs = data.requests(images)
    misread = np.flatnonzero(runtime.outputs(session, inputs).argmax(1) != labels)
    return {
        **cards.accuracy(len(labels) - len(misread), len(labels)),
        "misread": misread.tolist(),
        "size_bytes": target.stat().st_size,
        "ms": runtime.cpu_ms(session, inputs),
    }


def main(root: Path = REPO) -> None:
    train_x, train_y, test_x, test_y = data.split()
    (root / "digits").mkdir(parents=True, exist_ok=True)
    np.savez_compressed(root / "digits" / data.HELD_OUT.name, images=test_x, labels=test_y)
    fp32, int8 = (
        repository.write_folder(root / "digits", MODEL, variant) for variant in ("fp32", "int8")
    )
    export(train(train_x, train_y), MODEL, fp32)
    quantise.static(fp32, int8, {"image": data.requests(train_x)})
    card = {
        "model": "digits",
        "task": "which digit a handwritten 8x8 image shows",
        "architecture": f"image enlarged to {SIZE}x{SIZE}, 8 convolutions 3x3, one linear layer",
        "data": f"scikit-learn's digits: {len(train_y)} images to train, {len(test_y)} held out",
        "licence": "Apache-2.0 (the images: see DATA_LICENCE.md)",
        "metric": "accuracy on the held-out images",
        "opset": OPSET,
        "seed": SEED,
        "versions": cards.versions("torch", "onnx", "onnxruntime", "scikit-learn", "numpy"),
        "int8": "static, U8 activations, S8 weights of 7 bits by channel, "
        f"{CALIBRATION_SAMPLES} training images seen",
        "measure": cards.MEASURE,
        "variants": {
            "fp32": judge(fp32, test_x, test_y),
            "int8": judge(int8, test_x, test_y),
        },
    }
    cards.write(card_path(root, "digits"), card)
    for variant, result in card["variants"].items():
        print(f"digits {variant}: {result['accuracy']:.4f} {result['ci95']}, ms {result['ms']}")


if __name__ == "__main__":
    main()
