"""A PNG becomes the 8x8 grey levels that the network was trained on."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model_repo.digits import data as digits
from model_repo.image import data
from tests.model_repo.ensembles import prepare


def png(image: Image.Image, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, format=form)
    return file.getvalue()


def test_what_was_enlarged_comes_back() -> None:
    images, _ = digits.held_out()
    module = prepare("image")
    for image in images[:20]:
        assert module.prepare(data.png(image)) == pytest.approx(
            digits.requests(image)[0], abs=16 / 255
        )


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
def test_colours_become_grey(mode: str) -> None:
    white: Any = Image.new("L", (20, 20), 255).convert(mode)
    made = prepare("image").prepare(png(white))
    assert made.shape == (1, 8, 8)
    assert made.dtype == np.float32
    assert made == pytest.approx(np.full((1, 8, 8), 16.0))


def test_another_size_is_scaled_by_area() -> None:
    left_half = Image.new("L", (48, 24), 0)
    left_half.paste(255, (0, 0, 24, 24))
    made = prepare("image").prepare(png(left_half))
    assert made[0, :, :4] == pytest.approx(16.0)
    assert made[0, :, 4:] == pytest.approx(0.0)


def test_what_is_no_png_is_refused() -> None:
    with pytest.raises(OSError, match="cannot identify"):
        prepare("image").prepare(png(Image.new("L", (8, 8)), "BMP"))


def test_a_picture_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="2000x2000 pixels, 1048576 are allowed"):
        prepare("image").prepare(png(Image.new("1", (2000, 2000))))
