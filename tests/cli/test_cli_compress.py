"""The command without its extra, and what it prints."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from tests.compress import results
from trimtab.actuate import job
from trimtab.compress.report import as_json
from trimtab.compress.table import as_text

BLOCKED = """
import sys
sys.modules.update(dict.fromkeys({missing}))
from trimtab.cli import main
main()
"""
EXTRA = ["torch", "torch_pruning", "onnx", "onnxscript", "onnxruntime", "matplotlib"]


def without(missing: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command where those packages are not installed."""
    return subprocess.run(
        [sys.executable, "-c", BLOCKED.format(missing=missing), *arguments],
        check=False,
        capture_output=True,
        text=True,
    )


def test_help_needs_nothing_of_the_extra() -> None:
    result = without(EXTRA, "compress", "--help")
    assert result.returncode == 0, result.stderr
    assert "MODEL.py" in result.stdout


@pytest.mark.parametrize("missing", EXTRA)
def test_it_says_what_to_install(tmp_path: Path, missing: str) -> None:
    (tmp_path / "m.py").write_text("")
    result = without([missing], "compress", str(tmp_path / "m.py"), "--out", str(tmp_path / "out"))
    assert result.returncode == 1
    assert "pip install 'trimtab[compress]'" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_the_job_knows_the_exit_code_after_which_trying_is_hopeless() -> None:
    """The layers do not know each other, and the command itself needs torch."""
    source = Path(sys.modules["trimtab"].__path__[0], "cli", "compress.py").read_text()
    assert f"HOPELESS = {job.HOPELESS}\n" in source


def test_the_table() -> None:
    taught = [replace(r, control=(0.987, (0.977, 0.997))) for r in results.report().results[:2]]
    student = replace(taught[1], name="student", recipe={"network": "student"})
    report = replace(results.report(), results=(*results.report().results, taught[1], student))
    text = as_text(report)
    lines = text.splitlines()
    assert lines[0].split("  ")[0] == "VARIANT"
    assert lines[2] == (
        "int8                 98.80   [97.8, 99.8]  244      1.5       12  x0.38, x0.38  published"
    )
    assert "student without its teacher: 98.70 [97.7, 99.7]" in text
    assert "int8 without" not in text
    assert "int8-dynamic is refused: no gain" in text
    assert "bf16 is refused: ONNX Runtime cannot run it" in text
    assert lines[-1] == "report: out/report.json"


def test_the_json() -> None:
    report = as_json(results.report())
    assert [v["published"] for v in report["variants"]] == [True, True, True, False, False]
    assert report["variants"][1]["ms"] == {"1": 1.5, "8": 12.0}
    assert report["variants"][4] == {
        "name": "bf16",
        "published": False,
        "reasons": ["ONNX Runtime cannot run it"],
        "recipe": {"precision": "bf16"},
    }


def test_the_json_has_no_infinity() -> None:
    """Outputs that are not finite are infinitely far away, and JSON has no word for it."""
    lost = replace(results.quality(apart=float("inf")), drop_interval=(-inf, inf))
    broken = replace(results.result("int8", 0.99, 1.0, "differs"), quality=lost)
    report = replace(results.report(), results=(results.result("fp32", 0.99, 4.0), broken))
    found = json.loads(json.dumps(as_json(report), allow_nan=False))["variants"][1]
    assert found["apart"] is None
    assert found["drop_ci95"] == [None, None]
