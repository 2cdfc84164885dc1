"""The merge of the plan's values into a config.pbtxt, judged by protobuf's own reader."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.actuate.model_config import parsed
from trimtab.actuate import pbtxt

OVERLAY = {
    "model": "m",
    "max_batch_size": 8,
    "max_queue_delay_microseconds": 500,
    "max_queue_size": 200,
    "queue_timeout_microseconds": None,
    "instance_count": 2,
}


def merged(text: str, **changes: Any) -> Any:
    """What Triton reads after the merge."""
    return parsed(pbtxt.Merge(text, {**OVERLAY, **changes}).merged())


def notes(text: str, **changes: Any) -> str:
    merge = pbtxt.Merge(text, {**OVERLAY, **changes})
    merge.merged()
    return "; ".join(merge.notes)


def test_the_plan_reaches_triton_and_the_rest_is_the_users() -> None:
    config = merged(
        """
        # The classifier: { not a brace ] "not a string
        name: "m", backend: 'onnxruntime';
        max_batch_size: 32
        input [ { name: "x" data_type: TYPE_FP32 dims: [ -1, 3 ] } ]
        output < name: "y" data_type: TYPE_FP32 dims: 1 dims: -1 >
        parameters { key: "quote" value { string_value: "a \\" } # not a comment" } }
        instance_group [ { kind: KIND_GPU count: 1 gpus: [ 0 ] } ]
        dynamic_batching { preferred_batch_size: [ 4, 8, 16 ] preserve_ordering: true }
        """
    )
    assert config.max_batch_size == 8
    assert config.backend == "onnxruntime"
    assert list(config.input[0].dims) == [-1, 3]
    assert list(config.output[0].dims) == [1, -1]
    assert config.parameters["quote"].string_value == 'a " } # not a comment'
    assert config.instance_group[0].count == 2
    assert list(config.instance_group[0].gpus) == [0]
    assert config.instance_group[0].kind == config.instance_group[0].KIND_GPU
    batching = config.dynamic_batching
    assert list(batching.preferred_batch_size) == [4, 8]
    assert batching.preserve_ordering
    assert batching.max_queue_delay_microseconds == 500
    assert batching.default_queue_policy.max_queue_size == 200


def test_what_is_not_ours_is_kept_to_the_letter() -> None:
    text = '# mine\nname: "m"  # really\nmax_batch_size: 32\nversion_policy: { all { } }  # all\n'
    made = pbtxt.Merge(text, OVERLAY).merged()
    assert made.startswith('# mine\nname: "m"  # really\n')
    assert "version_policy: { all { } }  # all\n" in made


def test_the_users_own_smaller_batch_is_what_the_model_can_do() -> None:
    assert merged("max_batch_size: 4").max_batch_size == 4


def test_a_model_that_takes_no_batches_stays_so() -> None:
    text = 'max_batch_size: 0 input { name: "x" }'
    assert merged(text).max_batch_size == 0
    assert not merged(text).HasField("dynamic_batching")
    assert "takes no batches" in notes(text)


def test_shapes_without_a_batch_size_hold_the_batch_dimension() -> None:
    config = merged('input { name: "x" dims: [ 1, 3 ] }')
    assert config.max_batch_size == 0
    assert not config.HasField("dynamic_batching")


def test_a_partial_config_gets_the_cap() -> None:
    assert merged('backend: "onnxruntime"').max_batch_size == 8


def test_sequences_keep_their_batcher() -> None:
    config = merged("max_batch_size: 32 sequence_batching { direct { } }")
    assert config.max_batch_size == 8
    assert config.WhichOneof("scheduling_choice") == "sequence_batching"


def test_an_ensemble_is_left_alone() -> None:
    text = "max_batch_size: 32 ensemble_scheduling { step [ { model_name: 'a' } ] }\n"
    assert pbtxt.Merge(text, OVERLAY).merged() == text
    assert "ensemble" in notes(text)


def test_answers_are_kept_where_that_is_asked_for() -> None:
    assert not merged("max_batch_size: 8").response_cache.enable
    assert merged("max_batch_size: 8", response_cache=True).response_cache.enable


def test_an_ensemble_keeps_answers_and_stays_as_it_is_otherwise() -> None:
    text = "max_batch_size: 32 ensemble_scheduling { step [ { model_name: 'a' } ] }\n"
    config = merged(text, response_cache=True)
    assert config.response_cache.enable
    assert config.max_batch_size == 32
    assert not config.instance_group
    assert "but for the response cache" in notes(text, response_cache=True)


def test_a_model_whose_file_forbids_it_keeps_no_answers() -> None:
    text = "max_batch_size: 8 response_cache { enable: false }"
    assert not merged(text, response_cache=True).response_cache.enable
    assert "enable: false, which is kept" in notes(text, response_cache=True)


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("sequence_batching { }", "sequence_batching"),
        ("model_transaction_policy { decoupled: true }", "decoupled: true"),
    ],
)
def test_a_model_that_triton_keeps_no_answers_of_is_refused_with_the_mend(
    text: str, has: str
) -> None:
    with pytest.raises(pbtxt.PbtxtError, match=f"has {has}.*remove spec.triton.responseCache"):
        merged(text, response_cache=True)


def test_a_decoupled_model_stays_decoupled() -> None:
    config = merged("max_batch_size: 8 model_transaction_policy { decoupled: true }")
    assert config.model_transaction_policy.decoupled
    assert config.HasField("dynamic_batching")


def test_queue_policies_of_the_user_stay_beside_the_size() -> None:
    text = """max_batch_size: 8 dynamic_batching {
        default_queue_policy { timeout_action: REJECT default_timeout_microseconds: 9
                               max_queue_size: 7 }
        priority_levels: 2  default_priority_level: 1
        priority_queue_policy { key: 1 value: { max_queue_size: 3 } } }"""
    policy = merged(text).dynamic_batching.default_queue_policy
    assert (policy.max_queue_size, policy.default_timeout_microseconds) == (200, 9)
    assert merged(text).dynamic_batching.priority_queue_policy[1].max_queue_size == 3
    unbounded = merged(text, max_queue_size=0)
    assert unbounded.dynamic_batching.default_queue_policy.max_queue_size == 7


def test_what_has_waited_too_long_goes_behind_the_others_and_is_not_refused() -> None:
    made = merged('name: "m" max_batch_size: 8', max_queue_size=0, queue_timeout_microseconds=50000)
    policy = made.dynamic_batching.default_queue_policy
    assert (policy.timeout_action, policy.default_timeout_microseconds) == (policy.DELAY, 50000)
    assert policy.max_queue_size == 0


@pytest.mark.parametrize(
    ("batching", "says"),
    [
        ("default_queue_policy { default_timeout_microseconds: 9 }", "a timeout of its own"),
        ("default_queue_policy { timeout_action: REJECT }", "a timeout of its own"),
        ("preserve_ordering: true", "late requests keep their turn"),
    ],
)
def test_a_timeout_of_the_users_own_stays_and_so_does_his_order(batching: str, says: str) -> None:
    """With preserve_ordering one that goes last would hold up all that came after it."""
    text = f'name: "m" max_batch_size: 8 dynamic_batching {{ {batching} }}'
    before, after = merged(text), merged(text, queue_timeout_microseconds=50000)
    assert after.dynamic_batching == before.dynamic_batching
    assert says in notes(text, queue_timeout_microseconds=50000)


def test_preferred_sizes_that_all_exceed_the_cap_go() -> None:
    text = "max_batch_size: 64 dynamic_batching { preferred_batch_size: 16 }"
    assert not merged(text).dynamic_batching.preferred_batch_size


def test_several_instance_groups_keep_their_counts() -> None:
    text = "instance_group [ { count: 3 kind: KIND_CPU } ] instance_group { count: 1 gpus: 0 }"
    assert [g.count for g in merged(text).instance_group] == [3, 1]
    assert "2 instance groups" in notes(text)


def test_warm_ups_fit_the_cap() -> None:
    text = 'max_batch_size: 32 model_warmup [ { name: "w" "x" batch_size: 32 }, { batch_size: 2 } ]'
    assert [w.batch_size for w in merged(text).model_warmup] == [8, 2]
    assert merged(text).model_warmup[0].name == "wx"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('name: "other"', "name is \"other\", but the model's folder is 'm'"),
        ("max_batch_size: many", "max_batch_size is many, not a whole number"),
        ("max_batch_size: { }", "max_batch_size"),
        ("input [ { name: 'x' ", "line 1, column 21: expected a field name, found the end"),
        ("a: 1\nb ?", "line 2, column 3: unexpected '?'"),
        ("a 1", "line 1, column 3: expected a value, found '1'"),
        ("a: [1 2]", "expected ',' or ']'"),
        ("a: }", "expected a value, found '}'"),
        ("}", "expected a field name, found '}'"),
        ("a { b: 1 >", "expected a field name, found '>'"),
        ('a: "open', "unexpected '\"open'"),
        ("dynamic_batching: 3", "dynamic_batching must be a message"),
        ("max_batch_size: 8 dynamic_batching { preferred_batch_size: x }", "preferred_batch_size"),
        ("max_batch_size: 8 dynamic_batching { preferred_batch_size { } }", "preferred_batch_size"),
        ("a {" * 200, "nested too deeply"),
        ("a: " + "[" * 5000, "a list inside a list"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, says: str) -> None:
    with pytest.raises(pbtxt.PbtxtError, match=r".*") as caught:
        pbtxt.Merge(text, OVERLAY).merged()
    assert says in str(caught.value)


_SPACE = st.sampled_from([" ", "\n", "\t ", " # a } comment\n", "\r\n"])
_SCALARS = st.one_of(
    st.integers(-(2**31), 2**31).map(str),
    st.text(alphabet="ab\"'{}[]<>#:;, \\", max_size=8).map(
        lambda s: '"' + s.replace("\\", "\\\\").replace('"', '\\"') + '"'
    ),
    st.sampled_from(["TYPE_FP32", "true", "1.5e-3", "'it \"is\"'", '"a" "b"']),
)
_NAMES = st.sampled_from(["alpha", "beta", "max_batch", "x_1"])


def _messages(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    marks = st.sampled_from([("{", "}"), ("<", ">")])
    return st.builds(lambda m, s, f: m[0] + s + f + m[1], marks, _SPACE, inner)


def _fields(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    end = st.sampled_from([" ", ", ", "; ", "\n"])
    field = st.builds(lambda n, s, v, e: f"{n}:{s}{v}{e}", _NAMES, _SPACE, values, end)
    return st.lists(field, max_size=4).map("".join)


def _lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=3).map(lambda items: f"[{', '.join(items)}]")


_VALUES = st.recursive(
    _SCALARS,
    lambda v: _messages(_fields(st.one_of(v, _lists(v)))),
    max_leaves=12,
)
_TEXTS = _fields(st.one_of(_VALUES, _lists(_VALUES)))


def shape(fields: list[pbtxt.Field]) -> list[Any]:
    """The fields without their places."""
    return [(f.name, _shape(f.value)) for f in fields]


def _shape(value: Any) -> Any:
    if isinstance(value, pbtxt.Message):
        return {"fields": shape(value.fields)}
    return [_shape(v) for v in value] if isinstance(value, list) else value


@given(_TEXTS)
def test_what_is_rendered_reads_as_what_was_read(text: str) -> None:
    fields = pbtxt.Parser(text).message()
    again = pbtxt.Parser(" ".join(pbtxt.render(f) for f in fields)).message()
    assert shape(again) == shape(fields)


@given(_TEXTS, st.integers(0, 64), st.integers(1, 32), _TEXTS)
def test_whatever_stands_around_it_the_cap_holds(
    before: str, able: int, cap: int, after: str
) -> None:
    text = f"{before} max_batch_size: {able} {after}"
    made = pbtxt.Merge(text, {**OVERLAY, "max_batch_size": cap}).merged()
    fields = pbtxt.Parser(made).message()
    (size,) = pbtxt.named(fields, "max_batch_size")
    assert pbtxt.number(size) == (min(able, cap) if able else 0)
    others = [f for f in fields if f.name in ("alpha", "beta", "max_batch", "x_1")]
    assert shape(others) == shape(pbtxt.Parser(before + " " + after).message())


@given(st.text(alphabet="ab1:{}[]<>\"'#\\,; \n-", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(pbtxt.PbtxtError):
        pbtxt.Merge(text, OVERLAY).merged()
