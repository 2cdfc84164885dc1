"""The Job and pods of a compression, raw as the API server has them, and what is read in them."""

from __future__ import annotations

import copy
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.core.builders import deployment
from trimtab.api.resources import Compression, ImageSource, ProfilePoint, PvcSource
from trimtab.core.compression import JobSeen, source_hash
from trimtab.observe.compression import job_seen

COMPRESSION = Compression(
    source=ImageSource("registry.example/sources:7"),
    model="digits/to_compress.py",
    accelerator_class="cpu",
    output=PvcSource("models"),
    serve_on=("cpu",),
    workers=2,
)
MD = replace(deployment(), compression=COMPRESSION)
MESSAGE = (
    '{"model":"digits","published":[{"name":"int8","accuracy":"0.98","us":[[16,15000],[1,959]]}]}'
)
Raw = dict[str, Any]


def job(*conditions: str, **meta: Any) -> Raw:
    return {
        "metadata": {
            "name": "digits-compress",
            "uid": "job-1",
            "annotations": {"trimtab.dev/source-hash": source_hash(COMPRESSION)},
            "ownerReferences": [{"uid": MD.uid, "controller": True}],
            **meta,
        },
        "status": {
            "conditions": [
                {"type": c, "status": "True", "reason": "BackoffLimitExceeded", "message": "tried"}
                for c in conditions
            ]
        },
    }


def pod(index: int = 0, message: str = MESSAGE, code: int = 0, **end: Any) -> Raw:
    terminated = {"exitCode": code, "message": message, "finishedAt": "2026-11-25T15:00:00Z", **end}
    return {
        "metadata": {
            "labels": {
                "batch.kubernetes.io/controller-uid": "job-1",
                "batch.kubernetes.io/job-completion-index": str(index),
            }
        },
        "status": {
            "containerStatuses": [{"name": "compress", "state": {"terminated": terminated}}]
        },
    }


def seen(a_job: Raw, *pods: Raw) -> JobSeen:
    found = job_seen(MD, [a_job], pods)
    assert found is not None
    return found


def test_the_first_workers_message_becomes_a_report() -> None:
    found = seen(job("SuccessCriteriaMet", "Complete"), pod(1, "nonsense"), pod())
    assert found.ended
    assert found.report is not None
    (int8,) = found.report.published
    assert (int8.name, int8.accuracy) == ("int8", Decimal("0.98"))
    assert int8.points == (ProfilePoint(1, 0.000959), ProfilePoint(16, 0.015))


def test_the_try_that_succeeded_is_believed_and_not_one_before() -> None:
    before = pod(0, '{"error":"worker 1 is gone"}', 1, finishedAt="2026-11-25T14:00:00Z")
    found = seen(job("Complete"), before, pod())
    assert found.report is not None
    assert not found.report.error


@pytest.mark.parametrize("message", ["", "Segmentation fault"])
def test_a_message_that_says_nothing_is_told(message: str) -> None:
    found = seen(job("Complete"), pod(message=message))
    assert (found.ended, found.report) == (True, None)
    assert "first worker" in found.why


def test_a_failure_carries_the_last_words_of_the_last_try() -> None:
    first = pod(0, '{"error":"no data"}', 1, finishedAt="2026-11-25T14:00:00Z")
    last = pod(0, '{"error":"still no data"}', 1)
    found = seen(job("Failed"), last, first)
    assert found.ended is False
    assert found.report is not None
    assert found.report.error == "still no data"


def test_a_worker_without_memory_is_named_though_another_speaks() -> None:
    gone = pod(0, '{"error":"worker 1 is gone"}', 1)
    found = seen(job("Failed"), gone, pod(1, "", 137, reason="OOMKilled"))
    assert found.report is None
    assert found.why.startswith("worker 1 ran out of memory")


def test_a_failure_without_words_has_the_jobs_reason_and_the_exit_codes() -> None:
    found = seen(job("Failed"), pod(0, "", 137), pod(1, "", 1))
    assert found.why.startswith("BackoffLimitExceeded: tried (exit codes: 1, 137;")


def test_what_a_worker_waits_for() -> None:
    starting, pulling, unplaced = pod(), pod(), pod()
    for each, reason in ((starting, "ContainerCreating"), (pulling, "ImagePullBackOff")):
        each["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": reason}}
    unplaced["status"] = {
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]
    }
    assert seen(job(), starting) == JobSeen(None)
    assert "ImagePullBackOff" in seen(job(), starting, pulling).why
    assert "No node has room" in seen(job(), unplaced).why


def test_a_job_that_may_make_no_pod_is_not_said_to_be_at_work() -> None:
    # A quota, a webhook or Pod Security may refuse them; the Job itself has no word of it.
    assert "No worker was created yet" in seen(job()).why


def test_jobs_and_pods_of_others_are_passed_over() -> None:
    other_spec = job(annotations={"trimtab.dev/source-hash": "00000000"})
    other_owner = job(ownerReferences=[{"uid": "another", "controller": True}])
    assert job_seen(MD, [other_spec, other_owner], [pod()]) is None
    assert job_seen(replace(MD, compression=None), [job()], [pod()]) is None
    stranger = copy.deepcopy(pod())
    stranger["metadata"]["labels"]["batch.kubernetes.io/controller-uid"] = "job-2"
    assert seen(job("Complete"), stranger).report is None
