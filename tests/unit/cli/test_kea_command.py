"""`provbus kea` and `provbus doctor kea`: beside a stand-in for Kea, and for the running instance."""

import copy
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cli.answering import answering
from tests.unit.dhcp.conftest import FakeKea
from tests.unit.dhcp.test_kea_doctor import GOOD

Provbus = Callable[..., subprocess.CompletedProcess[str]]
Config = dict[str, Any]

LAB = Path(__file__).parent.parent.parent.parent / "deploy" / "settings" / "lab.yaml"
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
    found = json.loads(result.stdout)
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
    assert [line[0] for line in lines[1:]] == RESERVED


def test_the_running_instance_knows_rules_and_servers(
    configure: Configure, provbus: Provbus, tmp_path: Path
) -> None:
    path = configure(NAMED)
    with answering(tmp_path / "dhcp-1.sock", IN_FORCE) as asked:
        result = provbus("kea", "reservations", "--config", path, "-o", "yaml")
    (found,) = yaml.safe_load(result.stdout)
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
    result = provbus("doctor", "kea", "--config", configure(MODEM))
    assert (result.returncode, result.stdout, result.stderr) == (0, "ok\n", "")
    assert [one["command"] for one in kea.asked] == ["version-get", "config-get"]


def test_every_finding_is_a_line_and_a_partner_is_none(
    configure: Configure, provbus: Provbus, kea: FakeKea
) -> None:
    hooks = [{"library": "/hooks/libdhcp_lease_cmds.so"}, {"library": "/hooks/libdhcp_ha.so"}]
    examined(kea, **{"store-extended-info": False, "hooks-libraries": hooks})
    result = provbus("doctor", "kea", "--config", configure(MODEM), "--server", "cfm-1=192.0.2.12")
    assert result.returncode == 1
    assert result.stdout.splitlines() == [
        "note: this Kea has a partner (libdhcp_ha): each of the two needs a sidecar of its own",
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


def test_a_kea_that_is_not_there_is_69(configure: Configure, provbus: Provbus) -> None:
    result = provbus("doctor", "kea", "--config", configure(MODEM))
    assert (result.returncode, result.stdout) == (69, "")
    assert "kea.sock" in result.stderr
    assert "start kea-dhcp4" in result.stderr
    assert result.stderr.count("\n") == 1
