"""Fetches the recordings from their public homes into a folder, as the benches read them.

    python -m bench.fetch_traces DIR

azure: Azure/AzurePublicDataset, AzureLLMInferenceTrace_code.csv (CC-BY 4.0), as arrival times in
seconds. twitter: the 2018 stream as published with InfAdapter
(reconfigurable-ml-pipeline/web-service-datasets; no licence stated), its first seven days, as
requests by the second. What is written is held against the sum of the files the published tables
were made with.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import sys
import tarfile
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

_RAW = "https://raw.githubusercontent.com"
_DATASETS = "reconfigurable-ml-pipeline/web-service-datasets"
_SECONDS = 7 * 24 * 3600


def main() -> int:
    """Writes the files that are not there yet; 1 where one differs from what was published."""
    parser = argparse.ArgumentParser(prog="python -m bench.fetch_traces", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name, (address, converted, digest) in _TRACES.items():
        if (folder / name).exists():
            continue
        sys.stderr.write(f"{address}\n")
        with urllib.request.urlopen(address) as answer:  # noqa: S310 - https, of the table below
            text = converted(answer.read())
        if hashlib.sha256(text.encode()).hexdigest() != digest:
            sys.stderr.write(f"{name}: not what the published tables were made with; not written\n")
            failed = 1
            continue
        (folder / name).write_bytes(gzip.compress(text.encode()))
    return failed


def arrivals(source: bytes) -> str:
    """Azure's CSV, times of day in its first column, as seconds after the first arrival."""
    lines = source.decode().split()[1:]  # a time holds one space: "DATE", "TIME,TOKENS,TOKENS"
    # Seven decimals; datetime reads six.
    times = [
        datetime.fromisoformat(f"{day}T{time.split(',')[0][:15]}+00:00")
        for day, time in zip(lines[::2], lines[1::2], strict=True)
    ]
    seconds = (f"{(t - times[0]).total_seconds():.6f}" for t in times)
    return "\n".join(("arrival_s", *seconds)) + "\n"


def counts(source: bytes) -> str:
    """The archive's one text, a count for each second, as second,requests."""
    with tarfile.open(fileobj=io.BytesIO(source)) as archive:
        names = [m for m in archive.getmembers() if m.isfile()]
        content = archive.extractfile(names[0])
        assert content is not None  # a file, as just asked
        found = content.read().split()[:_SECONDS]
    rows = (f"{i},{int(count)}" for i, count in enumerate(found))
    return "\n".join(("second,requests", *rows)) + "\n"


_TRACES: dict[str, tuple[str, Callable[[bytes], str], str]] = {
    "azure-llm-2023-code-arrivals.csv.gz": (
        f"{_RAW}/Azure/AzurePublicDataset/master/data/AzureLLMInferenceTrace_code.csv",
        arrivals,
        "f1e511ef56ced684388f36fda948dfefd8a540ee927c1ef14d6097d58dfa0769",
    ),
    "twitter-2018-days-01-07.csv.gz": (
        f"{_RAW}/{_DATASETS}/master/dataset/twitter_trace/workload.tbz2",
        counts,
        "d86c85e7efe05a49eadc99c51fcc9b6fe9e82c25f1d4e7a5bc7c5377c334d088",
    ),
}


if __name__ == "__main__":
    sys.exit(main())
