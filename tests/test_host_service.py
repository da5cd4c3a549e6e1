"""The example of a host service beside a sidecar that the tests play: it acts only while it may."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import pytest

EXAMPLE = Path(__file__).parent.parent / "deploy/examples/host_service.py"
DEVICE, ADDRESS = "00:1a:2c:00:00:01", "127.0.0.1"
ANSWER_S = 30.0
LONG_S = 600.0
NO_RIGHT = {"may_act": False, "lease_until_s": 0.0}


def right(lasts_s: float = LONG_S) -> dict[str, Any]:
    """The right to act, for so long from now."""
    return {"may_act": True, "lease_until_s": time.clock_gettime(time.CLOCK_BOOTTIME) + lasts_s}


class Played:
    """A sidecar by hand: `hear` a question, `say` its answer."""

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.settimeout(ANSWER_S)
        self._listener.bind(str(path))
        self._listener.listen()
        command = [sys.executable, str(EXAMPLE), str(path), DEVICE, ADDRESS]
        self.host = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._session = ExitStack()
        self._connection: socket.socket
        self._lines: IO[bytes]

    def open(self) -> None:
        """Take the host's next session, after the end of a former one."""
        self.close()
        self._connection = self._session.enter_context(self._listener.accept()[0])
        self._connection.settimeout(ANSWER_S)
        self._lines = self._session.enter_context(self._connection.makefile("rb"))

    def hear(self, operation: str) -> dict[str, Any]:
        """The host's next question, which must be this."""
        question: dict[str, Any] = json.loads(self._lines.readline())
        assert question["op"] == operation
        return question

    def say(self, number: int, **fields: Any) -> None:
        """The answer to the question of this number."""
        self._connection.sendall(json.dumps({"id": number, **fields}).encode() + b"\n")

    def give(self, **fields: Any) -> int:
        """Answer the next question for the right; its number."""
        number: int = self.hear("authority")["id"]
        self.say(number, **fields)
        return number

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def end(self) -> None:
        """End the host, and everything."""
        self.close()
        self._listener.close()
        self.host.kill()
        self.host.communicate()

    def printed(self) -> str:
        """The host's next effect."""
        assert self.host.stdout is not None
        return self.host.stdout.readline()

    def complained(self) -> str:
        """The host's next complaint."""
        assert self.host.stderr is not None
        return self.host.stderr.readline()


@pytest.fixture
def sidecar(tmp_path: Path) -> Iterator[Played]:
    """A sidecar to which the host has come."""
    played = Played(tmp_path / "dhcp-1.sock")
    try:
        played.open()
        yield played
    finally:
        played.end()


@pytest.fixture
def attached(sidecar: Played) -> Played:
    """A sidecar whose host is attached, and has no right yet."""
    sidecar.say(sidecar.hear("host.attach")["id"], attached=True, **NO_RIGHT)
    return sidecar


def test_it_has_a_name_made_and_gives_it_away(attached: Played) -> None:
    attached.give(**right())
    asked = attached.hear("fileid.create")
    assert (asked["device"], asked["address"]) == (DEVICE, ADDRESS)
    attached.say(asked["id"], file="one.residential", next_server="127.0.0.11")
    assert attached.printed() == "one.residential 127.0.0.11\n"


def test_it_asks_again_while_it_has_no_right_or_a_right_that_is_over(attached: Played) -> None:
    attached.give(**right() | {"may_act": False})
    attached.give(**right(-1.0))
    attached.give(**right())
    attached.say(attached.hear("fileid.create")["id"], error="try_again", detail="no CFM yet")
    attached.give(**NO_RIGHT)
    attached.give(**NO_RIGHT)


def test_a_right_that_ends_before_the_effect_prevents_it(attached: Played) -> None:
    number = attached.give(**right())
    asked = attached.hear("fileid.create")["id"]
    attached.say(number, **NO_RIGHT)
    attached.say(asked, file="late.residential", next_server="127.0.0.11")
    attached.give(**right())
    attached.say(attached.hear("fileid.create")["id"], file="next.residential", next_server="127.0.0.11")
    assert attached.printed() == "next.residential 127.0.0.11\n"


def test_what_came_from_a_session_that_is_closed_is_thrown_away(attached: Played) -> None:
    attached.give(**right())
    asked = attached.hear("fileid.create")["id"]
    attached.host.send_signal(signal.SIGSTOP)
    os.waitpid(attached.host.pid, os.WUNTRACED)
    attached.say(asked, file="late.residential", next_server="127.0.0.11")
    attached.close()
    attached.host.send_signal(signal.SIGCONT)
    attached.open()
    attached.say(attached.hear("host.attach")["id"], attached=True, **right())
    attached.give(**right())
    attached.say(attached.hear("fileid.create")["id"], file="next.residential", next_server="127.0.0.11")
    assert attached.printed() == "next.residential 127.0.0.11\n"


def test_it_says_that_it_has_stopped(attached: Played) -> None:
    attached.give(**right())
    attached.say(attached.hear("fileid.create")["id"], file="one.residential", next_server="127.0.0.11")
    attached.give(**NO_RIGHT)
    attached.say(attached.hear("host.yielded")["id"], yielded=True)
    attached.give(**NO_RIGHT)
    attached.give(**NO_RIGHT)


def test_one_that_is_refused_comes_again(sidecar: Played) -> None:
    detail = "another host service is attached"
    sidecar.say(sidecar.hear("host.attach")["id"], error="refused", detail=detail)
    assert sidecar.complained() == f"no sidecar: not attached: {detail}\n"
    sidecar.open()
    sidecar.hear("host.attach")
