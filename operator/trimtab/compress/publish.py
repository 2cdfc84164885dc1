"""Write what was judged good: model repositories, cards, the `variants:` block, picture, report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trimtab.compress import cards, digest, plot, repository
from trimtab.compress import sample as samples
from trimtab.compress.contract import Model
from trimtab.compress.made import Made
from trimtab.compress.recipes import Recipes
from trimtab.compress.report import Report, Result, as_json, measured
from trimtab.compress.repository import Served
from trimtab.compress.store import put_text, sweep
from trimtab.compress.variants import as_yaml

CARDS = "cards"
FILES = {"variants": "variants.yaml", "picture": "variants.png", "report": "report.json"}


def publish(
    out: Path,
    model: Model,
    recipes: Recipes,
    made: Mapping[str, Made],
    served: Served,
    report: Report,
    common: Mapping[str, Any],
    sample: str | None,
) -> None:
    """Fill `out`. Repositories of variants that an earlier run published and this one did not go.

    `common`: what every card states, such as versions. `sample`: the text of its sample file.
    """
    published = [result for result in report.results if result.published]
    sweep(out)
    _withdraw(out, {result.name for result in published})
    for result in published:
        source = made[result.name].onnx
        repository.put_whole(out, served, result.name, source, max(recipes.measure.batches))
        card = _card(model, result, report, digest.of_file(source), common)
        cards.write(out / CARDS / f"{result.name}.json", card)
    put_text(out / FILES["variants"], as_yaml(report, recipes.serve))
    (out / samples.FILE).unlink(missing_ok=True)
    if sample is not None:
        put_text(out / samples.FILE, sample)
    plot.draw(report, out / FILES["picture"])
    put_text(out / FILES["report"], json.dumps(as_json(report), indent=2) + "\n")


def _withdraw(out: Path, published: set[str]) -> None:
    """A card shows which folders are ours."""
    for card in sorted((out / CARDS).glob("*.json")):
        if card.stem not in published:
            shutil.rmtree(out / card.stem, ignore_errors=True)
            card.unlink()


def _card(
    model: Model, result: Result, report: Report, sha256: str, common: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "model": model.name,
        "variant": result.name,
        "recipe": dict(result.recipe),
        "data": model.data,
        "licence": model.licence,
        "metric": model.metric,
        **measured(result),
        "baseline": report.baseline.name,
        "measure": cards.MEASURE,
        "machine": report.machine,
        **common,
        "sha256": sha256,
    }


def file_list(out: Path, results: Sequence[Result], *, sample: bool) -> dict[str, str]:
    """What a run leaves in `out`, by what it is. `sample`: whether that is among it."""
    names = [r.name for r in results if r.published]
    found = {f"repository {name}": str(out / name) for name in names}
    found |= {what: str(out / name) for what, name in FILES.items()}
    return found | ({"sample": str(out / samples.FILE)} if sample else {})
