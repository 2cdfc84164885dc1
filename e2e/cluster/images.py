"""The images by name: made from the recipes, and handed to containerd when it lacks them."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from e2e.cluster import layers, recipes, versions
from e2e.cluster.configs import PAUSE_IMAGE
from e2e.cluster.errors import ClusterError
from e2e.cluster.oci import Built, Config, Store
from e2e.cluster.paths import REPOSITORY, Paths
from e2e.cluster.progress import step
from e2e.cluster.shell import run, tail

BASE = "trimtab.local/base:bookworm"
TRITON = "trimtab.local/triton-cpu:2.51.0"
TRIMTAB = "trimtab.local/trimtab:dev"
PROMETHEUS = f"trimtab.local/prometheus:{versions.PROMETHEUS}"
COREDNS = f"trimtab.local/coredns:{versions.COREDNS}"
ENVOY = f"trimtab.local/envoy:{versions.ENVOY}"
ENVOY_GATEWAY = f"trimtab.local/envoy-gateway:{versions.ENVOY_GATEWAY}"
MODELS = "trimtab.local/model-repo:dev"
COMPRESS = "trimtab.local/trimtab-compress:dev"


@dataclass(frozen=True)
class Image:
    """A named image: its layers from the bottom up, and the files without which it cannot be.

    `by_name`: made only where it is asked for by name; `programs` are what is built for it then.
    """

    reference: str
    layers: Callable[[], list[layers.Layer]]
    config: Config
    needs: tuple[Path, ...] = ()
    by_name: bool = False
    programs: tuple[versions.Binary, ...] = ()

    @property
    def possible(self) -> bool:
        return all(path.exists() for path in self.needs)


def catalogue(program: Callable[[str], Path]) -> dict[str, Image]:
    """Every image by its name; `program` tells where a program lies."""
    locked = REPOSITORY / "requirements" / "operator.txt"
    images = (
        Image(PAUSE_IMAGE, lambda: [recipes.pause(program("pause"))], recipes.PAUSE_CONFIG),
        Image(BASE, lambda: [recipes.base()], Config()),
        Image(
            TRITON,
            lambda: [recipes.base(), recipes.model_libraries(), recipes.triton()],
            recipes.TRITON_CONFIG,
        ),
        Image(
            PROMETHEUS,
            lambda: [recipes.base(), recipes.prometheus(program("prometheus"))],
            recipes.PROMETHEUS_CONFIG,
        ),
        Image(
            TRIMTAB,
            lambda: [recipes.base(), recipes.operator_libraries(), recipes.operator_code()],
            recipes.TRIMTAB_CONFIG,
            (locked, REPOSITORY / "operator"),
        ),
        Image(MODELS, lambda: [recipes.models()], Config(), (REPOSITORY / "model_repo",)),
        Image(
            COMPRESS,
            lambda: [recipes.base(), recipes.compress_libraries(), recipes.operator_code()],
            recipes.COMPRESS_CONFIG,
            (REPOSITORY / "requirements" / "compress.txt", REPOSITORY / "operator"),
            by_name=True,
        ),
        *_of_the_gateway(program),
    )
    return {image.reference: image for image in images}


def _of_the_gateway(program: Callable[[str], Path]) -> tuple[Image, ...]:
    built = {binary.name: (binary,) for binary in versions.GATEWAY_BINARIES}
    return (
        Image(
            COREDNS,
            lambda: [recipes.coredns(program("coredns"))],
            recipes.COREDNS_CONFIG,
            by_name=True,
            programs=built["coredns"],
        ),
        Image(ENVOY, lambda: [recipes.base(), recipes.envoy()], recipes.ENVOY_CONFIG, by_name=True),
        Image(
            ENVOY_GATEWAY,
            lambda: [recipes.envoy_gateway(program("envoy-gateway"))],
            recipes.ENVOY_GATEWAY_CONFIG,
            by_name=True,
            programs=built["envoy-gateway"],
        ),
    )


def build(paths: Paths, wanted: Iterable[Image]) -> list[Built]:
    """Every wanted image in the store of blobs; quick when nothing changed."""
    store = Store(paths.oci)
    return [
        store.image(
            image.reference, [layers.ensure(paths, store, x) for x in image.layers()], image.config
        )
        for image in wanted
    ]


class Containerd:
    """containerd's image store, spoken to by its own tool."""

    def __init__(self, ctr: Path, paths: Paths) -> None:
        self._ctr = [str(ctr), "--address", str(paths.containerd_socket), "--namespace", "k8s.io"]
        self._paths = paths

    def references(self) -> dict[str, str]:
        """reference -> digest of what containerd holds."""
        lines = run([*self._ctr, "images", "ls"]).stdout.splitlines()[1:]
        return {fields[0]: fields[2] for fields in (line.split() for line in lines)}

    def load(self, images: Collection[Built]) -> list[str]:
        """Import what is new, in one stream; return the references that were."""
        held = self.references()
        new = [
            image
            for image in images
            if {held.get(image.reference), held.get(image.identifier)} != {image.manifest.digest}
        ]
        if not new:
            return []
        with step(f"loading {', '.join(image.reference for image in new)}"):
            self._import(new, self._blobs())
        return [image.reference for image in new]

    def _blobs(self) -> set[str]:
        return set(run([*self._ctr, "content", "ls", "--quiet"]).stdout.split())

    def _import(self, images: Collection[Built], known: Collection[str]) -> None:
        command = [*self._ctr, "images", "import", "--local", "-"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as reader:
            # When it gives up early, its own words say why better than the broken pipe does.
            with contextlib.suppress(BrokenPipeError):
                Store(self._paths.oci).write_archive(cast("IO[bytes]", reader.stdin), images, known)
            _, errors = reader.communicate()
        if reader.returncode != 0:
            raise ClusterError(f"containerd did not take the images:\n{tail(errors.decode())}")
