"""From made files to results: run them, time them against the baseline, and let the gate decide."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from importlib.metadata import version
from pathlib import Path

from trimtab.compress import digest, gate, interval, measure, runtime, store
from trimtab.compress.contract import Array, Model
from trimtab.compress.errors import CompressError
from trimtab.compress.made import Failed, Made, Progress
from trimtab.compress.recipes import Measure, Recipes
from trimtab.compress.report import Result
from trimtab.compress.timing import Point
from trimtab.compress.words import first_line

_FILE = "times.json"


def judge(
    model: Model,
    recipes: Recipes,
    variants: Sequence[Made | Failed],
    folder: Path,
    progress: Progress,
) -> tuple[Result, ...]:
    """A result for each variant; the first is the baseline, for which CompressError is raised.

    `folder`: where timings of the same files on this machine are kept.
    """
    ran = _run(model, variants, progress)
    baseline = variants[0]
    answers = ran[baseline.recipe.name]
    if isinstance(baseline, Failed) or isinstance(answers, str):
        raise CompressError(f"the module itself cannot be exported: {answers}")
    files = {
        v.recipe.name: v.onnx
        for v in variants
        if isinstance(v, Made) and not isinstance(ran[v.recipe.name], str)
    }
    judged = _Judge(
        model, recipes, baseline, answers, _times(files, model, recipes, folder, progress)
    )
    return tuple(judged.result(variant, ran[variant.recipe.name]) for variant in variants)


class _Judge:
    """Holds what every variant is compared with."""

    def __init__(
        self,
        model: Model,
        recipes: Recipes,
        baseline: Made,
        answers: Array,
        points: Mapping[str, tuple[Point, ...]],
    ) -> None:
        self._model = model
        self._gate = recipes.gate
        self._baseline = baseline
        self._scores = measure.scores(model, answers)
        self._points = points

    def result(self, variant: Made | Failed, answers: Array | str) -> Result:
        recipe = variant.recipe
        settings = recipe.model_dump(exclude={"name"}, exclude_none=True)
        if isinstance(variant, Failed) or isinstance(answers, str):
            return Result(recipe.name, settings, (str(answers),))
        quality = measure.quality(self._model, answers, variant.reference, self._scores)
        candidate = gate.Candidate(
            quality=quality,
            size_bytes=variant.onnx.stat().st_size,
            baseline_bytes=self._baseline.onnx.stat().st_size,
            points=self._points[recipe.name],
            exact=recipe.quantise is None and recipe.precision == "fp32",
        )
        if variant is self._baseline:
            wrong = gate.disagreement(quality, self._gate, exact=True)
            if wrong:
                raise CompressError(f"the module's own export is wrong: {wrong}")
            reasons: list[str] = []
        else:
            reasons = gate.reasons(candidate, self._gate)
        return Result(
            name=recipe.name,
            recipe=settings,
            reasons=tuple(reasons),
            quality=quality,
            size_bytes=candidate.size_bytes,
            points=candidate.points,
            control=self._control(variant),
        )

    def _control(self, variant: Made) -> tuple[float, interval.Interval] | None:
        if variant.control is None:
            return None
        scores = measure.scores(self._model, variant.control)
        return float(scores.mean()), interval.mean(scores)


def _run(
    model: Model, variants: Sequence[Made | Failed], progress: Progress
) -> dict[str, Array | str]:
    """By name: what the ONNX file answers on the evaluation items, or why there is no answer."""
    answers: dict[str, Array | str] = {}
    with progress("judge", len(variants)) as step:
        for variant in variants:
            answers[variant.recipe.name] = _answer(model, variant)
            step(1)
    return answers


def _answer(model: Model, variant: Made | Failed) -> Array | str:
    if isinstance(variant, Failed):
        return variant.reason
    try:
        session = runtime.open_session(variant.onnx)
        return runtime.outputs(session, model.evaluation.inputs)
    except Exception as error:  # onnxruntime has many kinds, and none in common
        return f"ONNX Runtime cannot run it on this machine: {first_line(error)}"


def _times(
    files: Mapping[str, Path], model: Model, recipes: Recipes, folder: Path, progress: Progress
) -> dict[str, tuple[Point, ...]]:
    how: Measure = recipes.measure
    key = {
        "files": {name: digest.of_file(path) for name, path in files.items()},
        "inputs": digest.of_arrays(model.evaluation.inputs),
        "measure": how.model_dump(),
        "machine": measure.machine(),
        "onnxruntime": version("onnxruntime"),
    }

    def timed(made: Path) -> None:
        with progress(f"time {len(files)} variants", len(how.batches)) as step:
            found = measure.times(
                files, next(iter(files)), model, sorted(how.batches), how.seconds, step
            )
        table = {name: [astuple(point) for point in points] for name, points in found.items()}
        (made / _FILE).write_text(json.dumps(table), encoding="utf-8")

    made = store.kept(folder, digest.of_values(key), timed)
    table = json.loads((made / _FILE).read_text(encoding="utf-8"))
    return {name: tuple(Point(*row) for row in rows) for name, rows in table.items()}
