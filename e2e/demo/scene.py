"""Putting the model of the demo on the stage."""

from __future__ import annotations

from e2e.kit.access import Access
from e2e.kit.install import Images
from e2e.kit.served import DIGITS, Stage

NAMESPACE = "trimtab-demo"
MODEL = "digits"


def manifest(images: Images) -> str:
    """The user's manifest: an AcceleratorClass and a ModelDeployment."""
    text = DIGITS.read_text().replace("${TRITON_IMAGE}", images.triton)
    return text.replace("${MODEL_REPO_IMAGE}", images.models)


def demo_stage(access: Access, images: Images) -> Stage:
    """The demo's namespace, empty: what an earlier run left is removed first."""
    stage = Stage(access, images)
    stage.namespace = NAMESPACE
    access.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")
    return stage
