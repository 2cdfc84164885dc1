"""Container images as files: an OCI layout, shared blobs, and a tar stream that `ctr` imports."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import tarfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Blob:
    """A content-addressed file of the store."""

    digest: str
    size: int

    def descriptor(self, media: str, **extra: object) -> dict[str, object]:
        return {"mediaType": media, "digest": self.digest, "size": self.size, **extra}


@dataclass(frozen=True)
class Config:
    """What an image says about how it wants to be run."""

    entrypoint: tuple[str, ...] = ()
    user: str = ""
    workdir: str = "/"
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Built:
    """An image of the store: its name, its manifest, and every blob that it needs."""

    reference: str
    manifest: Blob
    config: Blob
    layers: tuple[Blob, ...]

    @property
    def identifier(self) -> str:
        return self.config.digest

    @property
    def blobs(self) -> tuple[Blob, ...]:
        return (self.manifest, self.config, *self.layers)


class Store:
    """The folder of blobs. A layer (uncompressed, so its digest is also its diff id) is in it
    once, however many images use it."""

    def __init__(self, folder: Path) -> None:
        self._blobs = folder / "blobs" / "sha256"
        self._blobs.mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        return self._blobs / digest.removeprefix("sha256:")

    def has(self, blob: Blob) -> bool:
        file = self.path(blob.digest)
        return file.exists() and file.stat().st_size == blob.size

    def add(self, content: bytes) -> Blob:
        blob = Blob(f"sha256:{hashlib.sha256(content).hexdigest()}", len(content))
        if not self.has(blob):
            self._write(lambda out: _pour(content, out))
        return blob

    def add_layer(self, tree: Path, keep_owners: bool = False) -> Blob:
        return self._write(lambda out: _tar_tree(tree, out, keep_owners))

    def _write(self, fill: Callable[[IO[bytes]], None]) -> Blob:
        partial = self._blobs / f".partial-{os.getpid()}"
        with partial.open("wb") as out:
            counter = _Hashing(out)
            fill(counter)  # type: ignore[arg-type]
        blob = Blob(f"sha256:{counter.hash.hexdigest()}", counter.size)
        os.rename(partial, self.path(blob.digest))
        return blob

    def image(self, reference: str, layers: list[Blob], config: Config) -> Built:
        settings = self.add(_canonical(config_document(layers, config)))
        manifest = self.add(
            _canonical(
                {
                    "schemaVersion": 2,
                    "mediaType": _MANIFEST,
                    "config": settings.descriptor(_CONFIG),
                    "layers": [layer.descriptor(_LAYER) for layer in layers],
                }
            )
        )
        return Built(reference, manifest, settings, tuple(layers))

    def write_archive(
        self, out: IO[bytes], images: Collection[Built], known: Collection[str] = ()
    ) -> None:
        """Stream images as one tar. Blobs that the reader is `known` to hold are left out."""
        with tarfile.open(fileobj=out, mode="w|") as tar:
            _add_bytes(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
            sent = set(known)
            for blob in (blob for image in images for blob in image.blobs):
                if blob.digest not in sent:
                    sent.add(blob.digest)
                    name = f"blobs/sha256/{blob.digest.removeprefix('sha256:')}"
                    tar.add(self.path(blob.digest), name, recursive=False)
            _add_bytes(tar, "index.json", _canonical(index_document(images)))


def config_document(layers: list[Blob], config: Config) -> dict[str, Any]:
    machine = platform.machine()
    return {
        "architecture": _ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "config": {
            "Entrypoint": list(config.entrypoint),
            "User": config.user,
            "WorkingDir": config.workdir,
            "Env": [f"{name}={value}" for name, value in config.env.items()],
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
    }


def index_document(images: Collection[Built]) -> dict[str, Any]:
    """Every image under its name and under its id.

    The kubelet speaks of an image by its id, the digest of its configuration. For a name that is
    new containerd adds that reference itself; for a name that moves to another image it does not,
    and image volumes of it could then not be mounted.
    """
    return {
        "schemaVersion": 2,
        "manifests": [
            image.manifest.descriptor(_MANIFEST, annotations={"io.containerd.image.name": name})
            for image in images
            for name in (image.identifier, image.reference)
        ],
    }


def _canonical(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _pour(content: bytes, out: IO[bytes]) -> None:
    out.write(content)


class _Hashing:
    """A file that counts and hashes what passes through it."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes) -> int:
        self.hash.update(chunk)
        self.size += len(chunk)
        return self._out.write(chunk)


def _tar_tree(tree: Path, out: IO[bytes], keep_owners: bool) -> None:
    def normal(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        if keep_owners:
            return entry
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        # Readable by whichever user a pod runs as, whatever the umask was when it was made.
        entry.mode |= 0o555 if entry.isdir() or entry.mode & 0o100 else 0o444
        return entry

    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for child in sorted(tree.iterdir()):
            tar.add(child, child.name, filter=normal)  # tarfile walks folders in sorted order


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
