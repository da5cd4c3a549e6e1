"""What a scenario's processes are told, and which parts it has."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from services.config.instance import load
from services.lab.books.report import is_good
from services.lab.hosts.hosts import host_config
from services.lab.hosts.process import HostConfig
from services.lab.network.run_network import Loopback
from services.lab.parts import parts_of
from services.lab.plant.plants import plant_config
from services.lab.plant.process import PlantConfig
from services.lab.site.brokers import Brokers
from services.lab.site.scenario import (
    AttackPlan,
    Baseline,
    FaultPlan,
    Faults,
    KeaHost,
    Scenario,
    SchedulePlan,
)
from services.lab.site.site import Site, build_site

SCHEDULE = SchedulePlan(of=(FaultPlan(kind="kill-host"),), count=1, every_s=(1, 2))
EMBEDDED = Brokers("embedded", "127.0.0.1:1")
POOL = IPv4Network("127.64.0.0/11")


def site(directory: Path, dhcps: int) -> Site:
    scenario = Scenario(name="one", modems=10, dhcps=dhcps, settings=Path("lab.yaml"))
    return build_site(directory, scenario, "bus", EMBEDDED, Loopback())


def hosts(made: Site) -> dict[str, HostConfig]:
    return {one.name: HostConfig.model_validate(host_config(made, one)) for one in made.hosts()}


def test_a_host_alone_has_the_whole_pool_and_attaches_to_nobody(tmp_path: Path) -> None:
    made = site(tmp_path, dhcps=1)
    found = hosts(made)
    assert [*found] == ["dhcp-1", "mps-1"]
    assert (found["dhcp-1"].pool, found["dhcp-1"].attach) == (POOL, False)
    assert PlantConfig.model_validate(plant_config(made)).helpers == ()
    assert made.instances["dhcp-1"].service == "dhcp"


def test_rivals_share_the_pool_and_attach(tmp_path: Path) -> None:
    made = site(tmp_path, dhcps=2)
    found = hosts(made)
    one, other = found["dhcp-1"], found["dhcp-2"]
    assert [one.pool, other.pool] == [*POOL.subnets()]
    assert (one.attach, other.attach, found["mps-1"].attach) == (True, True, False)
    assert len({one.listen, other.listen, found["mps-1"].listen}) == 3
    assert len({one.journal, other.journal}) == len({one.socket, other.socket}) == 2


def test_the_relay_sends_to_every_rival(tmp_path: Path) -> None:
    made = site(tmp_path, dhcps=2)
    plant = PlantConfig.model_validate(plant_config(made))
    listens = {name: (str(host.listen[0]), host.listen[1]) for name, host in hosts(made).items()}
    assert (str(plant.dhcp[0]), plant.dhcp[1]) == listens["dhcp-1"]
    assert [(str(address), port) for address, port in plant.helpers] == [listens["dhcp-2"]]


def test_a_run_with_two_primaries_at_a_time_is_not_good() -> None:
    report = {"failed": 0, "ledger": {"clean": True}, "overlap_ms": 0.0, "stale_effects": 0}
    assert is_good(report)
    assert not is_good(report | {"overlap_ms": 0.001})
    assert not is_good(report | {"stale_effects": 1})


def test_a_run_in_which_a_service_ended_or_an_expectation_broke_is_not_good() -> None:
    report = {"failed": 0, "ledger": {"clean": True}, "ended": {}, "expected": {}}
    assert is_good(report)
    assert not is_good(report | {"ended": {"cfm-1": 0}})
    assert not is_good(report | {"expected": {"takeovers": "20, found 0"}})


def test_the_plant_of_each_boot_has_another_order_and_a_journal_of_its_own(tmp_path: Path) -> None:
    made = site(tmp_path, dhcps=1)
    one, other = (PlantConfig.model_validate(plant_config(made, boot)) for boot in (1, 2))
    assert one.seed != other.seed
    assert one.journal != other.journal
    assert (one.earlier_boots, other.earlier_boots) == (0, 1)
    own = {"seed": other.seed, "journal": other.journal, "earlier_boots": 1}
    assert one.model_copy(update=own) == other


def test_a_configuration_is_rewritten_for_another_mode_and_has_the_columns_of_both(tmp_path: Path) -> None:
    made = site(tmp_path, dhcps=2)
    for mode in ("multicast", "bus"):
        for name, one in made.instances.items():
            made.write_config(name, mode)
            config = load(one.config)
            assert config.transport.mode == one.mode == mode
            assert config.kafka is not None
            assert config.multicast is not None
            assert config.failover.primary == ("mps-1" if name == "mps-1" else "dhcp-1")


def kinds(mode: str = "bus", **more: Any) -> set[str]:
    """The parts that only some scenarios have."""
    scenario = Scenario(name="one", modems=10, settings=Path("lab.yaml"), **more)
    every = {type(part).__name__ for part in parts_of(Scenario(name="one", modems=1, settings=Path()), "bus")}
    return {type(part).__name__ for part in parts_of(scenario, mode)} - every


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ({"faults": Faults()}, "HandoffWeather"),
        ({"carrier_loss": 0.1}, "HandoffWeather"),
        ({"rotate_at_online": (0.1, 0.2, 0.3)}, "KeyRotation"),
        ({"attack": AttackPlan()}, "Attackers"),
        ({"schedule": SCHEDULE}, "FaultSchedule"),
        ({"kea": KeaHost(config=Path("kea.conf"))}, "KeaRun"),
        ({"baseline": Baseline(commit=Path("BASELINE"), of=("cfm-1",))}, "MixedReleases"),
    ],
)
def test_a_scenario_has_the_parts_that_it_names(more: dict[str, Any], part: str) -> None:
    assert kinds(**more) == {part}


def test_nothing_stands_between_the_services_where_the_group_carries_it() -> None:
    assert kinds("multicast", carrier_loss=0.1) == set()


def test_a_part_adds_to_the_sections_of_an_instance(tmp_path: Path) -> None:
    kea = KeaHost(config=Path("kea.conf"))
    scenario = Scenario(name="one", modems=10, settings=Path("lab.yaml"), kea=kea)
    made = build_site(tmp_path, scenario, "bus", EMBEDDED, Loopback(), parts_of(scenario, "bus"))
    minter, cfm = load(made.instances["dhcp-1"].config), load(made.instances["cfm-1"].config)
    assert minter.minter is not None
    assert minter.minter.kea is not None
    assert minter.minter.kea.journal == made.kea_directory / "leases4.csv"
    assert cfm.cfm is not None
    assert cfm.cfm.kea_names == [one.name for one in minter.minter.kea.files]
