"""Collect sentences.txt: first sentences of documentation strings in Python's standard library.

    python -m model_repo.sentences.collect FOLDER_OF_THE_LIBRARY

It is committed, so that nobody needs to do this: another Python has other documentation.
"""

from __future__ import annotations

import ast
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from model_repo.sentences import data

COUNT = 700
_DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef
_PROSE = re.compile(r"[A-Z][a-z]+ [A-Za-z0-9 ,;'()/-]{25,130}\.")


def main() -> None:
    files = sorted(f for f in Path(sys.argv[1]).rglob("*.py") if f.is_file())
    found = sorted({sentence for file in files for sentence in _of_file(file)})
    chosen = random.Random(0).sample(found, COUNT)
    data.FILE.write_text("\n".join(chosen) + "\n", encoding="utf-8")
    print(f"{COUNT} of {len(found)} sentences")


def _of_file(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and (text := ast.get_docstring(node)):
            first = " ".join(text.split("\n\n")[0].split())
            if match := _PROSE.match(first):
                yield match.group()


if __name__ == "__main__":
    main()
