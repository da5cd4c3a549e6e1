"""`perfdhcp` by a stand-in of its name: how it is called, and what its words are taken for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.lab.kea.perfdhcp import LoadFigures

MEASURED = """
sent: 98/97; received: 97/95; drops: 1/2; rejected: 0/0
sent: 199/198; received: 198/196; drops: 1/2; rejected: 0/0
***Rate statistics***
Rate: 98.5 4-way exchanges/second, expected rate: 100

***Statistics for: DISCOVER-OFFER***
sent packets: 300
received packets: 299
drops: 1

***Statistics for: REQUEST-ACK***
sent packets: 299
received packets: 297
drops: 2
"""
PROGRAM = (
    "from services.lab.kea.perfdhcp import LoadGenerator; print(LoadGenerator(10067, 10068, 100, 3).end())"
)


def run(directory: Path, script: str) -> subprocess.CompletedProcess[str]:
    """What a process says in which this shell script is perfdhcp; its arguments go to the file `words`."""
    stand_in = directory / "perfdhcp"
    stand_in.write_text(f'#!/bin/sh\necho "$@" > {directory}/words\n{script}\n')
    stand_in.chmod(0o755)
    environ = {**os.environ, "PATH": f"{directory}:{os.environ['PATH']}"}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, timeout=60
    )


def says(text: str) -> str:
    return f"cat <<'END'\n{text}\nEND"


def test_it_asks_kea_on_loopback_for_new_devices_at_the_rate(tmp_path: Path) -> None:
    done = run(tmp_path, says(MEASURED))
    assert done.stdout == "LoadFigures(per_s=98.5, acks=297, acks_by=(95, 196))\n", done.stderr
    words = (tmp_path / "words").read_text().split()
    assert words[0] == "-4"
    assert words[-1] == "127.0.0.1"
    options = dict(zip(words[1:-1:2], words[2:-1:2], strict=True))
    assert (options["-N"], options["-L"], options["-l"]) == ("10067", "10068", "127.0.0.1")
    assert (options["-r"], options["-p"]) == ("100", "3")
    assert options["-t"] == "1"  # the report of each second
    assert int(options["-R"]) > 300
    assert options["-o"] == "60," + b"pktc1.5:".hex()


def test_some_drops_are_no_failure_whatever_its_exit_code_is(tmp_path: Path) -> None:
    done = run(tmp_path, says(MEASURED) + "\nexit 3")
    assert done.stdout == "LoadFigures(per_s=98.5, acks=297, acks_by=(95, 196))\n", done.stderr


@pytest.mark.parametrize(
    "script",
    ["echo 'unable to bind the socket' >&2; exit 1", "true", says(MEASURED.partition("***Statistics")[0])],
    ids=["refused", "nothing", "no exchanges"],
)
def test_what_measured_nothing_is_an_error_with_its_words(tmp_path: Path, script: str) -> None:
    done = run(tmp_path, script)
    assert done.returncode != 0
    assert "UnavailableError: perfdhcp measured nothing" in done.stderr
    if "bind" in script:
        assert "unable to bind the socket" in done.stderr


def test_a_rate_is_of_whole_seconds_of_the_run() -> None:
    load = LoadFigures(98.5, 297, (95, 196))
    assert load.per_s_between(0, 2) == 98
    assert load.per_s_between(1, 2) == 101
    for begin_s, end_s in ((0, 3), (-1, 1), (1, 1)):
        assert load.per_s_between(begin_s, end_s) is None
