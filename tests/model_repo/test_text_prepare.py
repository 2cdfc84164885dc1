"""Snippets of source code: the data, its split, and its tokens."""

from __future__ import annotations

import json

import numpy as np
import pytest

from model_repo.text import data
from tests.model_repo.ensembles import prepare


def ids(text: bytes) -> list[int]:
    module = prepare("text")
    row = module.ready(data.PREPARE)(text)
    assert row.shape == (module.LENGTH,)
    assert row.dtype == np.int32
    return [int(number) for number in row]


def test_words_digits_signs_and_indentation_are_tokens() -> None:
    assert prepare("text").split(b"    if x_1 != 20:\n\treturn") == [
        "    ", "if", "x_", "1", "!", "=", "2", "0", ":", "\n", "\t", "return",
    ]  # fmt: skip


def test_ids_are_those_of_the_vocabulary_and_the_rest_is_padding() -> None:
    words = json.loads((data.PREPARE / "vocabulary.json").read_text())
    row = ids(b"return self")
    assert [words[number - 5] for number in row[:2]] == ["return", "self"]
    assert set(row[2:]) == {0}


@pytest.mark.parametrize(
    ("word", "kind"), [(b"zzq_zz", 1), (b"zzqzz", 2), (b"ZZQZZ", 3), (b"ZzqZz", 4)]
)
def test_unknown_words_are_told_apart_by_how_they_are_written(word: bytes, kind: int) -> None:
    assert ids(word)[0] == kind


def test_long_text_is_cut_and_bytes_that_are_no_text_do_no_harm() -> None:
    assert 0 not in ids(b"; " * 1000)
    assert ids(b"\xff\xfe")[0] != 0
    assert set(ids(b"")) == {0}


def test_the_vocabulary_is_that_of_the_training_snippets() -> None:
    snippets, _ = data.read("train")
    words = json.loads((data.PREPARE / "vocabulary.json").read_text())
    assert data.vocabulary(snippets) == words


def test_snippets_are_balanced_whole_and_small() -> None:
    train, test = data.read("train"), data.read("test")
    for (snippets, labels), count in ((train, 1700), (test, 430)):
        assert np.bincount(labels).tolist() == [count] * len(data.LANGUAGES)
        assert all(text.count("\n") == 1 for text in snippets)
    assert data.FILE.stat().st_size < 1_000_000


def test_no_snippet_of_a_language_is_in_both_sets() -> None:
    train, test = (set(zip(*data.read(name), strict=True)) for name in ("train", "test"))
    assert not train & test
