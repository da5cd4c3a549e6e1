"""Configuration: a mistake names its file, its line and what would be right; nothing is silently ignored."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from bus.config.model import KafkaSection
from bus.config.yaml_file import read_yaml
from bus.errors import ConfigError
from services.config.instance import Config, load

MINIMAL = """\
instance: dhcp-1
fleet: keys/fleet.yaml
key: keys/curve/dhcp-1.key
signing_key: keys/sign/dhcp-1.key
state_directory: /var/lib/provbus
local:
  socket: run/dhcp-1.sock
kafka:
  bootstrap: 127.0.0.1:9092
"""
FULL = """\
settings_key: keys/settings/fleet.key
transport:
  mode: bus
multicast:
  address: 127.0.0.2
  keys:
    - keys/multicast/group.key
http:
  listen: 127.0.0.1:9464
log:
  level: debug
failover:
  primary: dhcp-1
minter:
  seal_key: keys/seal/dhcp-1.key
  publish_catalogue: catalogue.yaml
cfm:
  listen: tcp://127.0.0.1:5555
  seal_keys:
    - keys/seal/dhcp-1.key
    - /etc/provbus/mps-1.key
  secret_file: cmts.secret
  tftp:
    address: 127.0.0.11
"""
LAST = (MINIMAL + FULL).count("\n") + 1


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """The process's own environment with these variables, and afterwards without."""
    assert not os.environ.keys() & values.keys()
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "dhcp-1.yaml"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def complaint(path: Path, text: str) -> str:
    """What is said about a file with this text, its name shortened."""
    with pytest.raises(ConfigError) as caught:
        load(write(path, text))
    return str(caught.value).replace(str(path), "FILE")


def test_the_least_there_can_be(path: Path) -> None:
    config = load(write(path, MINIMAL))
    assert config.instance == "dhcp-1"
    assert config.kafka == KafkaSection(bootstrap="127.0.0.1:9092")
    assert (config.minter, config.cfm) == (None, None)


def test_paths_are_relative_to_the_file(path: Path) -> None:
    config = load(write(path, MINIMAL + FULL + "  rows_max: 7\n"))
    base = path.parent
    assert config.fleet == base / "keys/fleet.yaml"
    assert config.state_directory == Path("/var/lib/provbus")
    assert config.local.socket == base / "run/dhcp-1.sock"
    assert config.minter is not None
    assert config.minter.publish_catalogue == base / "catalogue.yaml"
    assert config.cfm is not None
    assert config.cfm.seal_keys == [base / "keys/seal/dhcp-1.key", Path("/etc/provbus/mps-1.key")]
    assert config.cfm.secret_file == base / "cmts.secret"
    assert config.kafka is not None
    assert config.kafka.password_file is None
    assert config.multicast is not None
    assert config.multicast.keys == [base / "keys/multicast/group.key"]


def test_paths_are_absolute_when_the_file_is_named_relatively(path: Path) -> None:
    write(path, MINIMAL)
    assert load(Path(os.path.relpath(path))).local.socket.is_absolute()


@pytest.mark.parametrize("address", ["192.0.2.11", "2001:db8::11"])
def test_tftp_is_served_on_either_kind_of_address_from_a_range_of_ports(path: Path, address: str) -> None:
    full = FULL.replace("127.0.0.11", f"{address}\n    source_ports: [40000, 40001]")
    config = load(write(path, MINIMAL + full))
    assert config.cfm is not None
    assert config.cfm.tftp.address == address
    assert config.cfm.tftp.source_ports == (40000, 40001)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("source_ports: [40000, 40000]", "source_ports [40000, 40000] has no room for transfer_sockets 2"),
        ("source_ports: [40001, 40000]", "source_ports [40001, 40000] has no room for transfer_sockets 2"),
        ("source_ports: [0, 40000]", "greater than or equal to 1"),
        ("source_ports: [40000]", "Field required"),
        ("transfer_sockets: 3\n    source_ports: [40000, 40001]", "no room for transfer_sockets 3"),
    ],
)
def test_a_range_of_ports_that_is_none_is_refused(path: Path, line: str, said: str) -> None:
    assert said in complaint(path, MINIMAL + FULL + f"    {line}\n")


@pytest.mark.parametrize(("address", "blksize_max"), [("192.0.2.11", 1468), ("2001:db8::11", 1448)])
def test_the_largest_block_fits_an_ethernet_frame_unless_told_otherwise(
    path: Path, address: str, blksize_max: int
) -> None:
    full = MINIMAL + FULL.replace("127.0.0.11", address)
    configs = [load(write(path, full)), load(write(path, full + "    blksize_max: 512\n"))]
    assert [config.cfm and config.cfm.tftp.blksize_max for config in configs] == [blksize_max, 512]


@pytest.mark.parametrize(
    ("size", "said"), [(7, "greater than or equal to 8"), (65465, "less than or equal to 65464")]
)
def test_a_largest_block_that_rfc_2348_does_not_know_is_refused(path: Path, size: int, said: str) -> None:
    assert said in complaint(path, MINIMAL + FULL + f"    blksize_max: {size}\n")


def test_a_mistake_in_the_address_is_the_only_one_that_is_told(path: Path) -> None:
    said = complaint(path, MINIMAL + FULL.replace("127.0.0.11", "0.0.0.0"))
    assert "0.0.0.0 stands for every address" in said
    assert "\n" not in said


def test_proxies_are_addresses_and_networks(path: Path) -> None:
    proxies = "    serve: false\n    proxies: [192.0.2.7, 192.0.2.64/27, '2001:db8::/64']\n"
    config = load(write(path, MINIMAL + FULL + proxies))
    assert config.cfm is not None
    assert config.cfm.tftp.proxies == ["192.0.2.7/32", "192.0.2.64/27", "2001:db8::/64"]
    assert not config.cfm.tftp.serve


@pytest.mark.parametrize("proxy", ["cmts.example.net", "192.0.2.65/27", "192.0.2.0/33"])
def test_what_is_no_proxy_is_refused(path: Path, proxy: str) -> None:
    said = complaint(path, MINIMAL + FULL + f"    proxies: [{proxy}]\n")
    assert f"FILE:{LAST}: cfm.tftp.proxies.0: " in said.replace(str(path), "FILE")
    assert proxy in said


def test_tftp_is_not_served_on_a_name(path: Path) -> None:
    said = complaint(path, MINIMAL + FULL.replace("127.0.0.11", "cfm.example.net"))
    assert "'cfm.example.net' does not appear to be an IPv4 or IPv6 address" in said


def test_a_configuration_cannot_be_changed(path: Path) -> None:
    config = load(write(path, MINIMAL))
    with pytest.raises(ValidationError):
        setattr(config, "instance", "dhcp-2")  # noqa: B010


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MINIMAL + "log: {levl: info}\n", "FILE:10: unknown key 'log.levl'; did you mean 'level'?"),
        (MINIMAL + "instnce: x\n", "FILE:10: unknown key 'instnce'; did you mean 'instance'?"),
        (MINIMAL + "  bootstrp: x\n", "FILE:10: unknown key 'kafka.bootstrp'; did you mean 'bootstrap'?"),
        (MINIMAL + "  message_timeout: 2\n", "FILE:10: unknown key 'kafka.message_timeout'; did you mean"),
        (
            MINIMAL + FULL + "    adress: x\n",
            f"FILE:{LAST}: unknown key 'cfm.tftp.adress'; did you mean 'address'?",
        ),
        (
            MINIMAL + "minter: {seal_key: x, minted_mx: 5}\n",
            "FILE:10: unknown key 'minter.minted_mx'; did you",
        ),
        (MINIMAL + "zzz: 1\n", "FILE:10: unknown key 'zzz'"),
        (MINIMAL + "_env_prefix: X\n", "FILE:10: unknown key '_env_prefix'"),
        (MINIMAL + "_cli_parse_args: true\n", "FILE:10: unknown key '_cli_parse_args'"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_valid_one(path: Path, text: str, said: str) -> None:
    assert complaint(path, text).startswith(said)


def test_a_key_like_none_gets_no_guess(path: Path) -> None:
    assert "did you mean" not in complaint(path, MINIMAL + "zzz: 1\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MINIMAL.replace("dhcp-1\nfleet", "DHCP_1\nfleet"), "FILE:1: instance: String should match pattern"),
        (MINIMAL.replace("instance: dhcp-1\n", ""), "FILE: instance: Field required"),
        (MINIMAL.replace("  socket: run/dhcp-1.sock", "  {}"), "FILE:6: local.socket: Field required"),
        (
            MINIMAL.replace("  bootstrap: 127.0.0.1:9092\n", ""),
            "FILE: transport.mode bus needs a 'kafka' section",
        ),
        (MINIMAL + "log: {format: xml}\n", "FILE:10: log.format: Input should be 'human' or 'json'"),
        (
            MINIMAL + "log: {level: loud}\n",
            "FILE:10: log.level: Input should be 'warning', 'info' or 'debug'",
        ),
        (
            MINIMAL + "  message_timeout_s: 0\n",
            "FILE:10: kafka.message_timeout_s: Input should be greater than",
        ),
        (MINIMAL + "  client: [a]\n", "FILE:10: kafka.client: Input should be a valid dictionary"),
        (MINIMAL + FULL + "    port: 0\n", f"FILE:{LAST}: cfm.tftp.port: Input should be greater than"),
        (
            MINIMAL + FULL + "    transfer_sockets: 65\n",
            f"FILE:{LAST}: cfm.tftp.transfer_sockets: Input should be",
        ),
        (MINIMAL + "minter: []\n", "FILE:10: minter: Input should be"),
        (
            MINIMAL.replace("  socket: run", "  1: 2\n  socket: run"),
            "FILE:7: local.1: Keys should be strings",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_line(path: Path, text: str, said: str) -> None:
    assert complaint(path, text).startswith(said)


def test_every_mistake_is_named_at_once(path: Path) -> None:
    said = complaint(path, MINIMAL.replace("dhcp-1\nfleet", "X\nfleet") + "log: x\nzzz: 1\n")
    assert [line.split(":")[1] for line in said.splitlines()] == ["1", "10", "11"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- instance\n",
        "instance\n",
        "a: [1\n",
        "a:\n\t- b\n",
        MINIMAL + "---\na: b\n",
        MINIMAL + "1: 2\n",
        MINIMAL + "[a, b]: 2\n",
        MINIMAL + "null: 2\n",
        MINIMAL + "log: 2020-13-45\n",
        MINIMAL + "log: 0b_\n",
        MINIMAL + "log: !!python/object/apply:os.getcwd []\n",
        MINIMAL + "log: \x07\n",
        MINIMAL + "minter: &loop {seal_key: *loop}\n",
        MINIMAL + "minter: " + "[" * 3_000 + "]" * 3_000 + "\n",
    ],
    ids=lambda text: repr(text[-30:]),
)
def test_what_is_no_mapping_of_texts_is_refused(path: Path, text: str) -> None:
    assert complaint(path, text).startswith("FILE")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MINIMAL + "instance: dhcp-2\n", "FILE:10: key 'instance' stands there twice"),
        (MINIMAL + "  bootstrap: 127.0.0.1:1\n", "FILE:10: key 'kafka.bootstrap' stands there twice"),
    ],
)
def test_a_key_given_twice_is_refused(path: Path, text: str, said: str) -> None:
    assert complaint(path, text).startswith(said)


def test_bytes_that_are_not_text_are_refused(path: Path) -> None:
    write(path, "").write_bytes(b"instance: \xff\n")
    with pytest.raises(ConfigError, match="is not YAML"):
        load(path)


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"^cannot read .*: "):
        load(tmp_path / name)


def test_lines_are_those_of_the_keys(path: Path) -> None:
    data, marks = read_yaml(write(path, MINIMAL + FULL))
    lines = path.read_text().splitlines()
    assert set(data) == {place[0] for place in marks}
    for place, line in marks.items():
        start = "- " if place[-1].isdigit() else f"{place[-1]}:"
        assert lines[line - 1].strip().startswith(start)


@pytest.mark.parametrize(
    ("variable", "text", "place", "value"),
    [
        ("PROVBUS_INSTANCE", "mps-1", ["instance"], "mps-1"),
        ("PROVBUS_LOG__LEVEL", "info", ["log", "level"], "info"),
        ("PROVBUS_KAFKA__BOOTSTRAP", "localhost:1", ["kafka", "bootstrap"], "localhost:1"),
        ("provbus_kafka__bootstrap", "localhost:1", ["kafka", "bootstrap"], "localhost:1"),
        ("PROVBUS_KAFKA__CLIENT", '{"a": "b"}', ["kafka", "client"], {"a": "b"}),
        ("PROVBUS_CFM__TFTP__PORT", "6969", ["cfm", "tftp", "port"], 6969),
    ],
)
def test_the_environment_stands_over_the_file(
    path: Path, variable: str, text: str, place: list[str], value: Any
) -> None:
    write(path, MINIMAL + FULL)
    before = load(path)
    with environment(**{variable: text}):
        found: Any = load(path)
    for name in place:
        found = getattr(found, name)
    assert found == value
    assert load(path) == before


def test_the_environment_changes_one_value_and_leaves_its_neighbours(path: Path) -> None:
    write(path, MINIMAL + FULL)
    with environment(PROVBUS_CFM__TFTP__PORT="6969"):
        config = load(path)
    assert config.cfm is not None
    assert (config.cfm.tftp.address, config.cfm.listen) == ("127.0.0.11", "tcp://127.0.0.1:5555")


def test_a_path_from_the_environment_is_relative_to_the_file_too(path: Path) -> None:
    write(path, MINIMAL)
    with environment(PROVBUS_FLEET="other.yaml", PROVBUS_KEY="/abs.key"):
        config = load(path)
    assert (config.fleet, config.key) == (path.parent / "other.yaml", Path("/abs.key"))


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("PROVBUS_LOG__LEVEL", "loud", r"^PROVBUS_LOG__LEVEL: log\.level: Input should be"),
        ("PROVBUS_LOG", '{"level": "loud"}', r"^PROVBUS_LOG: log\.level: Input should be"),
        (
            "PROVBUS_KAFKA__BOOTSTRP",
            "x",
            "^PROVBUS_KAFKA__BOOTSTRP: unknown key 'kafka.bootstrp'; did you mean",
        ),
        (
            "PROVBUS_KAFKA__BOOTSTRAP",
            "192.0.2.1:9092",
            r"\.yaml:[0-9]+ with PROVBUS_KAFKA__BOOTSTRAP: kafka: 192.0.2.1:9092 is not on loopback",
        ),
        ("PROVBUS_KAFKA__CLIENT", "not json", r"^PROVBUS_KAFKA__CLIENT: kafka\.client: not JSON"),
        ("PROVBUS_LOCAL__SOCKET", "/" + "x" * 200, r"^PROVBUS_LOCAL__SOCKET: local\.socket: "),
    ],
)
def test_a_mistake_in_the_environment_is_one_in_the_configuration(
    path: Path, variable: str, text: str, said: str
) -> None:
    write(path, MINIMAL + FULL)
    with environment(**{variable: text}), pytest.raises(ConfigError, match=said):
        load(path)


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("PROVBUS_MULTICAST", '{"keys": ["key"]}', "multicast.address: Field required"),
        ("PROVBUS_TRANSPORT__MODE", "multicast", "transport.mode multicast needs a 'multicast' section"),
    ],
)
def test_where_file_and_environment_lack_something_together_both_are_named(
    path: Path, variable: str, text: str, said: str
) -> None:
    write(path, MINIMAL)
    with environment(**{variable: text}), pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value) == f"{path} with {variable}: {said}"


@pytest.mark.parametrize("section", ["{}", "{listen: '127.0.0.1:9464', socket: http.sock}"])
def test_the_pages_have_an_address_or_a_socket(path: Path, section: str) -> None:
    assert complaint(path, MINIMAL + f"http: {section}\n") == "FILE:10: http: give either listen or socket"


def test_a_socket_of_the_pages_is_beside_the_file_and_not_too_long(path: Path) -> None:
    write(path, MINIMAL + "http: {socket: http.sock}\n")
    http = load(path).http
    assert http is not None
    assert http.place == path.parent / "http.sock"
    assert "http.socket" in complaint(path, MINIMAL + f"http: {{socket: /{'x' * 200}}}\n")


@pytest.mark.parametrize("name", ["bootstrap.servers", "metadata.broker.list"])
def test_brokers_cannot_be_named_past_that_check(path: Path, name: str) -> None:
    said = complaint(path, MINIMAL + f"  client: {{{name}: '192.0.2.1:9092'}}\n")
    assert said == f"FILE:8: kafka: client.{name} has no place here: set kafka.bootstrap"


@pytest.mark.parametrize("name", ["sasl.password", "ssl.key.password"])
def test_a_password_is_no_setting_of_the_client(path: Path, name: str) -> None:
    said = complaint(path, MINIMAL + f"  client: {{{name}: hunter2}}\n")
    assert said.startswith(f"FILE:8: kafka: {name} is a secret")
    assert "hunter2" not in said


def test_a_mistake_does_not_show_the_value(path: Path) -> None:
    assert "hunter2" not in complaint(path, MINIMAL + "log: hunter2\nkye: hunter2\n")


def test_the_tests_file_is_what_the_model_declares(path: Path) -> None:
    """Every section is in the examples above, so a new one is tested or missed here."""
    given = yaml.safe_load(MINIMAL + FULL)
    assert set(Config.model_fields) == set(given)


def test_mistakes_and_values_are_listed_in_the_order_of_the_page() -> None:
    assert [*Config.model_fields] == [
        *("instance", "fleet", "key", "signing_key", "state_directory", "local"),
        *("transport", "kafka", "multicast"),
        *("settings_key", "minter", "cfm", "failover", "http", "log"),
    ]
