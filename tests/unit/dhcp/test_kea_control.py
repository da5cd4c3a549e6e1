"""One command over Kea's control socket, and what is said when Kea is not there."""

import socket
from pathlib import Path

import pytest

from bus.errors import RemoteError, UnavailableError
from services.dhcp.kea.control import command
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


@pytest.mark.parametrize("reply", [b"", b"hello", b"{", b"[]", b"7", b"{}"])
def test_somebody_else_is_the_peers_fault(kea: FakeKea, reply: bytes) -> None:
    kea.replies = {"version-get": reply}
    kea.listen()
    with pytest.raises(RemoteError, match="is not Kea"):
        command(kea.socket, "version-get")


def test_nobody_there_says_who_must_act(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"nobody\.sock .*start kea-dhcp4"):
        command(tmp_path / "nobody.sock", "version-get")


def test_a_kea_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "kea.sock"))
        listener.listen()
        with pytest.raises(UnavailableError, match="timed out"):
            command(tmp_path / "kea.sock", "version-get", wait_s=0.05)
