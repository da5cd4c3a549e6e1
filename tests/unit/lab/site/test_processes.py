"""The processes of a run: how they end is known, their CPU is not lost, and they can be started again."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.errors import UnavailableError
from services.lab.site.processes import Process, wait_until

PATIENCE_S = 30.0
WORK = "sum(range(3_000_000)); print('{\"ready\": true}', flush=True); "
WHENCE = """import json, sys; sys.stdout.write(json.dumps({"ready": __file__}) + "\\n")"""
UNTIL_TOLD = "import signal; signal.sigwait({signal.SIGTERM}); "

Made = list[Process]


@pytest.fixture
def made() -> Iterator[Made]:
    processes: Made = []
    yield processes
    for process in processes:
        process.kill()


def start(made: Made, directory: Path, program: str) -> Process:
    """A process that runs this program."""
    blocked = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}); "
    made.append(Process("one", "lab", ["-c", blocked + program], directory))
    return made[-1]


def until_ready(process: Process) -> None:
    wait_until(lambda: any("ready" in line for line in process.lines(0.1)), PATIENCE_S, "it", [process])


def test_one_that_is_stopped_has_ended_well_and_can_be_started_again(made: Made, tmp_path: Path) -> None:
    process = start(made, tmp_path, WORK + UNTIL_TOLD)
    until_ready(process)
    assert process.exit_code() is None
    process.terminate()
    process.stop(PATIENCE_S)
    assert process.exit_code() == 0
    process.restart()
    until_ready(process)
    assert process.exit_code() is None


def test_one_runs_the_modules_of_its_tree_and_from_its_next_start_on_those_of_another(
    made: Made, tmp_path: Path
) -> None:
    trees = [tmp_path / "one", tmp_path / "other"]
    for tree in trees:
        (tree / "bus").mkdir(parents=True)
        (tree / "bus" / "__init__.py").write_text("")
        (tree / "bus" / "whence.py").write_text(WHENCE)
    process = Process("one", "lab", ["-m", "bus.whence"], tmp_path, tree=trees[0])
    made.append(process)
    for tree in trees:
        (said,) = process.lines(PATIENCE_S)
        assert said == {"ready": str(tree / "bus" / "whence.py")}
        process.stop(PATIENCE_S)
        process.tree = trees[1]
        process.restart()


def test_one_that_does_not_stop_is_killed(made: Made, tmp_path: Path) -> None:
    program = "signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WORK + "import time; time.sleep(60)"
    process = start(made, tmp_path, program)
    until_ready(process)
    process.terminate()
    process.stop(0.1)
    assert process.exit_code() == -signal.SIGKILL
    process.kill()  # again does no harm


def test_the_cpu_of_all_incarnations_is_counted_however_they_ended(made: Made, tmp_path: Path) -> None:
    process = start(made, tmp_path, WORK + UNTIL_TOLD)
    spent_s = [0.0]
    for end in (process.kill, process.terminate, process.kill):
        until_ready(process)
        end()
        process.stop(PATIENCE_S)
        spent_s.append(process.cpu_s())
        process.restart()
    assert spent_s == sorted(spent_s)
    assert len(set(spent_s)) == len(spent_s)


def test_cpu_of_less_than_a_tick_of_the_kernel_is_told(made: Made, tmp_path: Path) -> None:
    process = start(made, tmp_path, "print('{\"ready\": true}', flush=True); input(); " + WORK + "input()")
    until_ready(process)
    waiting_s = process.cpu_s()
    process.say("a line")
    until_ready(process)
    spent_s = process.cpu_s()
    assert spent_s > waiting_s
    assert spent_s * os.sysconf("SC_CLK_TCK") % 1


def test_one_that_ended_by_itself_is_named_with_its_code_and_its_last_words(
    made: Made, tmp_path: Path
) -> None:
    process = start(made, tmp_path, "import sys; print('no room', file=sys.stderr); sys.exit(73)")
    wait_until(lambda: process.exit_code() is not None, PATIENCE_S, "its end", [])
    with pytest.raises(UnavailableError, match=r"^one ended with exit code 73: no room$"):
        process.check()
