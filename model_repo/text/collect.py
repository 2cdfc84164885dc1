"""Collect the snippets: two lines each, out of source files of Debian 12 packages, split by file.

    mkdir debs && cd debs && apt-get download $(python -m model_repo.text.collect --packages)
    for deb in *.deb; do dpkg-deb -x $deb .; done
    python -m model_repo.text.collect DEBS_FOLDER

writes snippets.json.xz beside this file. It is committed, so that nobody needs to do this: another
state of Debian gives other snippets. DATA_LICENCE.md has the licences of what is taken.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Iterator
from pathlib import Path

from model_repo.text import data

_RUST = ("regex", "tokio")
_SYMFONY = ("Console", "HttpFoundation", "HttpKernel")
# language -> packages, folders in them, and the ending of names
SOURCES = {
    "c": (["postgresql-server-dev-15"], ["usr/include/postgresql"], ".h"),
    "cpp": (
        ["libabsl-dev", "librange-v3-dev"],
        ["usr/include/absl", "usr/include/range"],
        (".h", ".hpp"),
    ),
    "go": (["golang-1.19-src"], ["usr/share/go-1.19/src"], ".go"),
    "javascript": (["eslint"], ["usr/share/nodejs/eslint/lib"], ".js"),
    "php": (
        ["php-symfony-console", "php-symfony-http-foundation", "php-symfony-http-kernel"],
        [f"usr/share/php/Symfony/Component/{part}" for part in _SYMFONY],
        ".php",
    ),
    "python": (["libpython3.11-stdlib"], ["usr/lib/python3.11"], ".py"),
    "rust": ([f"librust-{part}-dev" for part in _RUST], ["usr/share/cargo"], ".rs"),
}
TRAIN, TEST = 1700, 430
MOST_OF_A_FILE = 25
TEST_FILES = 0.2
_SEED = 0
_COMMENT = re.compile(r"\s*(//|/?\*|#(?!\s*(define|include|if|end|el|undef|\[))|\"\"\")")


def main() -> None:
    parser = argparse.ArgumentParser(description="Collect the snippets.")
    parser.add_argument("folder", type=Path, nargs="?", help="the packages, unpacked into one tree")
    parser.add_argument("--packages", action="store_true", help="print which packages")
    arguments = parser.parse_args()
    if arguments.packages or arguments.folder is None:
        print(*(name for packages, _, _ in SOURCES.values() for name in packages))
        return
    sets: dict[str, list[tuple[int, str]]] = {"train": [], "test": []}
    for label, language in enumerate(data.LANGUAGES):
        rng = random.Random(_SEED)
        for name, found in _language(arguments.folder, language, rng).items():
            sets[name] += [(label, snippet) for snippet in found]
    data.write(sets)
    print({name: len(rows) for name, rows in sets.items()}, data.FILE.stat().st_size, "bytes")


def _language(top: Path, language: str, rng: random.Random) -> dict[str, list[str]]:
    """Train and test snippets of one language; no file gives to both, no snippet comes twice."""
    _, folders, ending = SOURCES[language]
    files = sorted(f for folder in folders for f in (top / folder).rglob("*") if _wanted(f, ending))
    rng.shuffle(files)
    held_out = round(TEST_FILES * len(files))
    seen: set[str] = set()
    found = {}
    for name, part, count in (("test", files[:held_out], TEST), ("train", files[held_out:], TRAIN)):
        pool = [snippet for file in part for snippet in _of_file(file, rng, seen)]
        found[name] = rng.sample(pool, count)
    return found


def _wanted(file: Path, ending: str | tuple[str, ...]) -> bool:
    """Whole source files; what lies in these folders is data for tests, or others' code."""
    left_out = {"testdata", "vendor", "debian"}
    return file.is_file() and file.name.endswith(ending) and not left_out & set(file.parts)


def _of_file(file: Path, rng: random.Random, seen: set[str]) -> Iterator[str]:
    try:
        lines = file.read_text("ascii").splitlines()
    except UnicodeDecodeError:
        return
    lines = [line.rstrip() for line in lines if line.strip()]
    starts = list(range(len(lines) - 1))
    rng.shuffle(starts)
    taken = 0
    for start in starts:
        pair = lines[start : start + 2]
        snippet = "\n".join(pair)
        if snippet in seen or not _telling(pair):
            continue
        seen.add(snippet)
        taken += 1
        yield snippet
        if taken == MOST_OF_A_FILE:
            return


def _telling(pair: list[str]) -> bool:
    """Code, not comments, with something in it; a line of data or prose says nothing."""
    return (
        not any(_COMMENT.match(line) for line in pair)
        and all(len(line) <= 100 for line in pair)
        and sum(character.isalnum() for line in pair for character in line) >= 12
    )


if __name__ == "__main__":
    main()
