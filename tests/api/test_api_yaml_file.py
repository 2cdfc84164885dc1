"""YAML files as users write them: read, or refused in a sentence, and never a traceback."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from trimtab.api.yaml_file import UnreadableYaml, read_documents, read_yaml


def written(folder: Path, text: str) -> Path:
    path = folder / "file.yaml"
    path.write_text(text)
    return path


def test_one_document_or_several(tmp_path: Path) -> None:
    assert read_yaml(written(tmp_path, "a: [1, 2]")) == {"a": [1, 2]}
    assert read_yaml(written(tmp_path, "")) is None
    assert read_documents(written(tmp_path, "a: 1\n---\nb: 2")) == [{"a": 1}, {"b": 2}]
    with pytest.raises(UnreadableYaml, match="holds 2 documents: leave one"):
        read_yaml(written(tmp_path, "a: 1\n---\nb: 2"))


def test_an_alias_is_what_it_stands_for(tmp_path: Path) -> None:
    assert read_yaml(written(tmp_path, "a: &x [1]\nb: *x")) == {"a": [1], "b": [1]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "is not YAML"),
        ("a: 2001-13-45", "month must be in 1..12"),
        ("a: !!bool maybe", "KeyError"),
        ("a: !!int ''", "IndexError"),
        ("a: !!timestamp x", "AttributeError"),
        (f"a: {'9' * 5000}", "4300 digits"),
        ("[" * 400 + "]" * 400, "nested"),
        ("a: &x [*x]", "nested more than 100 deep"),
        ('a: "\\ud800"', "surrogates not allowed"),
    ],
)
def test_what_yaml_itself_trips_over_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UnreadableYaml) as refusal:
        read_documents(path)
    assert said in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_nine_lines_of_aliases_are_no_billion_values(tmp_path: Path) -> None:
    rows = ["a: &a [1]"]
    for last, name in pairwise("abcdefghi"):
        rows.append(f"{name}: &{name} [{', '.join([f'*{last}'] * 9)}]")
    with pytest.raises(UnreadableYaml, match="more than 1000000 values"):
        read_yaml(written(tmp_path, "\n".join(rows)))


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(UnreadableYaml, match=r"gone\.yaml: No such file"):
        read_yaml(tmp_path / "gone.yaml")
    path = tmp_path / "bytes.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnreadableYaml, match="UnicodeDecodeError"):
        read_yaml(path)
