"""The page of a Triton, as counts of a model."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trimtab.observe.pod_counts import Counts, read_counts

PAGE = """\
# HELP nv_inference_request_success Number of successful inference requests, all batch sizes
# TYPE nv_inference_request_success counter
nv_inference_request_success{model="digits",version="1"} 339
nv_inference_request_success{model="digits",version="2"} 1
nv_inference_request_success{model="digits2",version="1"} 7
# TYPE nv_inference_request_failure counter
nv_inference_request_failure{model="digits",reason="OTHER",version="1"} 2
nv_inference_request_failure{model="digits",reason="REJECTED",version="1"} 3
nv_inference_count{model="digits",version="1"} 680
nv_inference_exec_count{model="digits",version="1"} 100
nv_inference_pending_request_count{model="digits",version="1"} 4
nv_cache_num_hits_per_model{model="digits",version="1"} 9
nv_inference_request_summary_us{model="digits",version="1",quantile="0.99"} 155001
nv_cpu_utilization 0.3831775700934579
"""


def test_a_models_counts_are_summed_over_versions_and_reasons() -> None:
    assert read_counts(PAGE, "digits") == Counts(340.0, 5.0, 9.0, 680.0, 4.0)
    assert read_counts(PAGE, "digits2") == Counts(success=7.0)


@pytest.mark.parametrize("page", [PAGE, "<html>a proxy's page</html>", ""])
def test_a_model_that_is_not_there_has_no_counts(page: str) -> None:
    assert read_counts(page, "words") is None


def test_items_alone_are_no_load() -> None:
    assert read_counts('nv_inference_count{model="digits"} 5\n', "digits") is None


def test_what_is_no_number_of_requests_counts_for_nothing() -> None:
    page = (
        'nv_inference_request_success{model="digits"} 5\n'
        'nv_inference_request_failure{model="digits"} NaN\n'
        'nv_inference_pending_request_count{model="digits"} -3\n'
        'nv_inference_count{model="digits"} 1e300\n'
    )
    assert read_counts(page, "digits") == Counts(success=5.0)


def test_a_page_that_is_cut_in_a_line_is_refused() -> None:
    with pytest.raises(ValueError, match="could not convert"):
        read_counts('nv_inference_request_success{model="digits"} 12x', "digits")


def test_a_page_without_end_is_refused_before_it_is_read() -> None:
    lines = (f'nv_inference_count{{model="digits",version="{i}"}} 1' for i in range(2000))
    with pytest.raises(ValueError, match="2000 lines"):
        read_counts("\n".join(lines), "digits")


_LINES = st.lists(
    st.tuples(
        st.sampled_from(["nv_inference_count", "nv_inference_request_success"]),
        st.text(alphabet='digits="{},\\# 1e.-\t', max_size=40),
    ),
    max_size=5,
)


@given(_LINES)
@example([("nv_inference_count", 'model="digits"} 1 # {')])
def test_whatever_a_pod_says_is_counts_or_refused(lines: list[tuple[str, str]]) -> None:
    text = "\n".join(f"{name}{{{rest}" for name, rest in lines)
    with contextlib.suppress(ValueError):
        counts = read_counts(text, "digits")
        assert counts is None or min(counts) >= 0.0
