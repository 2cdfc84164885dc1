"""From made files to results: run them, time them against the baseline, and let the gate decide."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from importlib.metadata import version
from pathlib import Path

from trimtab.api.schema_recipes import Measure
from trimtab.compress import digest, gate, interval, measure, runtime, store
from trimtab.compress.contract import Array, Model
from trimtab.compress.errors import CompressError
from trimtab.compress.made import Failed, Made, Progress
from trimtab.compress.recipes import Recipes
from trimtab.compress.report import Result
from trimtab.compress.timing import Pair, Point
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
    good = [v for v in variants if isinstance(v, Made) and not isinstance(ran[v.recipe.name], str)]
    points = _times(good, model, recipes, folder, progress)
    judged = _Judge(model, recipes, baseline, answers, points)
    return tuple(judged.result(variant, ran[variant.recipe.name]) for variant in variants)


class _Judge:
    """Holds what every variant is compared with."""

    def __init__(
        self,
        model: Model,
        recipes: Recipes,
        baseline: Made,
        answers: Array,
        points: Mapping[Pair, tuple[Point, ...]],
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
        beside = [self._beside(variant, self._baseline.onnx, "the baseline")]
        if recipe.quantise is not None:
            beside.append(self._beside(variant, variant.network, "the same in fp32"))
        exact = recipe.quantise is None and recipe.precision == "fp32"
        candidate = gate.Candidate(quality, tuple(beside), exact)
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
            size_bytes=variant.onnx.stat().st_size,
            points=beside[0].points,
            control=self._control(variant),
        )

    def _beside(self, variant: Made, other: Path, words: str) -> gate.Beside:
        ratio = variant.onnx.stat().st_size / other.stat().st_size
        return gate.Beside(words, ratio, self._points[str(variant.onnx), str(other)])

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
    variants: Sequence[Made], model: Model, recipes: Recipes, folder: Path, progress: Progress
) -> dict[Pair, tuple[Point, ...]]:
    """Each file beside the baseline's, the first, and beside its own network; by their paths."""
    how: Measure = recipes.measure
    first = variants[0].onnx
    wanted = [(v.onnx, first) for v in variants]
    wanted += [(v.onnx, v.network) for v in variants if v.recipe.quantise is not None]
    pairs = list(dict.fromkeys((str(one), str(other)) for one, other in wanted))
    files = {path: Path(path) for pair in pairs for path in pair}
    digests = {path: digest.of_file(file) for path, file in files.items()}
    key = {
        "pairs": [[digests[path] for path in pair] for pair in pairs],
        "inputs": digest.of_arrays(model.evaluation.inputs),
        "measure": how.model_dump(),
        "machine": measure.machine(),
        "onnxruntime": version("onnxruntime"),
    }

    def timed(made: Path) -> None:
        with progress(f"time {len(files)} files", len(how.batches)) as step:
            found = measure.times(files, pairs, model, sorted(how.batches), how.seconds, step)
        table = [[astuple(point) for point in found[pair]] for pair in pairs]
        (made / _FILE).write_text(json.dumps(table), encoding="utf-8")

    made = store.kept(folder, digest.of_values(key), timed)
    table = json.loads((made / _FILE).read_text(encoding="utf-8"))
    return {
        pair: tuple(Point(*row) for row in rows) for pair, rows in zip(pairs, table, strict=True)
    }
