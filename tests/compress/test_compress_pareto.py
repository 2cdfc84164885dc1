"""The front: nobody on it is beaten, and everybody off it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trimtab.compress.pareto import Mark, front

MARKS = st.lists(
    st.builds(
        Mark,
        st.just("v"),
        st.integers(1, 9).map(float),
        st.integers(0, 9).map(lambda tenths: tenths / 10),
    ),
    max_size=12,
)


def beats(one: Mark, other: Mark) -> bool:
    return (
        one.ms <= other.ms
        and one.accuracy >= other.accuracy
        and (one.ms, one.accuracy) != (other.ms, other.accuracy)
    )


@given(MARKS)
def test_front(marks: list[Mark]) -> None:
    kept = front(marks)
    assert not any(beats(one, other) for one in marks for other in kept)
    figures = {(mark.ms, mark.accuracy) for mark in kept}
    for mark in marks:
        if (mark.ms, mark.accuracy) not in figures:
            assert any(beats(one, mark) for one in kept)
    assert [mark.ms for mark in kept] == sorted(mark.ms for mark in kept)
