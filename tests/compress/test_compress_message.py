"""What a run says in a pod's termination message is what its report says."""

from __future__ import annotations

from pathlib import Path

from tests.compress import results
from trimtab.api import told
from trimtab.compress.message import write_failure, write_report


def test_the_message_has_what_was_published_and_names_what_was_not(tmp_path: Path) -> None:
    report = results.report()
    write_report(tmp_path / "message", report)
    found = told.read((tmp_path / "message").read_text())
    assert found.model == report.model
    published = [r for r in report.results if r.published]
    assert [v.name for v in found.published] == [r.name for r in published]
    assert found.refused == [r.name for r in report.results if not r.published]
    for variant, result in zip(found.published, published, strict=True):
        assert result.quality is not None
        assert float(variant.accuracy) == round(result.quality.accuracy, 6)
        assert variant.us == [(p.batch, round(p.ms * 1000)) for p in result.points]


def test_a_failure_has_its_words(tmp_path: Path) -> None:
    write_failure(tmp_path / "message", "to_compress.py: train() failed")
    found = told.read((tmp_path / "message").read_text())
    assert (found.error, found.published) == ("to_compress.py: train() failed", [])
