"""Files that users write: each is read, or refused by the one error that its reader declares."""

from __future__ import annotations

import atexit
import gzip
import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from click import ClickException
from hypothesis import strategies as st

from tests.fuzz.target import Target
from tests.hostile import WORDS, dirty, dirty_json, json_values, nearly, nested
from tests.profile.fake import MODEL as PROFILED
from tests.strategies import START_S
from trimtab.api import sample, told
from trimtab.cli.plan_input import snapshot_of_files
from trimtab.cli.snapshot_file import SnapshotError, dump_snapshot, load_snapshot
from trimtab.compress.errors import CompressError
from trimtab.compress.recipes import read_recipes
from trimtab.control.settings import SettingsError, load_settings
from trimtab.core.decide import decide
from trimtab.core.memory import Memory
from trimtab.observe.sample import NotComparable, questions
from trimtab.profile.data_file import read_data
from trimtab.profile.errors import ProfileError
from trimtab.simulate.errors import SimulationError
from trimtab.simulate.fleet import Fleet, load_fleet
from trimtab.simulate.trace_file import read_trace
from trimtab.simulate.truth_file import read_truth

_HERE = Path(__file__).resolve().parents[1]
_FLEET_FILE = _HERE / "cli" / "fleet.yaml"
_FOLDER = tempfile.TemporaryDirectory(prefix="trimtab-fuzz-")
atexit.register(_FOLDER.cleanup)
FLEET = load_fleet([_FLEET_FILE])
MANIFESTS = list(yaml.safe_load_all(_FLEET_FILE.read_text(encoding="utf-8")))


def on_disk(data: bytes) -> Path:
    """A file that holds them, overwritten by the next one."""
    path = Path(_FOLDER.name) / "file"
    path.write_bytes(data)
    return path


# What YAML knows and JSON does not: tags, anchors, times, numbers of other spellings.
YAML_BITS = st.sampled_from(
    [
        *(b"a: 2001-13-45", b"!!int ''", b"!!float x", b"!!timestamp x", b"!!bool maybe"),
        *(b"&a [*a]", b"&a {b: *a}", b"*gone", b"? {a: b}\n: c", b"!!binary '!'", b"!!set {a}"),
        *(
            b"1:60:61",
            b"0o17",
            b"0b2",
            b"0x",
            b".inf",
            b".nan",
            b"1_0",
            b"- a\n b",
            b"\t",
            b"%YAML",
        ),
        *(b"'\\ud800'", b'"\\ud800"', b'"\\ud800": 1', b"1: 2", b"<<: a", b"--- 1\n--- 2", b"\x00"),
        *(b"9" * 5000, b"!!omap [a]", b"!!pairs [1]", b"!!python/object:os.system x", b"null"),
    ]
)


def _yaml(document: Any) -> bytes:
    return yaml.safe_dump(document, sort_keys=False).encode()


def yamls(*documents: Any) -> st.SearchStrategy[bytes]:
    """Nearly right documents as YAML, with bits of YAML for values, dirty."""
    made = nearly(st.sampled_from(documents))
    safe = st.one_of(made, made, made, json_values).map(_yaml)
    bit = st.tuples(safe, YAML_BITS, st.integers(0, 300)).map(_with_bit)
    # PyYAML's time grows with the square of the depth, and a quarter of it is too deep already.
    deep = st.one_of(nested(deepest=400), nested("{a: ", "}", 400))
    return st.one_of(*[dirty(safe)] * 8, *[bit] * 8, *[YAML_BITS] * 3, deep)


def _with_bit(parts: tuple[bytes, bytes, int]) -> bytes:
    """The bit in place of the rest of a line."""
    text, bit, at = parts
    lines = text.splitlines()
    row = at % max(1, len(lines))
    head = lines[row].partition(b":")[0] if lines else b""
    return b"\n".join([*lines[:row], head + b": " + bit, *lines[row + 1 :]])


def refused_by(error: type[Exception], read: Callable[[bytes], object]) -> Callable[[Any], None]:
    """A check: what the reader refuses, it refuses by that error, in words that can be printed."""

    def check(data: bytes) -> None:
        said = "."
        try:
            read(data)
        except error as refusal:
            said = str(refusal)
        assert said.strip()
        assert said.encode()

    return check


TRUTH = [
    {
        "modelDeployment": "digits",
        "variant": "int8",
        "profile": [
            {
                "acceleratorClass": "cpu",
                "points": [{"batch": 8, "latency": "80ms"}, {"batch": 1, "latency": "12ms"}],
                "distribution": {"shift": "9ms", "lognormal": {"median": "3ms", "sigma": 0.42}},
                "frontEnd": "0.5ms",
            }
        ],
    },
    {
        "modelDeployment": "shop/digits",
        "variant": "int8",
        "from": "3600s",
        "profile": [{"acceleratorClass": "cpu", "points": [{"batch": 1, "latency": "20ms"}]}],
    },
]
SNAPSHOT = {
    "models": [
        {
            "name": "classifier",
            "namespace": "shop",
            "rate": 40.0,
            "fastRate": 55.5,
            "pending": 3,
            "hitShare": 0.2,
            "latency": "41ms",
            "running": [
                {
                    "variant": "fp32",
                    "acceleratorClass": "l4",
                    "replicas": 2,
                    "ready": 1,
                    "leaving": 1,
                    "batchCap": 4,
                    "queueSize": 20,
                    "serviceTime": "5ms",
                    "batchSize": 1.5,
                }
            ],
        },
        {"name": "digits", "namespace": "shop", "rate": 0.5},
    ],
    "schedulable": {"cpu": 3, "l4": 0},
}
RECIPES = {
    "variants": [
        {"name": "int8", "quantise": {"mode": "static"}},
        {"name": "half", "precision": "fp16"},
        {
            "name": "small",
            "network": "student",
            "prune": {"ratio": 0.3},
            "train": {"epochs": 3, "learningRate": 0.001, "distil": {"temperature": 2.0}},
        },
    ],
    "serve": {"acceleratorClass": "cpu", "image": "registry.example/a:1"},
}
SETTINGS = {
    "prometheus": {"url": "http://prometheus:9090", "scrapeInterval": "5s", "fastWindow": "10s"},
    "tick": "5s",
    "resync": "5m",
    "namespaces": ["shop"],
    "compress": {"image": "compress:1", "deadline": "6h"},
    "solver": "auto",
}
SAMPLE = {
    "compare": "ArgMax",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 2], "data": [0.5, 1, 2, 3]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [2, 3], "data": [0, 1, 2, 5.5, 4, 3]}],
}
RELATIVE = {**SAMPLE, "compare": "Relative", "tolerance": 0.1}
ANSWER = {"outputs": [{"name": "y", "data": [0, 1, 2]}]}
MESSAGE = {
    "model": "digits",
    "published": [{"name": "fast", "accuracy": "0.99", "us": [[1, 1000], [8, 4000]]}],
    "refused": ["slow"],
}
REQUEST = {
    "inputs": [
        {"name": i.name, "datatype": i.datatype, "shape": [1, 2], "data": [0.5, 1]}
        for i in PROFILED.inputs
    ]
}

FIELDS = WORDS | st.integers(0, 10**12).map(str) | st.floats(0, 1e12).map(str)
ROWS = st.lists(st.lists(FIELDS, min_size=1, max_size=3).map(",".join), max_size=5)
STEADY = st.lists(st.integers(0, 50), min_size=1, max_size=8)
CSV = st.one_of(
    st.tuples(st.sampled_from(["second,requests", "arrival_s", "Second, Requests", "x"]), ROWS).map(
        lambda parts: "\n".join([parts[0], *parts[1]]).encode()
    ),
    STEADY.map(
        lambda ns: "\n".join(["second,requests", *(f"{i},{n}" for i, n in enumerate(ns))]).encode()
    ),
    st.lists(st.floats(0, 1e5), max_size=8).map(
        lambda ts: "\n".join(["arrival_s", *map(str, ts)]).encode()
    ),
)
TRACES = st.one_of(dirty(CSV), dirty(CSV.map(lambda text: gzip.compress(text, mtime=0))))


def trace(data: bytes) -> None:
    """A trace is one that can be played: ascending edges, counts, and rates that are finite."""
    found = read_trace(on_disk(data))
    assert found.edges[0] == 0.0
    assert (np.diff(found.edges) > 0).all()
    assert (found.counts >= 0).all()
    assert np.isfinite(found.rate(0.0, found.duration_s))
    if found.times is not None:
        assert len(found.times) == found.counts.sum()
    if found.counts.sum() < 1e5 and found.duration_s < 1e6:
        assert len(found.arrivals(0.0, 3600.0, 1)) <= found.counts.sum()


def snapshot(data: bytes) -> None:
    """A snapshot file is one that is decided on, and written and read back."""
    file = load_snapshot(on_disk(data))
    try:
        seen = snapshot_of_files(FLEET, file, {}, START_S)
    except ClickException:
        return  # of a model that no manifest declares
    plan, _ = decide(seen, Memory(), START_S)
    for own in plan.models.values():
        assert own.failure is None, own.failure
    load_snapshot(on_disk(dump_snapshot(seen).encode()))


def manifests(data: bytes) -> Fleet:
    """Manifests of a simulation or a plan."""
    return load_fleet([on_disk(data)])


def asked(data: bytes) -> None:
    """A sample is one that can be asked; its own answers agree with it."""
    found = questions(data.decode("utf-8", "replace"))
    for item in range(found.sample.items):
        own = [{"name": t.name, "data": t.item(item)} for t in found.sample.outputs]
        assert found.agrees(item, {"outputs": own})


def answered(data: bytes) -> None:
    """A pod's answer is one that can be compared, or none."""
    with suppress(ValueError, RecursionError):  # as the asker has it
        answer = json.loads(data)
        for text in (SAMPLE, RELATIVE):
            with suppress(NotComparable):
                asked_of(text).agrees(0, answer)


def asked_of(text: Any) -> Any:
    """The questions of that sample."""
    return questions(json.dumps(text))


def _several(documents: list[Any]) -> bytes:
    return b"---\n".join(_yaml(document) for document in documents)


FLEETS = st.one_of(
    dirty(nearly(st.just(MANIFESTS), most=2).filter(lambda d: isinstance(d, list)).map(_several)),
    yamls({"kind": "List", "items": MANIFESTS}),
)


def _target(
    name: str,
    cases: st.SearchStrategy[bytes],
    error: type[Exception],
    read: Callable[[bytes], object],
    share: int,
) -> Target:
    return Target(name, cases, refused_by(error, read), share)


TARGETS = (
    _target("traces", TRACES, SimulationError, trace, 12),
    _target(
        "truths", yamls(TRUTH), SimulationError, lambda data: read_truth(on_disk(data), FLEET), 4
    ),
    _target("snapshots", yamls(SNAPSHOT), SnapshotError, snapshot, 4),
    _target("manifests", FLEETS, SimulationError, manifests, 3),
    _target("recipes", yamls(RECIPES), CompressError, lambda data: read_recipes(on_disk(data)), 3),
    _target(
        "settings", yamls(SETTINGS), SettingsError, lambda data: load_settings(on_disk(data)), 2
    ),
    _target(
        "samples",
        st.one_of(*[dirty_json(st.sampled_from([SAMPLE, RELATIVE]))] * 20, nested()),
        sample.UnreadableSample,
        asked,
        6,
    ),
    Target("answers", st.one_of(*[dirty_json(st.just(ANSWER))] * 20, nested()), answered, 4),
    _target(
        "messages",
        st.one_of(*[dirty_json(st.just(MESSAGE))] * 20, nested()),
        told.UnreadableMessage,
        lambda data: told.read(data.decode("utf-8", "replace")),
        5,
    ),
    _target(
        "requests",
        st.one_of(*[dirty_json(st.just(REQUEST))] * 20, nested()),
        ProfileError,
        lambda data: read_data(data.decode("utf-8", "replace"), PROFILED),
        2,
    ),
)
