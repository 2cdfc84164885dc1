"""What clients ask of the sample models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.variants.ask import array_request, blob_request
from model_repo import REPO

REQUESTS = 256


@dataclass(frozen=True, slots=True)
class Asked:
    """Whole HTTP requests, and the name of each one's class; none where no class is asked for."""

    requests: tuple[bytes, ...]
    right: tuple[str, ...] = ()


def _xor() -> Asked:
    rows = [np.array(bits, np.float32) for bits in ((0, 0), (0, 1), (1, 0), (1, 1))]
    return Asked(tuple(array_request("xor", "x", row, "p", classes=False) for row in rows))


def _classifier() -> Asked:
    from model_repo.classifier import data

    items, _ = data.held_out_set()
    return Asked(
        tuple(
            array_request("classifier", "x", x, "logits", classes=False) for x in items[:REQUESTS]
        )
    )


def _image() -> Asked:
    from model_repo.image import data

    return _blobs("image", "png", *data.test_requests(REQUESTS))


def _text() -> Asked:
    from model_repo.text import data

    return _blobs("text", "text", *data.test_requests(REQUESTS))


def _speech() -> Asked:
    from model_repo.speech import data

    return _blobs("speech", "wav", *data.test_requests(REQUESTS))


def _sentences() -> Asked:
    from model_repo.sentences import data

    texts = data.sentences()[-REQUESTS:]
    return Asked(
        tuple(
            blob_request("sentences", "text", text.encode(), "sentence_embedding", classes=False)
            for text in texts
        )
    )


def _blobs(model: str, name: str, items: Sequence[bytes], classes: npt.NDArray[np.int64]) -> Asked:
    names = (REPO / model / "serve" / model / "labels.txt").read_text().split()
    return Asked(
        tuple(blob_request(model, name, item, "logits", classes=True) for item in items),
        tuple(names[number] for number in classes),
    )


ASKED: dict[str, Callable[[], Asked]] = {
    "xor": _xor,
    "classifier": _classifier,
    "image": _image,
    "text": _text,
    "speech": _speech,
    "sentences": _sentences,
}
