"""Images as files: the layout that containerd reads, and layers that are made once."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from e2e.cluster import layers
from e2e.cluster.layers import Layer
from e2e.cluster.oci import Built, Config, Store
from e2e.cluster.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(cache=tmp_path / "cache", state=tmp_path / "state")


def _tree(top: Path) -> Path:
    (top / "bin").mkdir(parents=True)
    (top / "bin" / "run").write_text("#!/bin/sh\n")
    (top / "bin" / "run").chmod(0o700)
    (top / "data").write_text("x")
    (top / "data").chmod(0o600)
    return top


def _archive(store: Store, *images: Built, known: tuple[str, ...] = ()) -> dict[str, bytes]:
    out = io.BytesIO()
    store.write_archive(out, images, known)
    out.seek(0)
    with tarfile.open(fileobj=out) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]


def test_every_blob_is_named_by_its_content(paths: Paths, tmp_path: Path) -> None:
    store = Store(paths.oci)
    layer = store.add_layer(_tree(tmp_path / "tree"))
    files = _archive(store, store.image("a.local/b:1", [layer], Config(env={"A": "1"})))
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    for name, content in files.items():
        if name.startswith("blobs/"):
            assert hashlib.sha256(content).hexdigest() == name.rpartition("/")[2]


def test_index_leads_to_config_and_layers(paths: Paths, tmp_path: Path) -> None:
    store = Store(paths.oci)
    layer = store.add_layer(_tree(tmp_path / "tree"))
    config = Config(entrypoint=("/bin/run",), user="7:7", env={"A": "1"})
    image = store.image("a.local/b:1", [layer], config)
    files = _archive(store, image)
    listed = json.loads(files["index.json"])["manifests"]
    names = {entry["annotations"]["io.containerd.image.name"] for entry in listed}
    assert names == {"a.local/b:1", image.identifier}
    manifest = json.loads(files[f"blobs/sha256/{listed[0]['digest'][7:]}"])
    settings = json.loads(files[f"blobs/sha256/{manifest['config']['digest'][7:]}"])
    assert settings["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]] == [layer.digest]
    assert settings["config"]["Entrypoint"] == ["/bin/run"]
    assert settings["config"]["Env"] == ["A=1"]


def test_what_the_reader_holds_is_not_sent_again(paths: Paths, tmp_path: Path) -> None:
    store = Store(paths.oci)
    layer = store.add_layer(_tree(tmp_path / "tree"))
    one = store.image("a.local/one:1", [layer], Config())
    two = store.image("a.local/two:1", [layer], Config(user="1"))
    name = f"blobs/sha256/{layer.digest[7:]}"
    out = io.BytesIO()
    store.write_archive(out, [one, two])
    out.seek(0)
    with tarfile.open(fileobj=out) as tar:
        assert tar.getnames().count(name) == 1
    assert name not in _archive(store, one, known=(layer.digest,))


def test_any_user_may_read_a_layer(paths: Paths, tmp_path: Path) -> None:
    store = Store(paths.oci)
    layer = store.add_layer(_tree(tmp_path / "tree"))
    with tarfile.open(store.path(layer.digest)) as tar:
        modes = {member.name: member.mode & 0o777 for member in tar}
        assert {(member.uid, member.gid) for member in tar.getmembers()} == {(0, 0)}
    assert modes == {"bin": 0o755, "bin/run": 0o755, "data": 0o644}


def test_a_layer_is_made_once_and_again_when_its_inputs_change(paths: Paths) -> None:
    made: list[str] = []

    def recipe(inputs: str) -> Layer:
        def build(root: Path) -> None:
            made.append(inputs)
            (root / "file").write_text(inputs)

        return Layer("demo", inputs, build)

    store = Store(paths.oci)
    first = layers.ensure(paths, store, recipe("1"))
    assert layers.ensure(paths, store, recipe("1")) == first
    assert layers.ensure(paths, store, recipe("2")) != first
    assert made == ["1", "2"]
    store.path(first.digest).unlink()  # someone cleaned the cache
    assert layers.ensure(paths, store, recipe("1")).size == first.size
    assert made == ["1", "2", "1"]


def test_a_layer_that_fails_leaves_nothing(paths: Paths) -> None:
    def build(root: Path) -> None:
        (root / "half").write_text("x")
        raise RuntimeError("no disk")

    with pytest.raises(RuntimeError):
        layers.ensure(paths, Store(paths.oci), Layer("broken", "1", build))
    assert list(paths.staging.iterdir()) == []
    assert not (paths.oci / "layers").exists()


def test_tree_hash_sees_content_names_and_modes(tmp_path: Path) -> None:
    top = _tree(tmp_path / "tree")
    seen = {layers.tree_hash(top)}
    (top / "data").write_text("y")
    seen.add(layers.tree_hash(top))
    (top / "data").rename(top / "other")
    seen.add(layers.tree_hash(top))
    (top / "bin" / "run").chmod(0o600)
    seen.add(layers.tree_hash(top))
    assert len(seen) == 4
    (top / "__pycache__").mkdir()
    (top / "__pycache__" / "x.pyc").write_text("z")
    (top / ".hidden").write_text("z")
    assert layers.tree_hash(top) in seen
