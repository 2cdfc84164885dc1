"""The options of `trimtab profile`: what does not go together is said before anything is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from trimtab.cli import main
from trimtab.cli.profile import parse_batches, parse_shape
from trimtab.profile.errors import ProfileError

URL = ("--url", "http://127.0.0.1:1")


def said(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["profile", *arguments])
    assert result.exit_code != 0
    assert "Traceback" not in result.output
    return result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give --url http://HOST:8000 of a running Triton, or --repository DIR"),
        (URL, "--model is missing"),
        ((*URL, "--model", "m", "--triton", "x"), "--triton has an effect only with --repository"),
        ((*URL, "--model", "m", "--triton-arg", "x"), "--triton-arg has an effect only with"),
        ((*URL, "--model", "m", "--batches", "1,two"), "--batches: '1,two' is no list"),
        ((*URL, "--model", "m", "--shape", "x"), "--shape: 'x' is not NAME:d1,d2"),
        ((*URL, "--model", "m", "--accelerator-class", "L 4"), "give the name of an Accelerator"),
        ((*URL, "--model", "m"), "no server answers at http://127.0.0.1:1"),
        (("--url", "nowhere", "--model", "m"), "--url: 'nowhere' is not of the form"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[str, ...], says: str) -> None:
    assert says in " ".join(said(*arguments).split())


def test_a_running_server_and_a_new_one_exclude_each_other(tmp_path: Path) -> None:
    assert "--url and --repository exclude each other" in said(*URL, "--repository", str(tmp_path))


def test_shapes_and_batches_are_read() -> None:
    assert parse_shape("a:b:3,224") == ("a:b", (3, 224))
    assert parse_batches("1,8") == (1, 8)
    assert parse_batches(None) is None
    with pytest.raises(ProfileError):
        parse_shape("x:3,0")
