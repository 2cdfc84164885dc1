"""Image layers that are made once for each recipe and then taken from the cache."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.mounts import unmount_under
from e2e.cluster.oci import Blob, Store
from e2e.cluster.paths import Paths
from e2e.cluster.progress import step

_LEFT_OUT = {"__pycache__"}


@dataclass(frozen=True)
class Layer:
    """A recipe: `build` fills an empty folder, and `inputs` change whenever its result would."""

    name: str
    inputs: str
    build: Callable[[Path], None]
    expect: str = ""
    keep_owners: bool = False

    @property
    def key(self) -> str:
        return hashlib.sha256(f"{self.name}\0{self.inputs}".encode()).hexdigest()[:16]


def tree_hash(top: Path) -> str:
    """A digest of every file below a folder: names, contents, and who may run them."""
    digest = hashlib.sha256()
    for file in sorted(source_files(top)):
        executable = os.access(file, os.X_OK)
        digest.update(f"{file.relative_to(top)}\0{executable}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def source_files(top: Path) -> Iterable[Path]:
    for file in top.rglob("*"):
        parts = file.relative_to(top).parts
        hidden = any(part in _LEFT_OUT or part.startswith(".") for part in parts)
        if file.is_file() and not hidden:
            yield file


def copy_tree(top: Path, into: Path) -> None:
    for file in source_files(top):
        target = into / file.relative_to(top)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
        shutil.copymode(file, target)


def ensure(paths: Paths, store: Store, layer: Layer) -> Blob:
    """The layer's blob, made now if the cache does not hold it."""
    note = paths.oci / "layers" / f"{layer.name}-{layer.key}.json"
    if note.exists():
        blob = Blob(**json.loads(note.read_text()))
        if store.has(blob):
            return blob
    staging = paths.staging / f"layer-{layer.name}-{os.getpid()}"
    discard(staging)
    staging.mkdir(parents=True)
    with step(f"making image layer {layer.name}", layer.expect):
        try:
            layer.build(staging)
            blob = store.add_layer(staging, layer.keep_owners)
        finally:
            discard(staging)
    note.parent.mkdir(parents=True, exist_ok=True)
    partial = note.with_suffix(".partial")
    partial.write_text(json.dumps({"digest": blob.digest, "size": blob.size}))
    os.rename(partial, note)
    return blob


def discard(folder: Path) -> None:
    """Remove a staging folder; debootstrap mounts /proc in it, and may have been cut short."""
    if folder.exists():
        unmount_under(folder)
        shutil.rmtree(folder)
