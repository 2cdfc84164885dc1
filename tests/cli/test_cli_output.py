"""`--output`: one option, spelled alike in every command, and one meaning."""

from __future__ import annotations

import json
from typing import NamedTuple

import click
import pytest
import yaml

from trimtab.cli import main
from trimtab.cli.output import as_document
from trimtab.core.plan import ConditionStatus


@pytest.mark.parametrize("name", sorted(set(main.commands) - {"run"}))
def test_every_command_takes_it(name: str) -> None:
    (output,) = (p for p in main.commands[name].params if p.name == "output")
    assert output.opts == ["--output", "-o"]
    assert output.default == "table"
    assert isinstance(output.type, click.Choice)
    assert list(output.type.choices)[:3] == ["table", "json", "yaml"]


class Pair(NamedTuple):
    one: str
    other: float | None


def test_json_and_yaml_say_the_same() -> None:
    data = {"status": ConditionStatus.TRUE, "pair": Pair("für", None), "list": [{"at": 0.5}]}
    said = json.loads(as_document(data, "json"))
    assert said == {"status": "True", "pair": ["für", None], "list": [{"at": 0.5}]}
    assert yaml.safe_load(as_document(data, "yaml")) == said


def test_what_is_printed_keeps_its_order_and_its_letters() -> None:
    assert as_document({"b": "für", "a": 1}, "yaml") == "b: für\na: 1"
    assert as_document({"b": "für"}, "json") == '{\n  "b": "für"\n}'
