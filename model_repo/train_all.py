"""Train every sample model and write its ONNX files, Triton folders and card.

`python -m model_repo.train_all` remakes what is committed; with `--out DIR` it writes to DIR and
compares the accuracies with the committed ones.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from model_repo import REPO, card_path
from model_repo.classifier import train as classifier
from model_repo.digits import train as digits
from model_repo.xor import train as xor
from trimtab.compress import cards

# Another processor sums in another order; by how far the accuracy may move.
TOLERANCE = {"xor": 0.0, "classifier": 0.02, "digits": 0.01}


def main() -> int:
    parser = argparse.ArgumentParser(description="Train the sample models.")
    parser.add_argument("--out", type=Path, help="write here, then compare with what is committed")
    out = parser.parse_args().out
    root = out or REPO
    for module in (xor, classifier, digits):
        module.main(root)
    if out is None:
        return 0
    return max(_compare(name, cards.read(card_path(out, name))) for name in TOLERANCE)


def _compare(name: str, made: dict[str, Any]) -> int:
    """0 when every variant's accuracy is the committed one, within the tolerance."""
    status = 0
    for variant, committed in cards.read(card_path(REPO, name))["variants"].items():
        have, want = made["variants"][variant]["accuracy"], committed["accuracy"]
        ok = abs(have - want) <= TOLERANCE[name]
        print(f"{name} {variant}: {have:.4f}, committed {want:.4f}: {'same' if ok else 'DIFFERS'}")
        status |= not ok
    return status


if __name__ == "__main__":
    sys.exit(main())
