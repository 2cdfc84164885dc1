"""Writes sample.json: some of the held-out images, and what the committed fp32 network answers.

`python -m model_repo.digits.sample`; an output check asks it (docs/output-check.md).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from model_repo.digits.data import held_out, requests
from trimtab.compress import runtime
from trimtab.compress.repository import onnx_path
from trimtab.compress.sample import FILE, MOST_ITEMS, drawn

HERE = Path(__file__).parent


def sample() -> str:
    """The file's text."""
    images = requests(held_out()[0])
    # Only those are asked: the network takes its time.
    images = images[np.random.default_rng(0).permutation(len(images))[:MOST_ITEMS]]
    session = runtime.open_session(onnx_path(HERE, "digits", "fp32"))
    text = drawn({"image": images}, {"logits": runtime.outputs(session, images)}, None)
    assert text is not None, "an image of 64 values is small"
    return text


if __name__ == "__main__":
    (HERE / FILE).write_text(sample(), encoding="utf-8")
