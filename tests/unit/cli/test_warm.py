"""The forked command is the command: it ends as that does, and it ends when its test gives up."""

import os
import select
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.unit.cli.warm import WarmCommand

DEADLINE_S = 30.0
GIVE_UP_S = 1.0


@pytest.mark.parametrize(
    "arguments",
    [
        ["file", "tlvs", "max_cpe", "-o", "json"],
        ["file", "tlvs", "pigeon"],
        ["file", "decode", "nothing.cm"],
        ["settings", "check", "nothing.yaml"],
        ["peers", "ls"],
    ],
    ids=" ".join,
)
def test_it_prints_and_ends_like_a_command_of_its_own(
    arguments: list[str], warm: WarmCommand, command: list[str], tmp_path: Path
) -> None:
    own = subprocess.run([*command, *arguments], cwd=tmp_path, capture_output=True, text=True)
    forked = warm.run(arguments, tmp_path, os.environ, DEADLINE_S)
    assert (forked.returncode, forked.stdout, forked.stderr) == (own.returncode, own.stdout, own.stderr)


def test_it_has_the_directory_and_the_environment_of_its_call(warm: WarmCommand, tmp_path: Path) -> None:
    (tmp_path / "here.yaml").write_text("instance: cfm-1\n")
    environment = {**os.environ, "PROVBUS_LOG__FORMAT": "pigeon", "FILLING": "x" * 200_000}
    said = warm.run(["config", "check", "here.yaml"], tmp_path, environment, DEADLINE_S).stderr
    assert "here.yaml" in said
    assert "log.format: Input should be" in said


def test_a_command_whose_test_gives_up_is_ended(warm: WarmCommand, tmp_path: Path) -> None:
    """It reads a pipe in which nothing comes; the writer is told when nobody reads any more."""
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        call = pool.submit(warm.run, ["settings", "check", "pipe"], tmp_path, os.environ, GIVE_UP_S)
        end = os.open(tmp_path / "pipe", os.O_WRONLY)
        try:
            assert isinstance(call.exception(DEADLINE_S), TimeoutError)
            waiting = select.poll()
            waiting.register(end, 0)
            assert waiting.poll(DEADLINE_S * 1000) == [(end, select.POLLERR)]
        finally:
            os.close(end)
