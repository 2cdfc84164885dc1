"""The bytes of a request, and what counts as a good answer."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from e2e.load.payload import TensorSpec, calls_for
from tests.load.server import answer_parts


def test_other_models_get_zeros_of_the_shape_asked_for() -> None:
    (call,) = calls_for("m", "h:1", TensorSpec("x", (1, 3), "y"))
    head, _, body = call.request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v2/models/m/infer HTTP/1.1\r\nHost: h:1\r\n")
    header, tensor = body[:-12], body[-12:]
    assert f"Inference-Header-Content-Length: {len(header)}".encode() in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(header)["inputs"][0]["shape"] == [1, 3]
    assert struct.unpack("<3f", tensor) == (0.0, 0.0, 0.0)


def test_digits_get_held_out_images_and_their_labels(tmp_path: Path) -> None:
    path = tmp_path / "heldout.npz"
    images = np.arange(128, dtype=np.uint8).reshape(2, 8, 8)
    np.savez(path, images=images, labels=np.array([4, 7], dtype=np.uint8))
    calls = calls_for("digits", "h", held_out=path, variety=2)
    assert [call.expected_class for call in calls] == [4, 7]
    assert struct.unpack("<64f", calls[1].request[-256:])[:3] == (64.0, 65.0, 66.0)
    assert calls_for("digits", "h", held_out=tmp_path / "none")[0].expected_class is None


def test_more_digits_than_there_are_differ_a_little(tmp_path: Path) -> None:
    """A response cache knows an input only as it was to the bit."""
    path = tmp_path / "heldout.npz"
    np.savez(path, images=np.full((2, 8, 8), 16, np.uint8), labels=np.array([4, 7], np.uint8))
    calls = calls_for("digits", "h", held_out=path, variety=20_000)
    assert len({call.request for call in calls}) == 10_000  # the two images are the same
    assert [call.expected_class for call in calls[:4]] == [4, 7, 4, 7]
    (first,) = struct.unpack("<f", calls[-1].request[-256:-252])
    assert first == pytest.approx(16.0, abs=1.0)


@pytest.mark.parametrize("binary", [True, False])
def test_an_answer_is_judged_by_its_largest_logit(tmp_path: Path, binary: bool) -> None:
    path = tmp_path / "heldout.npz"
    np.savez(path, images=np.zeros((2, 8, 8), np.uint8), labels=np.array([2, 3], np.uint8))
    good, bad = calls_for("digits", "h", held_out=path, variety=2)
    headers, body = answer_parts([0, 0.5, 9, 1, 0, 0, 0, 0, 0, 0], binary=binary)
    assert good.check(200, headers, body) == ("", True)
    assert bad.check(200, headers, body) == ("", False)


def test_what_is_not_a_good_answer_says_why() -> None:
    (call,) = calls_for("m", "h")
    headers, body = answer_parts([1.0, 2.0])
    assert call.check(503, headers, body) == ("status 503", None)
    assert call.check(200, headers, body[:-4])[0] == "answer not understood"
    assert call.check(200, b"", b"hello")[0] == "answer not understood"
    assert call.check(200, *answer_parts([1.0], name="other"))[0] == "answer not understood"
    assert call.check(200, *answer_parts([float("nan")]))[0] == "answer without finite values"
