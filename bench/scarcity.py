"""Ten models on a pool that holds 80 % of what their peaks need: what each rule loses.

Per model and minute the utility is U = min(1, target / p99), and 0 where a request was dropped
(Faro, arXiv 2409.19488); a minute without requests loses nothing. Lost utility is the number of
models less the sum of their mean U.

    python -m bench.scarcity --traces DIR [--policies a,b] [--start-up 45] [--hours 2] [--json]
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.cache import kept, sources
from bench.cases import MANIFESTS, Setup, Stretch, cut, recording_file, trace_folder
from trimtab.api.resources import ObjectKey
from trimtab.simulate.fleet import Fleet, load_fleet
from trimtab.simulate.policies import NAMES, make
from trimtab.simulate.policies.load import per_second
from trimtab.simulate.policies.pin import seed_curves, ways
from trimtab.simulate.policies.static_peak import PEAK_QUANTILE, PEAK_SPAN_S
from trimtab.simulate.policies.timeline import peak_rate
from trimtab.simulate.report import ModelReport
from trimtab.simulate.run import run
from trimtab.simulate.settings import RunSettings
from trimtab.simulate.trace_file import read_trace
from trimtab.simulate.truth import make_truth

_MANIFEST = MANIFESTS / "pool.yaml"
_MODELS = 10
_POOL_SHARE = 0.8
_APART_S = 16 * 3600  # between the stretches of two models
_MEAN_REPLICAS = (2.0, 3.0, 4.0, 5.0)  # each model has a scale of its own
# A search for the least cost says nothing where nobody can keep the promise.
_UNBOUNDED = tuple(n for n in NAMES if not n.endswith("-best") and n != "hindsight-window")


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a table, or one JSON document."""
    parser = argparse.ArgumentParser(prog="python -m bench.scarcity", description=__doc__)
    parser.add_argument("--traces", type=Path, help="folder of the recordings")
    parser.add_argument("--policies", type=lambda t: t.split(","), default=list(_UNBOUNDED))
    parser.add_argument("--start-up", type=float, default=45.0, help="seconds")
    parser.add_argument("--hours", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    folder = trace_folder(options.traces)
    rows = [_played(p, folder, options.start_up, options.hours) for p in options.policies]
    if options.json:
        sys.stdout.write(json.dumps(rows) + "\n")
    else:
        sys.stdout.write(_table(rows))
    return 0


def _played(policy: str, folder: Path, start_up_s: float, hours: int) -> dict[str, Any]:
    sys.stderr.write(f"scarcity, start-up {start_up_s:g} s: {policy}\n")
    stretch = Stretch("twitter", 0, hours * 3600)
    here = Path(__file__).parent
    files = [
        *sources(decision=policy == "trimtab"),
        *(_MANIFEST, here / "cases.py", here / "scarcity.py", recording_file(folder, stretch)),
    ]

    def play() -> dict[str, Any]:
        setup = crowded(recording_file(folder, stretch), stretch.duration_s)
        settings = RunSettings(policy=policy, start_up_s=start_up_s)
        rule = make(policy, setup.fleet, setup.traces, settings, setup.truth)
        report = run(setup.fleet, setup.traces, rule, settings, setup.truth)
        requests = sum(m.requests for m in report.models)
        return {
            "policy": policy,
            "pool": setup.fleet.accelerator_classes["cpu"].max_replicas,
            "lost_utility": len(report.models) - sum(map(mean_utility, report.models)),
            "missed": 1.0 - sum(m.within for m in report.models) / requests,
            "worst_model": min(m.slo_attainment for m in report.models),
            "cost": sum(m.cost for m in report.models),
            "utility": {
                m.name: [_utility(m, x.p99_s, x.requests) for x in m.minutes] for m in report.models
            },
        }

    row: dict[str, Any] = kept(["scarcity", policy, start_up_s, hours], files, play)
    return row


def crowded(recording: Path, duration_s: int) -> Setup:
    """Ten copies of the model, each under its own stretch and scale, and a pool too small."""
    one = load_fleet([_MANIFEST])
    spec = one.models[0]
    rate_each = ways(spec, one.accelerator_classes, seed_curves(spec))[0].rate
    whole = read_trace(recording)
    models, traces, peaks = [], {}, 0
    for i in range(_MODELS):
        key = ObjectKey(spec.key.namespace, f"{spec.key.name}-{i}")
        part = cut(whole, i * _APART_S, duration_s)
        mean = _MEAN_REPLICAS[i % len(_MEAN_REPLICAS)] * rate_each
        traces[key] = part.scaled(mean / part.rate(0.0, duration_s), i)
        peak = peak_rate(per_second(traces[key], duration_s), PEAK_SPAN_S, PEAK_QUANTILE)
        peaks += math.ceil(peak / rate_each)
        models.append(replace(spec, key=key, uid=key.name))
    pool = replace(one.accelerator_classes["cpu"], max_replicas=int(_POOL_SHARE * peaks))
    fleet = Fleet(tuple(models), {"cpu": pool}, {})
    return Setup(fleet, traces, make_truth(fleet))


def mean_utility(model: ModelReport) -> float:
    """The mean over the minutes of a run."""
    values = [_utility(model, m.p99_s, m.requests) for m in model.minutes]
    return sum(values) / len(values)


def _utility(model: ModelReport, p99_s: float | None, requests: int) -> float:
    if requests == 0:
        return 1.0
    return 0.0 if p99_s is None else min(1.0, model.spec.slo.target_s / p99_s)


def _table(rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        f"Pool of {rows[0]['pool']} replicas for {_MODELS} models.\n",
        "| policy | lost utility | requests that miss | in SLO, worst model | cost $ |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['policy']} | {r['lost_utility']:.3f} | {r['missed']:.2%} |"
        f" {r['worst_model']:.2%} | {r['cost']:.2f} |"
        for r in rows
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
