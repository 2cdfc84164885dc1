"""What is printed: the block is one that a ModelDeployment takes."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import yaml

from tests.profile import results
from trimtab.api.schema_variant import Profile
from trimtab.profile.block import as_yaml
from trimtab.profile.interval import Quantile
from trimtab.profile.notes import notes
from trimtab.profile.report import as_json
from trimtab.profile.table import as_text, header


def test_the_block_is_what_the_api_takes() -> None:
    text = as_yaml("cpu", results.points(), 0.0003, ["of a test"])
    assert text.startswith("# of a test\nprofile:\n")
    (entry,) = yaml.safe_load(text)["profile"]
    profile = Profile.model_validate(entry)
    assert profile.accelerator_class == "cpu"
    assert [(p.batch, p.latency) for p in profile.points] == [(1, "2ms"), (4, "5ms"), (16, "17ms")]
    assert profile.front_end == "300us"


def test_a_front_end_that_takes_no_time_is_not_named() -> None:
    assert "frontEnd" not in as_yaml("cpu", results.points(), 0.0)


def test_every_point_has_its_interval() -> None:
    text = as_yaml("cpu", results.points(), 0.0)
    assert "{batch: 1, latency: 2ms}    # 95 %: 1.8ms to 2.2ms, of 100 executions" in text


def test_an_open_interval_is_said() -> None:
    (point, *_) = results.points()
    open_ended = replace(point, seconds=Quantile(0.002, -math.inf, math.inf), executions=3)
    assert "of 3 executions: too few for an interval" in as_yaml("cpu", [open_ended], 0.0)


def test_a_time_shorter_than_a_microsecond_is_one() -> None:
    (point, *_) = results.points()
    short = replace(point, seconds=results.around(1e-9))
    (entry,) = yaml.safe_load(as_yaml("cpu", [short], 0.0))["profile"]
    Profile.model_validate(entry)


def test_the_table() -> None:
    text = as_text(replace(results.report(), notes=("Doubtful.",), gauges=(("GPU power, W", 71),)))
    assert "digits version 1 on triton 2.51.0, 1 instance, max_batch_size 16" in text
    assert "   16  17  [15.3, 18.7]    941.2        1600         Triton" in text
    assert "at most 900 requests/s; a request takes 0.0486 ms beside its execution" in text
    assert "60 %    500       4" in text
    assert "2 of 1000" in text
    assert "GPU power, W: at most 71" in text
    assert "Note: Doubtful." in text
    assert text.endswith("of 1600 executions\n  frontEnd: 48.61us\n")


def test_saturation_is_said() -> None:
    report = results.report()
    (load,) = report.loads
    text = as_text(replace(report, loads=(replace(load, rate=2000.0),)))
    assert "saturated" in text


def test_the_header_of_the_block_says_where_it_is_from() -> None:
    first, second, *rest = header(replace(results.report(), notes=("Doubtful.",)))
    assert first.startswith("digits version 1 on triton 2.51.0")
    assert second.startswith("900 requests/s at most")
    assert rest == ["Doubtful."]


def test_json_holds_all_of_it() -> None:
    told = json.loads(json.dumps(as_json(results.report()), allow_nan=False))
    Profile.model_validate(told["profile"][0])
    assert told["points"][0]["latencyMs"]["value"] == 2.0
    assert told["points"][1]["formedByTriton"] is True
    assert told["capacity"]["requestsPerSecond"] == 900.0
    (load,) = told["loads"]
    assert load["p99Ms"]["value"] == 20.0
    assert load["predictedP99Ms"] > load["predictedP99MsWithoutFrontEnd"]


def test_notes_say_what_is_doubtful() -> None:
    report = results.report()
    (load,) = report.loads
    sure = notes(report.model, report.capacity, (load,), is_shared=False)
    assert sure == ()
    unsure = notes(
        replace(report.model, batches=False, queue_delay_s=0.001),
        replace(report.capacity, is_reached=False),
        (replace(load, lag_s=0.003),),
        is_shared=True,
    )
    told = " ".join(unsure)
    for words in ("other traffic", "no more", "dynamic_batching", "up to 1 ms", "by 3 ms at p99"):
        assert words in told
