"""Copy crds/*.yaml into the chart: `python charts/sync_crds.py [--check]`.

Helm reads no file outside a chart's folder, and crds/ within a chart is installed once and never
upgraded. So the chart carries copies and renders them from a template.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = HERE.parent / "crds"
COPIES = HERE / "trimtab" / "files" / "crds"


def differences(source: Path = SOURCE, copies: Path = COPIES) -> list[str]:
    """One sentence for each file that is missing, outdated or left over."""
    wanted = {path.name: path.read_bytes() for path in source.glob("*.yaml")}
    present = {path.name: path.read_bytes() for path in copies.glob("*.yaml")}
    found = []
    for name in sorted(wanted.keys() | present.keys()):
        if name not in present:
            found.append(f"{name} is missing from the chart")
        elif name not in wanted:
            found.append(f"{name} is left over in the chart")
        elif wanted[name] != present[name]:
            found.append(f"{name} in the chart is not the one in crds/")
    return found


def copy(source: Path = SOURCE, copies: Path = COPIES) -> None:
    copies.mkdir(parents=True, exist_ok=True)
    wanted = {path.name for path in source.glob("*.yaml")}
    for path in copies.glob("*.yaml"):
        if path.name not in wanted:
            path.unlink()
    for name in sorted(wanted):
        (copies / name).write_bytes((source / name).read_bytes())


def main() -> int:
    parser = argparse.ArgumentParser(description="Keep the chart's CRDs those of crds/.")
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail where they differ"
    )
    if not parser.parse_args().check:
        copy()
        return 0
    found = differences()
    for line in found:
        sys.stderr.write(f"{line}; run `make crds`\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
