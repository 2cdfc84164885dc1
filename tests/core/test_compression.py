"""From one spec.compression to what is said of it, and to the variants that it adds."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import deployment
from trimtab.api.resources import (
    Compression,
    ImageSource,
    ModelDeployment,
    ProfilePoint,
    PvcSource,
    Variant,
)
from trimtab.core.compression import (
    Compressed,
    JobSeen,
    Obstacle,
    Phase,
    Published,
    Report,
    compression_condition,
    next_state,
    run_path,
    source_hash,
    with_published,
)
from trimtab.core.plan import ConditionStatus

COMPRESSION = Compression(
    source=ImageSource("registry.example/sources:7"),
    model="digits/to_compress.py",
    accelerator_class="cpu",
    output=PvcSource("models", "compressed"),
    serve_on=("cpu",),
)
MD = replace(deployment(), compression=COMPRESSION)
POINTS = (ProfilePoint(1, 0.001), ProfilePoint(16, 0.015))
SMALL = Published("small", Decimal("0.98"), POINTS)
DONE = JobSeen(True, report=Report(model=MD.model, published=(SMALL,), refused=("fp16",)))


def state(
    md: ModelDeployment = MD,
    previous: Compressed | None = None,
    job: JobSeen | None = None,
    obstacle: Obstacle | None = None,
) -> Compressed:
    found = next_state(md, previous, job, obstacle)
    assert found is not None
    return found


def test_without_compression_there_is_nothing_to_say() -> None:
    assert next_state(replace(MD, compression=None), state(job=DONE), None, None) is None


def test_a_job_is_asked_for_until_something_stands_in_its_way() -> None:
    assert state().wants_job
    stopped = state(obstacle=Obstacle("ClassMissing", "create it"))
    assert not stopped.wants_job
    assert (stopped.phase, stopped.reason) == (Phase.PENDING, "ClassMissing")
    assert compression_condition(stopped).status is ConditionStatus.FALSE


def test_an_obstacle_stops_no_job_that_runs() -> None:
    running = state(job=JobSeen(None), obstacle=Obstacle("ClassMissing", "create it"))
    assert (running.phase, running.reason) == (Phase.RUNNING, "Running")
    assert compression_condition(running).status is ConditionStatus.UNKNOWN


def test_what_a_worker_waits_for_is_told() -> None:
    waiting = state(job=JobSeen(None, "No node has room."))
    assert (waiting.reason, waiting.message) == ("Waiting", "No node has room.")


def test_published_variants_lie_in_the_folder_of_their_run() -> None:
    done = state(job=DONE)
    (small,) = done.variants
    assert small.source == PvcSource("models", f"compressed/{source_hash(COMPRESSION)}/small")
    assert small.profile_on("cpu") is not None
    assert compression_condition(done).status is ConditionStatus.TRUE
    assert "Published: small. Refused: fp16." in done.message


def test_the_end_of_a_run_outlives_its_job_and_the_operator() -> None:
    for end in (DONE, JobSeen(False, "it broke")):
        ended = state(job=end)
        assert state(previous=ended) == ended
        assert not ended.wants_job


def test_another_spec_runs_again_and_the_old_variants_serve_meanwhile() -> None:
    done = state(job=DONE)
    changed = replace(MD, compression=replace(COMPRESSION, attempt=1))
    again = state(changed, done)
    assert again.wants_job
    assert again.source_hash != done.source_hash
    failed = state(changed, again, JobSeen(False, "it broke"))
    assert again.variants == failed.variants == done.variants
    assert failed.phase is Phase.FAILED


def test_a_vanished_job_is_made_again() -> None:
    assert state(previous=state(job=JobSeen(None))).wants_job


@pytest.mark.parametrize(
    ("job", "reason", "said"),
    [
        (JobSeen(False, "DeadlineExceeded: too long"), "JobFailed", "DeadlineExceeded"),
        (JobSeen(False, report=Report(error="m.py: no data")), "CompressFailed", "m.py: no data"),
        (JobSeen(True, "no message was left"), "NoReport", "no message was left"),
        (JobSeen(True, report=Report("xor", (SMALL,))), "ModelMismatch", "'xor'"),
        (JobSeen(True, report=Report(MD.model)), "NothingPublished", "report.json"),
    ],
)
def test_a_failure_says_why_and_how_to_run_again(job: JobSeen, reason: str, said: str) -> None:
    failed = state(job=job)
    assert (failed.phase, failed.reason) == (Phase.FAILED, reason)
    assert said in failed.message
    assert "raise spec.compression.attempt" in failed.message
    assert compression_condition(failed).status is ConditionStatus.FALSE
    assert not failed.variants


def test_declared_variants_win() -> None:
    declared = replace(MD.variants[0], name="small")
    merged = with_published(replace(MD, variants=(declared,)), state(job=DONE))
    assert merged.variants == (declared,)


def test_a_time_of_another_class_is_no_profile() -> None:
    # Timed on a large class to serve on a small one: the API server refused the whole status.
    elsewhere = replace(COMPRESSION, serve_on=("cpu-quarter",))
    (small,) = state(replace(MD, compression=elsewhere), job=DONE).variants
    assert small.accelerator_classes == ("cpu-quarter",)
    assert small.profiles == ()


def test_where_they_may_serve_is_read_anew_and_no_reason_to_run_again() -> None:
    done = state(job=DONE)
    elsewhere = replace(MD, compression=replace(COMPRESSION, serve_on=("l4",)))
    assert state(elsewhere, done) == done
    (small,) = [v for v in with_published(elsewhere, done).variants if v.name == "small"]
    assert small.accelerator_classes == ("l4",)
    assert small.profiles == (), "it was timed on another class"


def test_nothing_is_added_once_the_compression_is_gone() -> None:
    plain = replace(MD, compression=None)
    assert with_published(plain, state(job=DONE)) == plain


def test_a_run_at_the_root_of_the_volume() -> None:
    at_root = replace(COMPRESSION, output=PvcSource("models", ""))
    assert run_path(at_root) == source_hash(at_root)


@pytest.mark.parametrize(
    "change",
    [
        {"source": ImageSource("registry.example/sources:8")},
        {"model": "digits/other.py"},
        {"accelerator_class": "l4"},
        {"output": PvcSource("others", "compressed")},
        {"workers": 2},
        {"recipes": '{"seed":1}'},
        {"attempt": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_makes_another_result_makes_another_run(change: dict[str, object]) -> None:
    assert source_hash(replace(COMPRESSION, **change)) != source_hash(COMPRESSION)  # type: ignore[arg-type]


def test_the_hash_of_a_spec_stays_from_version_to_version() -> None:
    """Otherwise an upgrade would compress every model anew."""
    assert source_hash(COMPRESSION) == "9a6768e2"


NAMES = st.lists(st.sampled_from([f"v{i}" for i in range(24)]), min_size=1, unique=True)


@given(NAMES, NAMES)
def test_merging_keeps_the_declared_and_names_nothing_twice(
    declared: list[str], published: list[str]
) -> None:
    variants = tuple(replace(MD.variants[0], name=name) for name in declared[:16])
    md = replace(MD, variants=variants)
    added = tuple(Variant(n, Decimal(1), PvcSource("models"), ("cpu",)) for n in published)
    merged = with_published(md, Compressed(Phase.SUCCEEDED, "", "", "", added))
    names = [variant.name for variant in merged.variants]
    assert merged.variants[: len(variants)] == variants
    assert len(set(names)) == len(names) <= 16
    assert set(names) <= {*declared, *published}
