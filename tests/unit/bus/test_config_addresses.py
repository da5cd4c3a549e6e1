"""What a configuration announces can be reached: every address in it is judged where it stands."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.errors import ConfigError
from services.config.instance import Config, load

LISTEN = "tcp://127.0.0.11:7001"
CFM: dict[str, Any] = {
    "listen": LISTEN,
    "seal_keys": ["dhcp-1.seal"],
    "secret_file": "cmts.secret",
    "tftp": {"address": "127.0.0.11"},
}
MULTICAST: dict[str, Any] = {"address": "127.0.0.11", "keys": ["group.key"]}
SETTINGS: dict[str, Any] = {
    "instance": "cfm-1",
    "fleet": "fleet.yaml",
    "key": "cfm-1.key",
    "signing_key": "cfm-1.sign",
    "state_directory": "state",
    "local": {"socket": "cfm-1.sock"},
    "kafka": {"bootstrap": "127.0.0.1:9092"},
    "multicast": MULTICAST,
    "cfm": CFM,
    "minter": {"seal_key": "dhcp-1.seal"},
    "http": {"listen": "127.0.0.1:9464"},
}
NOT_A_HOST = ("0.0.0.0", "224.0.0.1", "239.255.70.1", "255.255.255.255", "240.0.0.1", "169.254.0.1")
NOT_A_HOST_6 = ("::", "ff02::1", "fe80::1", "fe80::1%lo", "::ffff:127.0.0.1")
NO_ENDPOINT = (
    "127.0.0.11:7001",
    "tcp://127.0.0.11",
    "tcp://H",
    "tcp://127.0.0.11:0",
    "tcp://127.0.0.11:65536",
    "tcp://::1:7001",
    "ipc:///run/rows",
    "udp://127.0.0.11:7001",
    *(f"tcp://{address}:7001" for address in NOT_A_HOST[1:]),
    *(f"tcp://[{address}]:7001" for address in NOT_A_HOST_6[1:]),
)


def configured(directory: Path, *changes: tuple[str, Any]) -> Config:
    """The configuration with these values at these places."""
    settings: Any = yaml.safe_load(yaml.safe_dump(SETTINGS))
    for key, value in changes:
        *sections, name = key.split(".")
        place = settings
        for section in sections:
            place = place[section]
        place[name] = value
    path = directory / "cfm-1.yaml"
    path.write_text(yaml.safe_dump(settings))
    return load(path)


def test_what_can_be_reached_is_taken(tmp_path: Path) -> None:
    config = configured(
        tmp_path,
        ("cfm.listen", "tcp://[::1]:7001"),
        ("cfm.advertise", "tcp://cfm-1.example.net:7001"),
        ("cfm.tftp.address", "2001:DB8::0:11"),
        ("minter.default_next_server", "192.0.2.11"),
        ("http.listen", "[::]:9464"),
    )
    assert config.cfm is not None
    assert (config.cfm.listen, config.cfm.tftp.address) == ("tcp://[::1]:7001", "2001:db8::11")
    assert config.http is not None
    assert config.http.place == ("::", 9464)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("cfm.tftp.address", address) for address in (*NOT_A_HOST, *NOT_A_HOST_6, "cfm-1", "*")),
        *(("minter.default_next_server", address) for address in (*NOT_A_HOST, *NOT_A_HOST_6, "cfm-1", "")),
        *(("cfm.listen", endpoint) for endpoint in NO_ENDPOINT),
        *(("cfm.advertise", endpoint) for endpoint in (*NO_ENDPOINT, "tcp://*:7001", "tcp://0.0.0.0:7001")),
        *(("cfm.advertise", endpoint) for endpoint in ("tcp://[::]:7001", "tcp://127.0.0.11:*")),
        *(("multicast.address", address) for address in (*NOT_A_HOST, "::1")),
        *(("multicast.group", group) for group in ("127.0.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.0")),
        *(("http.listen", f"{address}:9464") for address in NOT_A_HOST[1:]),
        *(("http.listen", place) for place in ("[ff02::1]:9464", "*:9464", "127.0.0.1:0", "127.0.0.1")),
        ("kafka.bootstrap", "0.0.0.0:9092"),
        ("kafka.bootstrap", "127.0.0.1:0"),
        ("kafka.bootstrap", ""),
    ],
)
def test_what_nobody_could_reach_is_refused_with_its_line(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=rf"cfm-1\.yaml:\d+: {key}: "):
        configured(tmp_path, (key, value))


@pytest.mark.parametrize("endpoint", ["tcp://*:7001", "tcp://0.0.0.0:7001", "tcp://[::]:7001", "tcp://*:*"])
def test_who_listens_on_every_address_says_which_one_is_announced(tmp_path: Path, endpoint: str) -> None:
    for mode in ("bus", "multicast"):  # the columns of both may stand in a file
        with pytest.raises(
            ConfigError, match=r"cfm-1\.yaml:\d+: cfm: listen: .* say in cfm\.advertise which"
        ):
            configured(tmp_path, ("cfm.listen", endpoint), ("transport", {"mode": mode}))
    config = configured(tmp_path, ("cfm.listen", endpoint), ("cfm.advertise", LISTEN))
    assert config.cfm is not None
    assert config.cfm.listen == endpoint


def kea(socket: str) -> dict[str, Any]:
    return {
        "journal": "leases4.csv",
        "control_socket": socket,
        "files": [{"kind": "cm", "name": "modem.cm", "cfms": ["cfm-1"]}],
    }


@pytest.mark.parametrize("spare", [0, -1])
def test_the_path_of_a_socket_is_as_long_as_the_directory_makes_it(tmp_path: Path, spare: int) -> None:
    name = "s" * (107 - len(str(tmp_path)) - 1 - spare)
    short = name[len(".admin") :]  # beside it there is the operators'
    for key, value in (("local.socket", short), ("minter.kea", kea(name))):
        if spare < 0:
            where = "local.socket" if key == "local.socket" else "minter.kea.control_socket"
            with pytest.raises(ConfigError, match=rf"cfm-1\.yaml:\d+: {where}: .* has 108 bytes"):
                configured(tmp_path, (key, value))
        else:
            configured(tmp_path, (key, value))


@pytest.mark.parametrize("path", ["a\0b", "a\ud800b"])
def test_a_path_that_no_kernel_takes_is_refused_where_it_stands(tmp_path: Path, path: str) -> None:
    for key in ("local.socket", "state_directory", "fleet", "cfm.secret_file"):
        with pytest.raises(ConfigError, match=rf"cfm-1\.yaml:\d+: {key}: a path cannot hold NUL"):
            configured(tmp_path, (key, path))
