"""The two local sockets of an instance: which operation is for whom, with real users where we are root."""

import json
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bus.config.paths import admin_socket_of
from bus.envelope import Stamp
from bus.messages import LocalDoor, LocalRequest
from bus.runtime.local_socket import LocalServer
from bus.transport.peer import LocalPeer, may_enter
from bus.transport.poller import Poller
from heartbeat.liveness.beat import Beat
from services.instance.frame import Frame
from services.instance.local_api import answer
from services.instance.operations import OPERATIONS
from services.instance.switching import unswitched
from tests.trusting import ANYBODY
from tests.unit.bus.well import Well

Operations = dict[str, Callable[[LocalRequest, float], Sequence[Any]]]

OWN_USER, OWN_GROUP, HOST_USER, HOST_GROUP = 61_201, 61_202, 61_203, 61_204
WAIT_S = 20.0


class Ids(NamedTuple):
    """What a process may be."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


PEERS = {
    "root": Ids(0, 0),
    "own user": Ids(OWN_USER, HOST_GROUP),
    "primary group": Ids(HOST_USER, OWN_GROUP),
    "supplementary group": Ids(HOST_USER, HOST_GROUP, (7, OWN_GROUP)),
    "stranger": Ids(HOST_USER, HOST_GROUP, (7, 8)),
}
ENTER = {
    "root": {LocalDoor.HOST, LocalDoor.ADMIN},
    "own user": {LocalDoor.HOST, LocalDoor.ADMIN},
    "primary group": {LocalDoor.HOST},
    "supplementary group": {LocalDoor.HOST},
    "stranger": set(),
}
HOSTS = {
    "fileid.create",
    "fileid.lookup",
    "fileid.done",
    "host.attach",
    "host.yielded",
    "host.reloads",
    "authority",
    "status",
}


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("door", LocalDoor)
def test_who_may_enter(peer: str, door: LocalDoor) -> None:
    uid, gid, groups = PEERS[peer]
    asked = LocalPeer(1, uid, frozenset((gid, *groups)))
    assert may_enter(asked, door, OWN_USER, OWN_GROUP) == (door in ENTER[peer])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_host_asks_for_files_and_its_role_and_an_operator_for_everything(operation: str) -> None:
    frame = echoing()
    body = {"op": operation, "id": 3}
    (told,) = frame.requested(LocalRequest(1, body, door=LocalDoor.ADMIN), 0.0)
    assert told.body == {"id": 3, "done": True}
    (told,) = frame.requested(LocalRequest(1, body, door=LocalDoor.HOST), 0.0)
    if operation in HOSTS:
        assert (told.body, frame.misplaced) == ({"id": 3, "done": True}, 0)
    else:
        detail = f"{operation} is for operators: ask at the admin socket"
        assert (told.body, frame.misplaced) == ({"id": 3, "error": "refused", "detail": detail}, 1)
    counted = [one.value for one in frame.samples() if one.name == "provbus_local_misplaced_total"]
    assert counted == [frame.misplaced]


def test_a_host_is_told_of_its_own_operations_only() -> None:
    (told,) = echoing().requested(LocalRequest(1, {"op": "nothing"}, door=LocalDoor.HOST), 0.0)
    known = told.body["detail"].partition("; there are ")[2]
    assert known == "status, fileid.lookup, fileid.done"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("are_open", [False, True], ids=["by mode", "by credentials alone"])
@pytest.mark.parametrize("peer", PEERS)
def test_each_operation_as_each_peer(peer: str, are_open: bool) -> None:
    """Where the modes of the sockets would let everybody in, the kernel's word on the client decides."""
    with serving(are_open) as path:
        told = run_as(PEERS[peer], path)
    for door in LocalDoor:
        expected = {
            operation: "done" if door in OPERATIONS[operation].doors else "refused"
            for operation in OPERATIONS
        }
        assert told[door] == (expected if door in ENTER[peer] else {}), door


def echoing() -> Frame[Any]:
    """A frame that does whatever it is asked."""
    stamp = Stamp("cfm-1", "lab", 7)
    operations: Operations = {name: lambda request, now: [answer(request, done=True)] for name in OPERATIONS}
    switching = unswitched(stamp)
    switching.operations = operations
    frame: Frame[Any] = Frame(stamp, "cfm", trust=ANYBODY, counts=(), keeps={}, switching=switching)
    frame.serve(
        {},
        operations,
        moves=(),
        beat=lambda now: Beat(service="cfm"),
        status=Well(),
    )
    return frame


@contextmanager
def serving(are_open: bool) -> Iterator[Path]:
    """An instance of a user and a group of its own; the host's socket."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "cfm-1.sock")
        os.chown(directory, OWN_USER, OWN_GROUP)
        Path(directory).chmod(0o755)
        is_ready, ready = os.pipe()
        child = os.fork()
        if child == 0:
            become(Ids(OWN_USER, OWN_GROUP))
            serve(path, are_open, ready)
        os.close(ready)
        assert os.read(is_ready, 1) == b"."
        os.close(is_ready)
        try:
            yield path
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def serve(path: Path, are_open: bool, ready: int) -> None:
    """Answer at both sockets until killed."""
    poller = Poller()
    server, frame = LocalServer(poller, path, os.getegid()), echoing()
    if are_open:
        for one in (path, admin_socket_of(path)):
            one.chmod(0o666)
    os.write(ready, b".")
    while True:
        for request in poller.poll(WAIT_S):
            if isinstance(request, LocalRequest):
                for reply in frame.requested(request, 0.0):
                    server.reply(reply)


def run_as(ids: Ids, path: Path) -> dict[str, dict[str, str]]:
    """What becomes of each operation at each door, for a client of these users and groups."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        become(ids)
        found = {LocalDoor.HOST: asked(path), LocalDoor.ADMIN: asked(admin_socket_of(path))}
        os.write(tell, json.dumps(found).encode())
        os._exit(0)
    os.close(tell)
    with os.fdopen(told, "rb") as stream:
        found = json.loads(stream.read())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return dict(found)


def asked(path: Path) -> dict[str, str]:
    """Ask for every operation; empty where nobody is let in."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(WAIT_S)
        try:
            client.connect(str(path))
            client.sendall(
                b"".join(json.dumps({"op": one, "id": one}).encode() + b"\n" for one in OPERATIONS)
            )
            client.shutdown(socket.SHUT_WR)
            lines = client.makefile("rb").read().splitlines()
        except (PermissionError, ConnectionResetError, BrokenPipeError):
            return {}
    answers = map(json.loads, lines)
    return {one["id"]: one.get("error", "done") for one in answers}


def become(ids: Ids) -> None:
    """Be this from now on."""
    os.setgroups(ids.groups)
    os.setgid(ids.gid)
    os.setuid(ids.uid)
