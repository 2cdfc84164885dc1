"""Time the committed models on this machine; `--write` puts the figures into their cards.

Needs onnxruntime and numpy only. On a busy machine the figures rise: cores share their caches
and, often, their arithmetic units.
"""

from __future__ import annotations

import argparse

import numpy as np

from model_repo import REPO, card_path
from trimtab.compress import cards, runtime
from trimtab.compress.repository import onnx_path


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the sample models.")
    parser.add_argument("--write", action="store_true", help="update the cards")
    write = parser.parse_args().write
    for name in ("xor", "classifier", "digits"):
        card = cards.read(card_path(REPO, name))
        for variant, stated in card["variants"].items():
            session = runtime.open_session(onnx_path(REPO / name, name, variant))
            shape = session.get_inputs()[0].shape[1:]
            inputs = np.random.default_rng(0).uniform(0, 1, (16, *shape)).astype(np.float32)
            stated["ms"] = runtime.cpu_ms(session, inputs)
            print(f"{name} {variant}: {stated['ms']}")
        if write:
            cards.write(card_path(REPO, name), card)


if __name__ == "__main__":
    main()
