"""Make a sample's variants with `trimtab compress`, and put the ensemble around each network.

    python -m model_repo.variants      # remakes the committed repositories of image, text, speech

What was made from the same inputs before is not made again (build/variants).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from model_repo import REPO, card_path

BUILD = REPO.parent / "build" / "variants"
# sample -> folder of its to_compress.py, and recipes
MADE_FROM = {
    "xor": ("xor", "int8.yaml"),
    "classifier": ("classifier", "int8.yaml"),
    "image": ("digits", "image/recipes.yaml"),
    "text": ("text", "text/recipes.yaml"),
    "speech": ("speech", "speech/recipes.yaml"),
    "sentences": ("sentences", "sentences/recipes.yaml"),
}
# Small enough for git.
COMMITTED = {
    "image": ("int8", "student"),
    "text": ("student-int8",),
    "speech": ("student-int8",),
}


def main() -> None:
    trimtab = Path(sys.executable).with_name("trimtab")
    for sample, names in COMMITTED.items():
        make(trimtab, sample)
        for name in names:
            assemble(sample, name, REPO / sample / name)
        (REPO / sample / "card.json").write_text(json.dumps(_card(sample), indent=2) + "\n")
        print(f"{sample}: {', '.join(names)}, {card_path(REPO, sample)}")


def make(trimtab: Path, sample: str) -> dict[str, Any]:
    """What `trimtab compress` found; its variants are below BUILD."""
    folder, recipes = MADE_FROM[sample]
    command = [trimtab, "compress", REPO / folder / "to_compress.py", "--out", BUILD / sample]
    subprocess.run(
        [*map(str, command), "--recipes", str(REPO / recipes)],
        check=True,
        cwd=REPO.parent,
        env={**os.environ, "PYTHONPATH": "."},
    )
    found: dict[str, Any] = json.loads((BUILD / sample / "report.json").read_text("utf-8"))
    return found


def assemble(sample: str, variant: str, target: Path) -> Path:
    """A whole model repository: the network of that variant, and the ensemble around it."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(BUILD / sample / variant, target)
    if serve := serve_folder(sample):
        shutil.copytree(
            serve, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    return target


def serve_folder(sample: str) -> Path | None:
    """Models that belong beside the network; None where clients ask the network itself."""
    folder = REPO / sample / "serve"
    return folder if folder.is_dir() else None


def _card(sample: str) -> dict[str, Any]:
    """Every published variant's card, those that are not committed too."""
    cards = sorted((BUILD / sample / "cards").glob("*.json"))
    return {
        "model": sample,
        "variants": {card.stem: json.loads(card.read_text(encoding="utf-8")) for card in cards},
    }


if __name__ == "__main__":
    main()
