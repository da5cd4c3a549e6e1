"""Processes are known by pid and start time, and only those are signalled."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.brokers.detached import (
    ProcessIdentity,
    boot_id,
    identify,
    is_alive,
    parse_stat,
    rss_mib,
    send_signal,
    spawn,
    stop,
)

DEAF = "import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
POLITE = """
import signal, sys
signal.signal(15, lambda *_: sys.exit(print("clean")))
print("up", flush=True)
signal.pause()
"""
TALKING = "import sys; print('read', repr(sys.stdin.read())); print('err', file=sys.stderr, flush=True)"

Spawn = Callable[..., ProcessIdentity]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        os.sched_yield()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Spawn]:
    """Spawns Python code; whatever is left of it is killed after the test."""
    started: list[ProcessIdentity] = []

    def start(code: str = "import signal; signal.pause()") -> ProcessIdentity:
        started.append(spawn([sys.executable, "-c", code], os.environ, tmp_path / f"{len(started)}.log"))
        return started[-1]

    yield start
    stop(started, finished=lambda: True)


@pytest.mark.parametrize(
    ("name", "state"), [("java", "S"), ("a b) S 1 2", "R"), ("x) Z 9 9 9", "Z"), ("(((", "D"), ("", "X")]
)
def test_parse_stat_survives_any_name(name: str, state: str) -> None:
    fields = [state, *map(str, range(4, 22)), "4711", "23", "24"]
    assert parse_stat(f"77 ({name}) {' '.join(fields)}\n") == (state, 4711)


def test_we_know_ourselves() -> None:
    here = identify(os.getpid())
    assert here is not None
    assert here.pid == os.getpid()
    assert is_alive(here)
    assert rss_mib(here)


def test_another_start_time_is_another_process() -> None:
    here = identify(os.getpid())
    assert here is not None
    recycled = here._replace(start_ticks=here.start_ticks + 1)
    assert not is_alive(recycled)
    assert rss_mib(recycled) is None


def test_no_process_has_this_pid() -> None:
    beyond = int(Path("/proc/sys/kernel/pid_max").read_text()) + 1
    nobody = ProcessIdentity(beyond, 0)
    assert identify(beyond) is None
    assert not is_alive(nobody)
    assert rss_mib(nobody) is None
    assert not send_signal(nobody, signal.SIGTERM)


def test_a_zombie_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        process = identify(child.pid)
        assert process is not None
        child.kill()
        wait_for(lambda: Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
        assert not is_alive(process)
        assert not send_signal(process, signal.SIGTERM)


def test_spawned_processes_have_a_log_and_no_input(start: Spawn, tmp_path: Path) -> None:
    start(TALKING)
    log = tmp_path / "0.log"
    wait_for(lambda: "err" in log.read_text())
    assert log.read_text().splitlines() == ["read ''", "err"]


def test_spawned_processes_have_their_own_session(start: Spawn) -> None:
    process = start()
    assert os.getsid(process.pid) == process.pid


def test_a_signal_reaches_only_the_one_that_is_meant(start: Spawn) -> None:
    process = start()
    recycled = process._replace(start_ticks=process.start_ticks + 1)
    assert not send_signal(recycled, signal.SIGKILL)
    assert is_alive(process)
    assert send_signal(process, signal.SIGKILL)
    wait_for(lambda: not is_alive(process))


def test_stop_leaves_strangers_alone(start: Spawn) -> None:
    process = start()
    stop([process._replace(start_ticks=process.start_ticks + 1)], finished=lambda: True)
    assert is_alive(process)


def test_stop_kills_the_deaf_once_finished(start: Spawn, tmp_path: Path) -> None:
    processes = [start(DEAF), start(DEAF)]
    wait_for(lambda: all("deaf" in (tmp_path / f"{number}.log").read_text() for number in range(2)))
    answers = iter([False, False, True])
    stop(processes, finished=lambda: next(answers), stop_s_max=60.0)
    assert next(answers, None) is None
    assert not any(map(is_alive, processes))


def test_stop_kills_the_deaf_when_out_of_patience(start: Spawn, tmp_path: Path) -> None:
    process = start(DEAF)
    wait_for(lambda: "deaf" in (tmp_path / "0.log").read_text())
    stop([process], finished=lambda: False, stop_s_max=0.1)
    assert not is_alive(process)


def test_stop_waits_for_a_clean_end(start: Spawn, tmp_path: Path) -> None:
    process = start(POLITE)
    log = tmp_path / "0.log"
    wait_for(lambda: "up" in log.read_text())
    stop([process], finished=lambda: False, stop_s_max=60.0)
    assert log.read_text().split() == ["up", "clean"]


def test_stop_reaps_our_children(start: Spawn) -> None:
    process = start()
    stop([process], finished=lambda: True)
    assert not Path(f"/proc/{process.pid}").exists()


def test_boot_id_is_one_word() -> None:
    assert len(boot_id()) == 36
    assert boot_id() == boot_id()
