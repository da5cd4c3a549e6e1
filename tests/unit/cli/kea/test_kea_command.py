"""`provbus kea` and `provbus doctor kea`: beside a stand-in for Kea, and for the running instance."""

import copy
import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.answering import answering
from tests.unit.dhcp.conftest import FakeKea
from tests.unit.dhcp.test_kea_doctor import GOOD

Provbus = Callable[..., subprocess.CompletedProcess[str]]
Config = dict[str, Any]

LAB = Path(__file__).parents[4] / "deploy" / "settings" / "lab.yaml"
NAMED = {"kind": "cm", "name": "modem-{device}.cm", "cfms": ["cfm-1", "cfm-2"]}
SERVERS = ("--server", "cfm-1=192.0.2.11", "--server", "cfm-2=192.0.2.12")
RESERVED = ["00:1a:2c:00:00:01", "00:1a:2c:00:00:02"]
IN_FORCE = {
    "id": None,
    "generation": 4,
    "digest": "d",
    "classes": {"gold": {"kind": "cm", "body": []}},
    "lookup": [{"mac": "00:1a:2c:00:00:09", "class": "gold"}],
    "peers": {
        "cfm-1": {"endpoints": {"tftp": "192.0.2.21"}},
        "cfm-2": {"endpoints": {"tftp": "192.0.2.22"}},
        "dhcp-2": {"endpoints": {}},
    },
}


@pytest.fixture
def kea(tmp_path: Path) -> Iterator[FakeKea]:
    fake = FakeKea(tmp_path)
    yield fake
    fake.close()


Configure = Callable[..., Path]


@pytest.fixture
def configure(configs: dict[str, Config], tmp_path: Path) -> Configure:
    """Writes dhcp-1's configuration with these files of Kea's."""

    def write(*files: dict[str, Any]) -> Path:
        if files:
            configs["dhcp-1"]["minter"]["kea"] = {
                "journal": "leases4.csv",
                "control_socket": "kea.sock",
                "files": [*files],
            }
        path = tmp_path / "dhcp-1.yaml"
        path.write_text(yaml.safe_dump(configs["dhcp-1"]))
        return path

    return write


def test_reservations_of_a_file_are_what_kea_takes(configure: Configure, provbus: Provbus) -> None:
    path = configure(NAMED)
    result = provbus("kea", "reservations", "--config", path, "--catalogue", LAB, *SERVERS, "-o", "json")
    assert (result.returncode, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert document.keys() == {"reservations-global", "reservations"}
    assert document["reservations-global"] is True
    found = document["reservations"]
    assert [one["hw-address"] for one in found] == RESERVED
    assert [one["boot-file-name"] for one in found] == [
        "modem-001a2c000001.cm",
        "modem-001a2c000002.cm",
    ]
    assert {one["next-server"] for one in found} <= {"192.0.2.11", "192.0.2.12"}


def test_people_get_a_table(configure: Configure, provbus: Provbus) -> None:
    result = provbus("kea", "reservations", "--config", configure(NAMED), "--catalogue", LAB, *SERVERS)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["device", "file", "next_server"]
    assert [line[0] for line in lines[1:]] == ["001a.2c00.0001", "001a.2c00.0002"]


def test_the_running_instance_knows_rules_and_servers(
    configure: Configure, provbus: Provbus, tmp_path: Path
) -> None:
    path = configure(NAMED)
    with answering(tmp_path / "dhcp-1.sock", IN_FORCE) as asked:
        result = provbus("kea", "reservations", "--config", path, "-o", "yaml")
    (found,) = yaml.safe_load(result.stdout)["reservations"]
    assert (found["hw-address"], found["boot-file-name"]) == ("00:1a:2c:00:00:09", "modem-001a2c000009.cm")
    assert found["next-server"] in ("192.0.2.21", "192.0.2.22")
    assert asked == [{"op": "settings"}, {"op": "status"}]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--catalogue", LAB, "--server", "cfm-1=192.0.2.11"), 69, "start dhcp-1"),
        ((), 69, "start dhcp-1"),
        (("--server", "cfm-1"), 2, "cfm-1 is not CFM=ADDRESS"),
        (("--server", "cfm-1=here"), 2, "cfm-1=here is not CFM=ADDRESS"),
        (("--server", "=192.0.2.1"), 2, "=192.0.2.1 is not CFM=ADDRESS"),
        (("--catalogue", "away.yaml"), 78, "cannot read away.yaml"),
    ],
)
def test_what_is_missing_says_who_must_act(
    configure: Configure, provbus: Provbus, words: tuple[str, ...], code: int, said: str
) -> None:
    result = provbus("kea", "reservations", "--config", configure(NAMED), *words)
    assert (result.returncode, result.stdout) == (code, "")
    assert said in result.stderr


def test_one_name_for_all_needs_no_reservations(configure: Configure, provbus: Provbus) -> None:
    path = configure({**NAMED, "name": "modem.cm"})
    result = provbus("kea", "reservations", "--config", path, "--catalogue", LAB, *SERVERS)
    assert result.returncode == 78
    assert "no name in minter.kea.files has {device}" in result.stderr


@pytest.mark.parametrize("words", [("kea", "reservations"), ("doctor", "kea")])
def test_an_instance_without_kea_is_78(
    configure: Configure, provbus: Provbus, words: tuple[str, ...]
) -> None:
    result = provbus(*words, "--config", configure())
    assert result.returncode == 78
    assert "dhcp-1 follows no Kea: its configuration has no 'minter.kea'" in result.stderr


def examined(kea: FakeKea, **changes: Any) -> None:
    """Let Kea answer with a good configuration, but for these."""
    config = {**copy.deepcopy(GOOD), **changes}
    config["lease-database"]["name"] = str(kea.journal)
    kea.replies = {
        "version-get": {"result": 0, "text": "2.2.0"},
        "config-get": {"result": 0, "arguments": {"Dhcp4": config}},
    }
    kea.listen()


MODEM = {"kind": "cm", "name": "modem.cm", "cfms": ["cfm-1"]}


def test_a_good_kea_is_ok(configure: Configure, provbus: Provbus, kea: FakeKea) -> None:
    examined(kea)
    result = provbus("doctor", "kea", "--config", configure(MODEM), "--server", "cfm-1=192.0.2.11")
    assert (result.returncode, result.stdout, result.stderr) == (0, "ok\n", "")
    assert [one["command"] for one in kea.asked] == ["version-get", "config-get", "lease4-get-page"]


def test_every_finding_is_a_line_and_a_partner_is_none(
    configure: Configure, provbus: Provbus, kea: FakeKea
) -> None:
    hooks = [{"library": "/hooks/libdhcp_lease_cmds.so"}, {"library": "/hooks/libdhcp_ha.so"}]
    examined(kea, **{"store-extended-info": False, "hooks-libraries": hooks})
    result = provbus("doctor", "kea", "--config", configure(MODEM), "--server", "cfm-1=192.0.2.12")
    assert result.returncode == 1
    assert result.stdout.splitlines() == [
        "note: Kea: it has a partner (libdhcp_ha): each of the two needs a sidecar of its own",
        'Dhcp4: option 82 is not kept, so no modem is known: write "store-extended-info": true',
        "client class docsis: next-server 192.0.2.11 gets no rows of modem.cm: write 192.0.2.12 (cfm-1)",
    ]


def test_the_running_instance_says_where_the_cfms_are(
    configure: Configure, provbus: Provbus, kea: FakeKea, tmp_path: Path
) -> None:
    examined(kea)
    path = configure(MODEM)
    with answering(tmp_path / "dhcp-1.sock", IN_FORCE):
        result = provbus("doctor", "kea", "--config", path)
    assert result.returncode == 1
    assert "write 192.0.2.21 (cfm-1)" in result.stdout


@pytest.mark.parametrize(("name", "what"), [("version-get", "text"), ("config-get", "arguments.Dhcp4")])
def test_what_answers_like_a_kea_and_is_none_is_77(
    configure: Configure, provbus: Provbus, kea: FakeKea, name: str, what: str
) -> None:
    examined(kea)
    kea.replies[name] = {"result": 0}
    result = provbus("doctor", "kea", "--config", configure(MODEM), "--server", "cfm-1=192.0.2.11")
    assert (result.returncode, result.stdout) == (77, "")
    assert result.stderr == f"provbus: Kea's answer to {name} has no {what}\n"


def test_a_kea_that_is_not_there_is_69(configure: Configure, provbus: Provbus) -> None:
    result = provbus("doctor", "kea", "--config", configure(MODEM))
    assert (result.returncode, result.stdout) == (69, "")
    assert "kea.sock" in result.stderr
    assert "start kea-dhcp4" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.fixture
def calm(kea: FakeKea) -> FakeKea:
    """A Kea that has read its configuration long ago, and does so again."""
    kea.begin()
    kea.replies = {
        "status-get": {"result": 0, "arguments": {"reload": 4000}},
        "config-reload": {"result": 0, "text": "Configuration successful."},
    }
    kea.listen()
    return kea


def commands(kea: FakeKea) -> list[str]:
    return [one["command"] for one in kea.asked]


def test_apply_writes_the_reservations_and_has_kea_reload(
    configure: Configure, provbus: Provbus, calm: FakeKea, tmp_path: Path
) -> None:
    path, into = configure(NAMED), tmp_path / "reservations.json"
    words = ("kea", "apply", "--config", path, "--into", into, "--catalogue", LAB, *SERVERS)
    result = provbus(*words)
    assert (result.returncode, result.stdout.split("; ")[0]) == (0, f"2 reservations are in {into}")
    assert "note: dhcp-1 was not told" in result.stderr
    assert [one["hw-address"] for one in json.loads(into.read_text())] == RESERVED
    assert into.stat().st_mode & 0o777 == 0o644
    assert commands(calm)[-1] == "config-reload"
    calm.asked.clear()
    result = provbus(*words)
    assert (result.returncode, "nothing to do" in result.stdout) == (0, True)
    assert commands(calm) == ["lease4-get-page"]
    into.write_text("[]")  # somebody edited it
    assert provbus(*words).returncode == 0
    assert commands(calm)[-1] == "config-reload"


def test_apply_tells_the_sidecar_before_and_after(
    configure: Configure, provbus: Provbus, calm: FakeKea, tmp_path: Path
) -> None:
    path, into = configure(NAMED), tmp_path / "reservations.json"
    with answering(tmp_path / "dhcp-1.sock", {"id": None, "seconds": 10}) as asked:
        result = provbus("kea", "apply", "--config", path, "--into", into, "--catalogue", LAB, *SERVERS)
    assert (result.returncode, "was not told" in result.stderr) == (0, False)
    assert asked == [{"op": "host.reloads", "seconds": 10.0}, {"op": "host.reloads", "seconds": 0}]


@pytest.mark.parametrize("obstacle", ["interval", "clean-up"])
def test_apply_waits_and_then_says_what_for(
    configure: Configure, provbus: Provbus, calm: FakeKea, tmp_path: Path, obstacle: str
) -> None:
    path, into = configure(NAMED), tmp_path / "reservations.json"
    if obstacle == "interval":
        calm.replies["status-get"]["arguments"]["reload"] = 7
    else:
        calm.rotate()
    result = provbus(
        *("kea", "apply", "--config", path, "--into", into, "--catalogue", LAB, *SERVERS, "--wait", "0")
    )
    assert (result.returncode, "config-reload" in commands(calm)) == (75, False)
    said = "read its configuration 7 s ago" if obstacle == "interval" else "cleans its journal up"
    assert said in result.stderr


@pytest.mark.parametrize("is_mute", [False, True])
def test_a_reload_that_kea_refuses_says_what_kea_does_now(
    configure: Configure, provbus: Provbus, calm: FakeKea, tmp_path: Path, is_mute: bool
) -> None:
    path, into = configure(NAMED), tmp_path / "reservations.json"
    calm.replies["config-reload"] = {"result": 1, "text": "line 3: syntax error"}
    if is_mute:
        calm.replies["lease4-get-page"] = {"result": 1, "text": "no current lease manager is available"}
    words = ("kea", "apply", "--config", path, "--into", into, "--catalogue", LAB, *SERVERS)
    result = provbus(*words)
    assert result.returncode == 77
    assert "line 3: syntax error" in result.stderr
    assert ("answers no modem" if is_mute else "goes on with what it had") in result.stderr
    calm.asked.clear()
    calm.replies["config-reload"] = {"result": 0}
    assert provbus(*words).returncode == 0
    assert commands(calm)[-1] == "config-reload"


def test_apply_needs_a_place_to_write(
    configure: Configure, provbus: Provbus, calm: FakeKea, tmp_path: Path
) -> None:
    into = tmp_path / "nowhere" / "reservations.json"
    words = ("--config", configure(NAMED), "--into", into, "--catalogue", LAB)
    result = provbus("kea", "apply", *words, *SERVERS)
    assert result.returncode == 78
    assert f"--into: cannot write in {into.parent}: No such file or directory" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--relay", "192.0.2.1"), 2, "go with --ask"),
        (("--at", "192.0.2.1"), 2, "go with --ask"),
        (("--remote-id", "none"), 2, "go with --ask"),
        (("--ask", "00:1a:2c"), 2, "00:1a:2c is not a hardware address of 6 bytes"),
        (("--ask", "modem"), 2, "modem is not a hardware address"),
        (("--ask", RESERVED[0], "--relay", "cmts"), 2, "cmts is not ADDRESS"),
        (("--ask", RESERVED[0], "--remote-id", "cmts"), 2, "cmts is neither hex digits nor none"),
        (("--ask", RESERVED[0], "--at", "127.0.0.1:no"), 2, "127.0.0.1:no is not ADDRESS[:PORT]"),
        (("--ask", RESERVED[0]), 78, "nobody knows where this Kea hears: say it with --at"),
        (("--ask", RESERVED[0], "--at", "127.0.0.1"), 78, "no subnet of this Kea is for 127.0.0.1"),
    ],
)
def test_a_question_that_cannot_be_asked_says_why(
    configure: Configure, provbus: Provbus, kea: FakeKea, words: tuple[str, ...], code: int, said: str
) -> None:
    examined(kea, subnet4=[{"id": 1, "subnet": "10.0.0.0/8"}], **{"shared-networks": []})
    result = provbus("doctor", "kea", "--config", configure(MODEM), *words)
    assert (result.returncode, result.stdout) == (code, "")
    assert said in result.stderr


def test_a_kea_without_its_leases_is_named_and_not_asked(
    configure: Configure, provbus: Provbus, kea: FakeKea
) -> None:
    examined(kea)
    kea.replies["lease4-get-page"] = {"result": 1, "text": "no current lease manager is available"}
    for words in ((), ("--ask", RESERVED[0])):
        result = provbus(
            "doctor", "kea", "--config", configure(MODEM), "--server", "cfm-1=192.0.2.11", *words
        )
        assert (result.returncode, result.stderr) == (1, "")
        assert result.stdout.startswith("Kea: it answers no DHCP, because a reload failed")


def test_a_journal_that_cannot_be_read_is_named(configure: Configure, provbus: Provbus, kea: FakeKea) -> None:
    examined(kea)
    kea.journal.mkdir()
    result = provbus("doctor", "kea", "--config", configure(MODEM), "--server", "cfm-1=192.0.2.11")
    assert result.returncode == 1
    assert result.stdout.startswith(f"{kea.journal}: it cannot be read (Is a directory)")


def test_a_kea_that_says_nothing_is_69_and_a_reason(
    configure: Configure, provbus: Provbus, kea: FakeKea
) -> None:
    examined(kea, subnet4=[{"id": 1, "subnet": "127.0.0.0/8"}])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{silent.getsockname()[1]}"
        words = ("--ask", RESERVED[0], "--at", at, "--listen", "127.0.0.1:0")
        result = provbus("doctor", "kea", "--config", configure(MODEM), *words)
    assert (result.returncode, result.stdout) == (69, "")
    assert f"nothing answers from {at}: Kea's dhcp-socket-type is raw" in result.stderr


def test_a_kea_that_answers_no_modem_is_made_to_reload_although_nothing_is_new(
    configure: Configure, provbus: Provbus, calm: FakeKea, tmp_path: Path
) -> None:
    words = ("kea", "apply", "--config", configure(NAMED), "--into", tmp_path / "r.json", "--catalogue", LAB)
    assert provbus(*words, *SERVERS).returncode == 0
    calm.asked.clear()
    calm.replies["lease4-get-page"] = {"result": 1, "text": "no current lease manager is available"}
    assert provbus(*words, *SERVERS).returncode == 0
    assert "config-reload" in commands(calm)


def test_apply_waits_for_a_kea_that_is_too_busy_to_answer(
    configure: Configure, provbus: Provbus, calm: FakeKea, tmp_path: Path
) -> None:
    calm.hangs = {"status-get"}
    words = ("kea", "apply", "--config", configure(NAMED), "--into", tmp_path / "r.json", "--catalogue", LAB)
    result = provbus(*words, *SERVERS, "--wait", "0")
    assert (result.returncode, "config-reload" in commands(calm)) == (75, False)
    assert "did not answer status-get within 5 s: it is busy" in result.stderr


def test_a_reload_that_has_no_answer_yet_stays_excused(
    configure: Configure, provbus: Provbus, calm: FakeKea, tmp_path: Path
) -> None:
    calm.replies["config-reload"] = b""  # it hangs up
    with answering(tmp_path / "dhcp-1.sock", {"id": None, "seconds": 10}) as asked:
        words = ("--config", configure(NAMED), "--into", tmp_path / "r.json", "--catalogue", LAB)
        result = provbus("kea", "apply", *words, *SERVERS)
    assert result.returncode == 69
    assert asked == [{"op": "host.reloads", "seconds": 10.0}]
