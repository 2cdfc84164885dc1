"""The held-out digits as pictures: 32x32 PNG files, as a client would send them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from model_repo.digits import data as digits
from model_repo.digits.data import Array

SERVE = Path(__file__).resolve().parent / "serve"
SIZE = 32


def png(image: Array) -> bytes:
    """One 8x8 image of grey levels 0 to 16, enlarged, as a PNG."""
    levels = np.round(image.astype(np.float64) * (255 / 16)).astype(np.uint8)
    file = io.BytesIO()
    enlarged = Image.fromarray(levels).resize((SIZE, SIZE), Image.Resampling.NEAREST)
    enlarged.save(file, format="PNG")
    return file.getvalue()


def test_requests(count: int) -> tuple[list[bytes], Array]:
    """That many held-out pictures and which digits they show."""
    images, labels = digits.held_out()
    return [png(image) for image in images[:count]], labels[:count]
