"""The chart's README lists the values as they are."""

from __future__ import annotations

import pytest

from charts.values_table import BEGIN, END, Value, readme, values
from tests.chart.conftest import CHART

SOME = """\
# About the file, and no value's.

# What it is,
# in two lines.
first: 5s
group:
  # Its own.
  key: [1, "a"]
  # Many of them.
  # - like: this
  keys: []
# Of all below.
explained:
  plain: {a: b}
"""


def test_the_readme_is_that_of_the_values() -> None:
    text = (CHART / "README.md").read_text()
    assert readme(text, (CHART / "values.yaml").read_text()) == text, "run `make chart-readme`"


def test_a_value_means_what_the_comment_above_it_says() -> None:
    assert list(values(SOME)) == [
        Value("first", '"5s"', "What it is, in two lines."),
        Value("group.key", '[1, "a"]', "Its own."),
        Value("group.keys", "[]", "Many of them."),
        Value("explained", "", "Of all below."),
        Value("explained.plain", '{"a": "b"}', ""),
    ]


def test_what_stands_around_the_table_stays() -> None:
    made = readme(f"before\n{BEGIN}old\n{END}after\n", "a: x|y\n")
    assert made.startswith("before\n")
    assert made.endswith("after\n")
    assert "old" not in made
    with pytest.raises(ValueError, match="no lines"):
        readme("nothing", SOME)
