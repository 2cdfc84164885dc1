"""The message of a compression: small enough for the kubelet, and read as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.api import told
from trimtab.api.told import LIMIT, MAX_ERROR, Told, ToldVariant

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,23}", fullmatch=True)
POINTS = st.lists(
    st.tuples(st.integers(1, 1024), st.integers(1, 3_600_000_000)),
    max_size=16,
    unique_by=lambda point: point[0],
)
VARIANTS = st.lists(
    st.builds(ToldVariant, name=NAMES, accuracy=st.sampled_from(["0.912345", "1", "0"]), us=POINTS),
    max_size=16,
    unique_by=lambda variant: variant.name,
)


@given(VARIANTS, st.lists(NAMES, max_size=15))
def test_a_message_is_within_the_limit_and_reads_as_it_was_written(
    variants: list[ToldVariant], refused: list[str]
) -> None:
    message = Told(model="digits", published=variants, refused=refused)
    text = told.written(message)
    assert len(text.encode()) <= LIMIT
    found = told.read(text)
    assert [(v.name, v.accuracy) for v in found.published] == [
        (v.name, v.accuracy) for v in variants
    ]
    if not found.thinned:
        assert found == message


def test_long_profiles_are_thinned_and_keep_their_largest_batch() -> None:
    points = [(batch, 123_456_789 + batch) for batch in range(1, 17)]
    variants = [ToldVariant(name=f"variant-{i}", accuracy="0.912345", us=points) for i in range(16)]
    found = told.read(told.written(Told(model="digits", published=variants)))
    assert found.thinned
    for variant in found.published:
        assert 0 < len(variant.us) < 16
        assert variant.us[-1] == points[-1]


def test_an_error_is_cut() -> None:
    found = told.read(told.written(told.failure("x" * 5000)))
    assert found.error is not None
    assert len(found.error) == MAX_ERROR


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Traceback (most recent call last):",
        "[]",
        '{"version": 2}',
        '{"published": [{"name": "A b", "accuracy": "0.9"}]}',
        '{"published": [{"name": "a", "accuracy": "1.1"}]}',
        '{"published": [{"name": "a", "accuracy": "0.9", "us": [[0, 1]]}]}',
        '{"published": [{"name": "a", "accuracy": "1"}, {"name": "a", "accuracy": "1"}]}',
        '{"path": "../../etc"}',
    ],
)
def test_what_is_no_message_is_refused(text: str) -> None:
    with pytest.raises(told.UnreadableMessage):
        told.read(text)
