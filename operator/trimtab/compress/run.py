"""`compress`: from a MODEL.py and recipes to published variants and a report."""

from __future__ import annotations

from pathlib import Path

from trimtab.api.schema_recipes import Recipe
from trimtab.compress import cards
from trimtab.compress.contract import Model
from trimtab.compress.crew import ALONE, Crew, CrewLost
from trimtab.compress.errors import CompressError
from trimtab.compress.export import OPSET
from trimtab.compress.helper import load_alike
from trimtab.compress.judge import judge
from trimtab.compress.made import Failed, Made, Progress
from trimtab.compress.make import PACKAGES, Workshop
from trimtab.compress.measure import machine
from trimtab.compress.model_file import importable
from trimtab.compress.publish import file_list, publish
from trimtab.compress.recipes import Recipes
from trimtab.compress.report import Report
from trimtab.compress.sample import sample_of
from trimtab.compress.words import first_line
from trimtab.compress.writable import is_full, must_be_writable

WORK = ".work"


def compress(
    path: Path,
    out: Path,
    recipes: Recipes,
    progress: Progress,
    work: Path | None = None,
    crew: Crew = ALONE,
) -> Report:
    """Make, judge and publish the variants of the model in that MODEL.py.

    `out` is made where it is missing; what this leaves in `work`, WORK in it when None, spares a
    later run the same work. Raises CompressError where nothing can be made at all; a variant that
    fails is refused. `crew`: this is its first worker, and the others `help_out`.
    """
    work = work or out / WORK
    must_be_writable(out, work)
    with importable(path):
        model = load_alike(path, crew)
        try:
            report = _led(model, out, recipes, progress, work, crew)
        except BaseException as error:
            crew.dismiss(str(error) if isinstance(error, CompressError) else first_line(error))
            raise
        crew.dismiss()
    return report


def _led(
    model: Model, out: Path, recipes: Recipes, progress: Progress, work: Path, crew: Crew
) -> Report:
    workshop = Workshop(model, recipes, work, progress, crew)
    wanted = recipes.made(student=model.student is not None, classes=model.classes)
    variants = [workshop.baseline(), *(_made(workshop, recipe) for recipe in wanted)]
    results = judge(model, recipes, variants, work / "times", progress)
    made = {v.recipe.name: v for v in variants if isinstance(v, Made)}
    sample = sample_of(model, made[results[0].name].reference, recipes.gate.agreement)
    files = file_list(out, results, sample=sample is not None)
    report = Report(model.name, model.metric, machine(), results, files)
    common = {"opset": OPSET, "seed": recipes.seed, "versions": cards.versions(*PACKAGES)}
    publish(out, model, recipes, made, workshop.served, report, common, sample)
    return report


def _made(workshop: Workshop, recipe: Recipe) -> Made | Failed:
    """A variant that cannot be made is no reason to lose the others."""
    try:
        return workshop.make(recipe)
    except CrewLost:
        raise
    except CompressError as error:
        return Failed(recipe, f"it cannot be made: {error}")
    except Exception as error:  # torch, its exporter and the quantisers raise of every kind
        if is_full(error):
            raise
        return Failed(recipe, f"it cannot be made: {first_line(error)}")
