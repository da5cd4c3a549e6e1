"""One command over Kea's control socket, and what is said when Kea is not there."""

import os
import resource
import socket
from pathlib import Path

import pytest

from bus.errors import RemoteError, UnavailableError
from services.dhcp.kea.daemon.control import PendingCommand, away, command
from tests.unit.dhcp.conftest import FakeKea


def test_an_answer_comes_whole(kea: FakeKea) -> None:
    kea.replies = {"version-get": {"result": 0, "text": "2.2.0", "arguments": {"extended": "x" * 1_000_000}}}
    kea.listen()
    answer = command(kea.socket, "version-get")
    assert (answer["text"], len(answer["arguments"]["extended"])) == ("2.2.0", 1_000_000)
    assert kea.asked == [{"command": "version-get"}]


def test_nothing_found_is_an_answer(kea: FakeKea) -> None:
    kea.listen()
    assert command(kea.socket, "lease4-get-page", {"from": "start", "limit": 3})["result"] == 3
    assert kea.asked[0]["arguments"] == {"from": "start", "limit": 3}


def test_the_answer_of_an_agent_is_a_list_of_one(kea: FakeKea) -> None:
    kea.replies = {"version-get": [{"result": 0, "text": "2.2.0"}]}
    kea.listen()
    assert command(kea.socket, "version-get")["text"] == "2.2.0"


def test_a_refusal_is_the_peers_fault(kea: FakeKea) -> None:
    kea.replies = {"nope": {"result": 2, "text": "'nope' command not supported."}}
    kea.listen()
    with pytest.raises(RemoteError, match="Kea refuses nope: 'nope' command not supported"):
        command(kea.socket, "nope")


@pytest.mark.parametrize("reply", [b"hello", b"[]", b"7", b"{}", b'{"\xff": 1}'])
def test_somebody_else_is_the_peers_fault(kea: FakeKea, reply: bytes) -> None:
    kea.replies = {"version-get": reply}
    kea.listen()
    with pytest.raises(RemoteError, match="is not Kea"):
        command(kea.socket, "version-get")


@pytest.mark.parametrize("reply", [b"", b" ", b"{", b'[{"result": 0, "arguments": {}'])
def test_one_that_dies_while_it_answers_has_not_answered(kea: FakeKea, reply: bytes) -> None:
    kea.replies = {"version-get": reply}
    kea.listen()
    with pytest.raises(UnavailableError, match="hung up before it had answered version-get"):
        command(kea.socket, "version-get")


def test_nobody_there_says_who_must_act(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"nobody\.sock .*start kea-dhcp4"):
        command(tmp_path / "nobody.sock", "version-get")


def test_that_we_have_no_descriptor_says_nothing_of_kea(kea: FakeKea) -> None:
    kea.listen()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    following = os.dup(0)
    os.close(following)
    resource.setrlimit(resource.RLIMIT_NOFILE, (following, limits[1]))
    try:
        with pytest.raises(UnavailableError, match="cannot be asked version-get: Too many open files"):
            PendingCommand(kea.socket, "version-get")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_kea_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "kea.sock"))
        listener.listen()
        with pytest.raises(UnavailableError, match=r"did not answer version-get .* busy"):
            command(tmp_path / "kea.sock", "version-get", wait_s=0.05)


def test_a_socket_that_is_not_ours_to_speak_to_is_no_dead_kea() -> None:
    said = str(away(Path("kea.sock"), PermissionError(13, "Permission denied")))
    assert said.startswith("no right to speak to Kea at kea.sock (Permission denied): join the group")
    assert "start kea-dhcp4" not in said
