"""The sentences, and, where its package is installed, the pretrained model's tokens and answers."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from model_repo.sentences import data
from tests.model_repo.ensembles import prepare


@pytest.fixture
def fetched() -> None:
    pytest.importorskip("tokenizers", reason="make sentences-setup brings it")
    if not (data.PREPARE / "tokenizer.json").exists():
        pytest.skip("make sentences-setup brings the tokeniser")


def test_sentences_are_sentences_each_once() -> None:
    texts = data.sentences()
    assert len(set(texts)) == len(texts) == 700
    assert all(text.endswith(".") and 25 < len(text) < 160 for text in texts)


@pytest.mark.usefixtures("fetched")
def test_tokens_begin_and_end_as_bert_wants_them() -> None:
    row = prepare("sentences").ready(data.PREPARE)(b"That is a happy person")
    assert row.tolist() == [101, 2008, 2003, 1037, 3407, 2711, 102] + [0] * 25
    assert row.dtype == np.int32


@pytest.mark.usefixtures("fetched")
def test_a_long_text_is_cut_and_still_ends() -> None:
    row = prepare("sentences").ready(data.PREPARE)(b"happy " * 100)
    assert row[0] == 101
    assert row[-1] == 102


@pytest.mark.usefixtures("fetched")
def test_the_pretrained_model_answers_as_its_makers_say() -> None:
    """Similarities that the model's own page shows for these sentences."""
    torch: Any = pytest.importorskip("torch", reason="torch comes with trimtab[compress] only")
    net = import_module("model_repo.sentences.pretrained").pretrained()
    texts = [
        "That is a happy person",
        "That is a happy dog",
        "That is a very happy person",
        "Today is a sunny day",
    ]
    with torch.no_grad():
        made = net(torch.from_numpy(data.tokens(texts))).numpy()
    assert made[1:] @ made[0] == pytest.approx([0.695, 0.943, 0.257], abs=0.001)
