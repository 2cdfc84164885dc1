#!/usr/bin/env python3
"""Assembles the model repository that Triton reads, from a read-only source and the plan's values.

Runs inside the model server's own image, as an init container, with nothing but the standard
library of Python 3.8 or later. The model's config.pbtxt is the user's with the plan's values
merged in; everything else is linked, never copied.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from typing import Any

if __package__:
    from trimtab.actuate import pbtxt
else:
    # In the pod there is no trimtab: both files lie in one folder, which -I keeps off the path.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import pbtxt  # type: ignore[import-not-found, no-redef]

MAX_LISTED = 20
CONFIG = "config.pbtxt"


class PrepareError(Exception):
    """What is wrong with the source, in words for whoever made it."""


def assemble(source: str, target: str, overlay: dict[str, Any]) -> list[str]:
    """Fill `target` with a repository for Triton; returns notes for the log."""
    model = overlay["model"]
    folder = os.path.join(source, model)
    check(source, folder, model)
    empty(target)
    made = os.path.join(target, model)
    os.mkdir(made)
    path, text = read_config(folder, overlay)
    try:
        merge = pbtxt.Merge(text, overlay)
        merged = merge.merged()
    except pbtxt.PbtxtError as problem:
        raise PrepareError(f"{path}: {problem}") from None
    with open(os.path.join(made, CONFIG), "w", encoding="utf-8") as out:
        out.write(merged)
    for name in sorted(os.listdir(folder)):
        # `configs` holds alternatives; the chosen one is config.pbtxt now.
        if name not in (CONFIG, "configs"):
            os.symlink(os.path.join(folder, name), os.path.join(made, name))
    if not versions(folder):
        if not merge.is_ensemble:
            raise PrepareError(
                f"{folder} has no version folder such as 1/; it holds {listed(folder)}"
            )
        # Triton asks for one, and neither git nor an image layer keeps an empty folder well.
        os.mkdir(os.path.join(made, "1"))
    for name in sorted(os.listdir(source)):
        path = os.path.join(source, name)
        # Parts of an ensemble. Triton ends when one folder is no model, such as a file system's
        # lost+found, so what is plainly none is left out.
        if name != model and is_model(path):
            os.symlink(path, os.path.join(target, name))
    return list(merge.notes)


def check(source: str, folder: str, model: str) -> None:
    """Raises PrepareError where the model is not where it should be."""
    if not os.path.isdir(source):
        above = source
        while not os.path.isdir(above):
            above = os.path.dirname(above)
        raise PrepareError(
            f"the source has no folder {source}: {above} holds {listed(above)}; "
            "set source.path to the model repository's root"
        )
    if os.path.isdir(folder):
        return
    hint = f"it holds {listed(source)}"
    if is_model(source):
        hint = "source.path points to a model's own folder, not to the repository above it"
    raise PrepareError(f"no model folder {model!r} in {source}: {hint}")


def read_config(folder: str, overlay: dict[str, Any]) -> tuple[str, str]:
    """Where the user's configuration lies, and its text; a bare name where there is none."""
    names = [CONFIG]
    if overlay.get("config_name"):
        names.insert(0, os.path.join("configs", overlay["config_name"] + ".pbtxt"))
    for path in (os.path.join(folder, name) for name in names):
        if os.path.isfile(path):
            try:
                with open(path, encoding="utf-8") as config:
                    return path, config.read()
            except (OSError, UnicodeDecodeError) as problem:
                raise PrepareError(f"{path} cannot be read: {problem}") from None
    return os.path.join(folder, CONFIG), f"name: {json.dumps(overlay['model'])}\n"


def is_model(path: str) -> bool:
    """Whether Triton would take that folder for a model."""
    return os.path.isdir(path) and (os.path.isfile(os.path.join(path, CONFIG)) or versions(path))


def versions(folder: str) -> bool:
    """Whether the folder holds a version; Triton overlooks names that begin with 0."""
    return any(
        name.isdigit() and not name.startswith("0") and os.path.isdir(os.path.join(folder, name))
        for name in os.listdir(folder)
    )


def listed(folder: str) -> str:
    """What a folder holds, for messages."""
    found = sorted(
        name + "/" if os.path.isdir(os.path.join(folder, name)) else name
        for name in os.listdir(folder)
    )
    more = f" and {len(found) - MAX_LISTED} more" if len(found) > MAX_LISTED else ""
    return (", ".join(found[:MAX_LISTED]) or "nothing") + more


def empty(folder: str) -> None:
    """An init container can run twice in one pod: what the first run left goes."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def main(argv: list[str] | None = None) -> int:
    """0 where the repository is ready; otherwise 1, and the reason on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", required=True, help="the repository's root in the source")
    parser.add_argument("--target", required=True, help="the folder Triton will read")
    parser.add_argument("--overlay", required=True, help="the plan's values, as JSON")
    args = parser.parse_args(argv)
    overlay = json.loads(args.overlay)
    try:
        notes = assemble(args.source, args.target, overlay)
    except (PrepareError, OSError) as problem:
        sys.stderr.write(f"trimtab: {problem}\n")
        return 1
    for note in notes:
        sys.stdout.write(f"trimtab: {overlay['model']}: {note}\n")
    sys.stdout.write(f"trimtab: {overlay['model']} is ready in {args.target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
