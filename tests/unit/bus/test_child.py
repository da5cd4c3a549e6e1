"""A child and its parent: real processes, real signals."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CHILD = """
import os, signal, sys, time
from bus.runtime import child

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def work():
{work}

number = child.fork()
if number == 0:
    sys.exit(work())
code = child.wait(number, lambda one: (say("asked", one), os.kill(number, one)))
say("ended", code, os.path.exists(f"/proc/{{number}}"))
"""
WAITS = """    say("child", os.getpid(), os.getpgid(0) == os.getpid(), os.environ.get("WATCHDOG_PID", "-"))
    while True:
        time.sleep(60)
"""
DRAINS = """    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    say("child", os.getpid())
    signal.sigwait({signal.SIGTERM})
    say("draining")
    return 3
"""
ORPHAN = """    ends, starts = os.pipe()
    middle = os.fork()
    if middle == 0:
        orphan = os.fork()
        if orphan:
            os.write(starts, str(orphan).encode())
        os._exit(0)
    os.waitpid(middle, 0)
    orphan = os.read(ends, 16).decode()
    for _ in range(1000):
        if not os.path.exists(f"/proc/{orphan}"):
            say("nobody is left")
            return 0
        time.sleep(0.01)
"""

NOBODY = ("--user", "--map-root-user")  # what a process needs to have a namespace without being root


class Family:
    """A parent and its child, as a process of these tests."""

    def __init__(self, work: str, *wrapper: str, **environment: str) -> None:
        self._popen = subprocess.Popen(
            [*wrapper, sys.executable, "-c", CHILD.format(work=work)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        self.pid = self._popen.pid

    def line(self) -> list[str]:
        assert self._popen.stdout is not None
        return self._popen.stdout.readline().decode().split()

    def send(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def wait(self) -> int:
        return self._popen.wait()

    def end(self) -> None:
        self._popen.kill()
        self._popen.wait()
        assert self._popen.stdout is not None
        self._popen.stdout.close()


@pytest.fixture
def made() -> Iterator[list[Family]]:
    families: list[Family] = []
    yield families
    for one in families:
        one.end()


def family(made: list[Family], work: str, *wrapper: str, **environment: str) -> Family:
    made.append(Family(work, *wrapper, **environment))
    return made[-1]


def has_ended(pid: int) -> bool:
    """Wait until this process has ended, by a handle of its own."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 60)[0])
    finally:
        os.close(handle)


def test_a_killed_child_was_waited_for_when_its_parent_hears_of_it(made: list[Family]) -> None:
    one = family(made, WAITS)
    os.kill(int(one.line()[1]), signal.SIGKILL)
    assert one.line() == ["ended", "-9", "False"]
    assert one.wait() == 0


def test_a_signal_is_handed_on_once_and_the_child_ends_in_its_own_time(made: list[Family]) -> None:
    one = family(made, DRAINS)
    one.line()
    one.send(signal.SIGTERM)
    assert [one.line(), one.line(), one.line()] == [["asked", "15"], ["draining"], ["ended", "3", "False"]]


def test_the_child_dies_with_its_parent(made: list[Family]) -> None:
    one = family(made, WAITS)
    child = int(one.line()[1])
    one.send(signal.SIGKILL)
    assert one.wait() == -signal.SIGKILL
    assert has_ended(child)


def test_the_child_has_a_group_of_its_own_and_feeds_the_watchdog_of_its_parent(made: list[Family]) -> None:
    shell = ("sh", "-c", 'WATCHDOG_PID=$$ exec "$@"', "sh")
    one = family(made, WAITS, *shell)
    _, child, has_group, watchdog = one.line()
    assert (has_group, watchdog) == ("True", child)


def test_a_watchdog_of_somebody_else_stays_his(made: list[Family]) -> None:
    assert family(made, WAITS, WATCHDOG_PID="1").line()[3] == "1"


def test_as_process_1_it_waits_for_orphans_too(made: list[Family]) -> None:
    rights = () if os.geteuid() == 0 else NOBODY
    one = family(made, ORPHAN, "unshare", *rights, "--pid", "--fork", "--mount-proc")
    assert [one.line(), one.line()] == [["nobody", "is", "left"], ["ended", "0", "False"]]
