"""Which column of the route table: the mode, what it needs, and what is wrong with a group."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.config.model import MulticastSection
from bus.errors import ConfigError
from bus.routes import Column
from bus.switch.carrying import Carrying, sending_both, single
from services.config.instance import Config, load

GROUP: dict[str, Any] = {"address": "127.0.0.2", "keys": ["keys/multicast/group.key"]}
KAFKA = {"bootstrap": "127.0.0.1:9092"}
CFM: dict[str, Any] = {
    "seal_keys": ["keys/seal/dhcp-1.key"],
    "secret_file": "cmts.secret",
    "tftp": {"address": "127.0.0.11"},
}


@contextmanager
def mode_in_environment(mode: str) -> Iterator[None]:
    """The process's own environment with a mode, and afterwards without."""
    os.environ["PROVBUS_TRANSPORT__MODE"] = mode
    try:
        yield
    finally:
        del os.environ["PROVBUS_TRANSPORT__MODE"]


def written(directory: Path, **sections: Any) -> Path:
    """The file of a configuration with these sections."""
    settings = {
        "instance": "cfm-1",
        "fleet": "keys/fleet.yaml",
        "key": "keys/curve/cfm-1.key",
        "signing_key": "keys/sign/cfm-1.key",
        "state_directory": "state",
        "local": {"socket": "cfm-1.sock"},
    }
    path = directory / "cfm-1.yaml"
    path.write_text(yaml.safe_dump(settings | sections))
    return path


def configured(directory: Path, **sections: Any) -> Config:
    """The configuration with these sections."""
    return load(written(directory, **sections))


def test_the_bus_is_the_default(tmp_path: Path) -> None:
    config = configured(tmp_path, kafka=KAFKA)
    assert (config.transport.mode, config.multicast) == ("bus", None)


def test_multicast_needs_its_section_and_no_other(tmp_path: Path) -> None:
    config = configured(tmp_path, transport={"mode": "multicast"}, multicast=GROUP, cfm=CFM)
    assert config.multicast == MulticastSection(address="127.0.0.2", keys=[tmp_path / GROUP["keys"][0]])
    assert config.kafka is None


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("auto", "transport.mode: mode auto is not there yet: set bus, multicast or dual"),
        ("unicast", "transport.mode: there is no mode 'unicast': set bus, multicast or dual"),
        ("Bus", "transport.mode: there is no mode 'Bus': set bus, multicast or dual"),
        ("", "transport.mode: there is no mode '': set bus, multicast or dual"),
        (None, "transport.mode: Input should be a valid string"),
    ],
)
def test_a_mode_that_is_not_there_is_told_with_those_that_are(
    tmp_path: Path, mode: str | None, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        configured(tmp_path, transport={"mode": mode}, kafka=KAFKA, multicast=GROUP)
    assert str(caught.value).endswith(said)


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"transport": {"mode": "multicast"}}, "transport.mode multicast needs a 'multicast' section"),
        ({"transport": {"mode": "multicast"}, "kafka": KAFKA}, "multicast needs a 'multicast' section"),
        ({}, "transport.mode bus needs a 'kafka' section"),
        ({"multicast": GROUP}, "transport.mode bus needs a 'kafka' section"),
        ({"kafka": KAFKA, "cfm": CFM}, "transport.mode bus needs 'cfm.listen'"),
        ({"kafka": KAFKA, "failover": {"grants": True}}, "failover.grants needs a 'multicast' section"),
        ({"transport": {"mode": "dual"}}, "transport.mode dual needs a 'kafka' section"),
        ({"transport": {"mode": "dual"}, "kafka": KAFKA}, "dual needs a 'multicast' section"),
        ({"transport": {"mode": "dual"}, "multicast": GROUP}, "dual needs a 'kafka' section"),
        (
            {"transport": {"mode": "dual"}, "kafka": KAFKA, "multicast": GROUP, "cfm": CFM},
            "transport.mode dual needs 'cfm.listen'",
        ),
    ],
)
def test_a_mode_without_what_it_needs_is_refused(tmp_path: Path, sections: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        configured(tmp_path, **sections)


@pytest.mark.parametrize("other", [{"primary": "dhcp-1"}, {"allow_dual_active": True}], ids=repr)
def test_two_ways_to_decide_who_acts_are_refused(tmp_path: Path, other: dict[str, Any]) -> None:
    sections = {"transport": {"mode": "multicast"}, "multicast": GROUP, "cfm": CFM}
    assert configured(tmp_path, **sections, failover={"grants": True}).failover.grants
    with pytest.raises(ConfigError, match="remove primary and allow_dual_active"):
        configured(tmp_path, **sections, failover={"grants": True} | other)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("address", "localhost", "multicast.address: Expected 4 octets"),
        ("address", "::1", "multicast.address: Expected 4 octets"),
        ("address", "127.0.0.256", "multicast.address: Octet 256"),
        ("group", "192.0.2.1", r"multicast.group: 192\.0\.2\.1 is not a multicast group \(224\.0\.0\.0/4\)"),
        ("group", "240.0.0.1", "multicast.group: .* is not a multicast group"),
        ("group", "ff02::1", "multicast.group: Expected 4 octets"),
        ("port", 0, "multicast.port: Input should be greater than"),
        ("port", 65536, "multicast.port: Input should be less than"),
        ("ttl", 256, "multicast.ttl: Input should be less than"),
        ("keys", [], "multicast.keys: List should have at least 1 item"),
        ("keys", "group.key", "multicast.keys: Input should be a valid list"),
        ("rate_per_s", 0, "multicast.rate_per_s: Input should be greater than 0"),
        ("burst", 0, "multicast.burst: Input should be greater than or equal to 1"),
        ("lose", 1, "multicast.lose: Input should be less than 1"),
        ("lose", -0.1, "multicast.lose: Input should be greater than or equal to 0"),
        ("key", "x", r"unknown key 'multicast\.key'; did you mean 'keys'\?"),
    ],
)
def test_a_mistake_in_the_group_is_named_with_its_line(
    tmp_path: Path, key: str, value: Any, said: str
) -> None:
    with pytest.raises(ConfigError, match=rf"cfm-1\.yaml:\d+: {said}"):
        configured(tmp_path, transport={"mode": "multicast"}, multicast=GROUP | {key: value})


@pytest.mark.parametrize("missing", ["address", "keys"])
def test_a_group_without_address_or_keys_is_refused(tmp_path: Path, missing: str) -> None:
    group = {key: value for key, value in GROUP.items() if key != missing}
    with pytest.raises(ConfigError, match=f"multicast.{missing}: Field required"):
        configured(tmp_path, transport={"mode": "multicast"}, multicast=group)


def test_the_mode_in_the_environment_stands_over_that_in_the_file(tmp_path: Path) -> None:
    sections = {"transport": {"mode": "bus"}, "kafka": KAFKA, "multicast": GROUP}
    with mode_in_environment("multicast"):
        assert configured(tmp_path, **sections).transport.mode == "multicast"
    assert configured(tmp_path, **sections).transport.mode == "bus"


def test_a_flag_goes_over_the_environment_and_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, transport={"mode": "bus"}, kafka=KAFKA, multicast=GROUP)
    assert load(path, "multicast").transport.mode == "multicast"
    with mode_in_environment("multicast"):
        assert load(path, "bus").transport.mode == "bus"


def test_a_mode_of_a_flag_needs_its_section_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a 'multicast' section"):
        load(written(tmp_path, kafka=KAFKA), "multicast")


def test_a_mode_in_the_environment_needs_its_section_too(tmp_path: Path) -> None:
    with mode_in_environment("multicast"), pytest.raises(ConfigError, match="needs a 'multicast' section"):
        configured(tmp_path, kafka=KAFKA)
    with mode_in_environment("dual"), pytest.raises(ConfigError, match="needs a 'multicast' section"):
        configured(tmp_path, kafka=KAFKA)


BUS, GROUP_ALONE = frozenset({Column.BUS}), frozenset({Column.MULTICAST})
BOTH = frozenset(Column)


@pytest.mark.parametrize(
    ("sections", "carrying", "can_hear"),
    [
        ({"kafka": KAFKA}, single(Column.BUS), BUS),
        ({"kafka": KAFKA, "multicast": GROUP}, single(Column.BUS), BOTH),
        ({"transport": {"mode": "multicast"}, "multicast": GROUP}, single(Column.MULTICAST), GROUP_ALONE),
        (
            {"transport": {"mode": "multicast"}, "kafka": KAFKA, "multicast": GROUP, "cfm": CFM},
            single(Column.MULTICAST),
            GROUP_ALONE,  # nobody could reach it over the bus
        ),
        (
            {"transport": {"mode": "dual"}, "kafka": KAFKA, "multicast": GROUP},
            sending_both(Column.BUS),
            BOTH,
        ),
        (
            {"transport": {"mode": "dual", "leads": "multicast"}, "kafka": KAFKA, "multicast": GROUP},
            sending_both(Column.MULTICAST),
            BOTH,
        ),
    ],
)
def test_a_mode_says_what_is_heard_and_the_sections_what_could_be(
    tmp_path: Path, sections: dict[str, Any], carrying: Carrying, can_hear: frozenset[Column]
) -> None:
    config = configured(tmp_path, **sections)
    assert (config.carrying, config.can_hear) == (carrying, can_hear)
    assert (config.brokers is not None) == (Column.BUS in carrying.hears)
    assert (config.group is not None) == (Column.MULTICAST in carrying.hears)


def test_grants_may_wait_for_a_switch_to_the_group(tmp_path: Path) -> None:
    config = configured(tmp_path, kafka=KAFKA, multicast=GROUP, failover={"grants": True})
    assert (config.transport.mode, config.failover.grants) == ("bus", True)
