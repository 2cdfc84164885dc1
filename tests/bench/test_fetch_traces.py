"""What the public files hold, as the benches read it."""

import io
import tarfile

from bench.fetch_traces import arrivals, counts

_AZURE = b"""TIMESTAMP,ContextTokens,GeneratedTokens\r
2023-11-16 18:17:03.9799600,4808,10\r
2023-11-16 18:17:04.0319600,3180,8\r
"""


def test_times_of_day_become_seconds_after_the_first() -> None:
    assert arrivals(_AZURE) == "arrival_s\n0.000000\n0.052000\n"


def test_counts_get_their_second() -> None:
    archive, text = io.BytesIO(), b"52 55 "
    with tarfile.open(fileobj=archive, mode="w:bz2") as tar:
        member = tarfile.TarInfo("home/somebody/workload.txt")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    assert counts(archive.getvalue()) == "second,requests\n0,52\n1,55\n"
