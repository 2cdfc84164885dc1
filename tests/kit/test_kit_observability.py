"""Which queries of dashboards and rules tell nothing, by what a Prometheus knows."""

from __future__ import annotations

import pytest

from e2e.kit.observability import Query, filled, silent


def in_vain(promql: str, *known: str) -> list[str]:
    """Of a query, what is asked of a Prometheus that answers `known` alone."""
    return silent([Query("x", promql)], {"ns": "shop"}, lambda asked: asked in known)


def test_a_query_without_a_condition_must_answer_as_it_is() -> None:
    assert in_vain('sum(m{n="$ns"})', 'sum(m{n="shop"})') == []
    assert in_vain('sum(m{n="$ns"})', 'sum(m{n!=""})') == ['x: sum(m{n="shop"})']


@pytest.mark.parametrize(
    ("known", "left"),
    [
        (('m{s="False"}', "b"), []),
        (('m{s!=""}', "b"), []),
        (('m{s!=""}',), ["x: b"]),
        (("b",), ['x: m{s="False"}']),
    ],
)
def test_of_a_condition_each_side_must_be_there_in_some_state(
    known: tuple[str, ...], left: list[str]
) -> None:
    assert in_vain('m{s="False"} == 1 unless b > 1', *known) == left


def test_the_whole_is_asked_too_so_that_a_refusal_is_seen() -> None:
    asked: list[str] = []

    def answers(promql: str) -> bool:
        asked.append(promql)
        return True

    assert silent([Query("x", "a > 1\n")], {}, answers) == []
    assert asked == ["a > 1", "a"]


def test_variables_are_filled_in_the_longest_name_first() -> None:
    said = filled('m{a="$model", b="$modeldeployment"}', {"model": "x", "modeldeployment": "y"})
    assert said == 'm{a="x", b="y"}'
