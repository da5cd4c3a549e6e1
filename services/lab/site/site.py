"""The lab's site: every address, key and configuration file of one run, in one directory that is its own.

Ports are free ones of the run, so two labs never meet. Addresses and ports are the network's.
"""

import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

from bus.config.paths import admin_socket_of
from bus.fleet.fleet import make_fleet, settings_key_file
from fileid.seal import KEY_BYTES
from services.lab.network.addresses import HOST_ADDRESS, KEA_ADDRESS, cfm_address, relay_addresses
from services.lab.network.run_network import RunNetwork
from services.lab.site.brokers import Brokers
from services.lab.site.scenario import Scenario

FETCH_WAIT_S = {"embedded": 0.25, "kafka": 0.5}
INSIDER = "insider-1"  # a CFM of the fleet whose process forges
PROBE = "probe-1"  # a minter of the fleet without a process: the lab tests rotated keys in its name
KEA_FETCH_WAIT_S = 0.1  # its sidecar is restarted, and the embedded broker holds back each record that long


@dataclass(slots=True)
class Instance:
    """One provbus process: its service and the files it is started with. Its `tree` has the sources that it
    runs from, from its next start on; None: our own.
    """

    name: str
    service: str
    config: Path
    socket: Path
    address: str
    http: tuple[str, int]
    mode: str
    tree: Path | None = None

    @property
    def admin_socket(self) -> Path:
        """Its socket for operators; `socket` is its host service's."""
        return admin_socket_of(self.socket)


class Configures(Protocol):
    """A contributor to the configurations of instances."""

    def config(self, site: "Site", one: Instance) -> Mapping[str, Mapping[str, Any]]:
        """Its share of the configuration of an instance, by section."""


@dataclass(slots=True)
class Site:
    """The addresses, ports, files and instances of a run. `parts` add to instances' configurations."""

    directory: Path
    scenario: Scenario
    mode: str
    brokers: Brokers
    network: RunNetwork
    group: tuple[str, int]
    tftp_port: int
    host_ports: dict[str, int]
    kea_ports: dict[str, int]
    relays: list[str]
    relay_port: int
    instances: dict[str, Instance]
    real_endpoints: dict[str, str]
    advertised: dict[str, str]
    parts: Sequence[Configures]

    @property
    def secret_file(self) -> Path:
        """The CMTS's shared secret."""
        return self.directory / "cmts.secret"

    @property
    def catalogue(self) -> Path:
        """The settings of the run: the scenario's, or those derived from it for names per device."""
        kea = self.scenario.kea
        if kea is None or kea.names == "class":
            return self.scenario.settings.absolute()
        return self.directory / "catalogue.yaml"

    @property
    def kea_port(self) -> int:
        """The port of the Kea that the plant asks: the first sidecar's."""
        return self.kea_ports["dhcp-1"]

    @property
    def kea_directory(self) -> Path:
        """The directory of that Kea."""
        return self.kea_directory_of("dhcp-1")

    def kea_directory_of(self, sidecar: str) -> Path:
        """The directory of this sidecar's Kea."""
        return self.directory / f"kea-{sidecar}"

    def cfms(self) -> list[Instance]:
        """The CFMs, the first one first."""
        return [one for one in self.instances.values() if one.service == "cfm"]

    def minters(self) -> list[Instance]:
        """The sidecars of DHCP and MPS."""
        return [one for one in self.instances.values() if one.service != "cfm"]

    def hosts(self) -> list[Instance]:
        """The sidecars whose host the lab plays."""
        return [] if self.scenario.kea is not None else self.minters()

    def rivals(self) -> list[Instance]:
        """The sidecars whose hosts contend for one role; none if there is only one."""
        found = [one for one in self.instances.values() if one.service == "dhcp"]
        return found if len(found) > 1 else []

    def host_endpoint(self, sidecar: str) -> tuple[str, int]:
        """The address and port at which this sidecar's host listens to the relays."""
        return self.network.address(HOST_ADDRESS[sidecar]), self.host_ports[sidecar]

    def endpoints(self) -> dict[str, Any]:
        """The services' endpoints, for use while a run is held; of two DHCP sidecars the first's."""
        return {
            **{f"{one.service}_socket": str(one.socket) for one in reversed(self.minters())},
            "tftp": [f"{cfm.address}:{self.tftp_port}" for cfm in self.cfms()],
            "secret_file": str(self.secret_file),
        }

    def journal(self, name: str) -> Path:
        """The path of the journal of a host or a plant."""
        return self.directory / f"{name}.jsonl"

    def state_directory(self, name: str) -> Path:
        """The state directory of an instance."""
        return self.directory / "state" / name

    def write_config(self, name: str, mode: str) -> None:
        """Write the configuration of an instance, with the columns of both modes and this one in force."""
        one = self.instances[name]
        one.mode = mode
        data = _config(self, one) | {"transport": {"mode": mode}}
        data["multicast"] = {
            "address": one.address,
            "lose": self.scenario.carrier_loss,
            "group": self.group[0],
            "port": self.group[1],
            "keys": [str(self.directory / "keys" / "multicast" / "group.key")],
        }
        by_hand = {"primary": "mps-1" if one.service == "mps" else "dhcp-1"}
        data["failover"] = {"grants": True} if self.scenario.grants else by_hand
        if self.brokers.bootstrap:
            data["kafka"] = {
                "bootstrap": self.brokers.bootstrap,
                "client": {**self.brokers.client},
                "fetch_wait_s": (
                    KEA_FETCH_WAIT_S
                    if self.scenario.kea is not None
                    else FETCH_WAIT_S.get(self.brokers.kind, 0.0)
                ),
            }
        for part in self.parts:
            for section, values in part.config(self, one).items():
                data.setdefault(section, {}).update(values)
        one.config.write_text(yaml.safe_dump(data))


def build_site(
    directory: Path,
    scenario: Scenario,
    mode: str,
    brokers: Brokers,
    network: RunNetwork,
    parts: Sequence[Configures] = (),
) -> Site:
    """Make the keys and write every configuration file."""
    names = scenario.names()
    others = {} if scenario.rotate_at_online is None else {PROBE: "dhcp"}
    others |= {} if scenario.insider is None else {INSIDER: "cfm"}
    make_fleet(directory / "keys", names | others, "lab", KEY_BYTES)
    planned = {name: cfm_address(name) for name, service in names.items() if service == "cfm"}
    addresses = {name: network.address(address) for name, address in (planned | HOST_ADDRESS).items()}
    cfms = [*planned]
    hosts = ["::1" if scenario.ipv6 else addresses[name] for name in cfms]
    endpoints = network.free_endpoints([*hosts, *hosts])
    real = dict(zip(cfms, endpoints, strict=False))
    advertised = dict(real)
    if scenario.has_proxy(mode):
        advertised = dict(zip(cfms, endpoints[len(hosts) :], strict=True))
    dhcps = [name for name, service in names.items() if service == "dhcp"]
    subnets = () if scenario.kea is None else scenario.kea.shared_networks
    relays = [network.address(planned) for planned in relay_addresses(sum(subnets) or 1)]
    site = Site(
        directory=directory,
        scenario=scenario,
        mode=mode,
        brokers=brokers,
        network=network,
        group=(
            f"239.255.{secrets.randbelow(256)}.{secrets.randbelow(256)}",
            network.free_port([""], socket.SOCK_DGRAM),
        ),
        tftp_port=network.free_port([addresses[name] for name in cfms], socket.SOCK_DGRAM),
        host_ports={name: network.free_port([addresses[name]], socket.SOCK_DGRAM) for name in HOST_ADDRESS},
        kea_ports={name: network.free_port([KEA_ADDRESS], socket.SOCK_DGRAM) for name in dhcps},
        relays=relays,
        relay_port=network.free_port([*relays, KEA_ADDRESS], socket.SOCK_DGRAM),  # perfdhcp relays there
        instances={},
        real_endpoints=real,
        advertised=advertised,
        parts=parts,
    )
    site.secret_file.write_text(secrets.token_hex(16))
    site.secret_file.chmod(0o600)
    for name, service in names.items():
        http_address = network.http_address(addresses[name])
        site.instances[name] = Instance(
            name=name,
            service=service,
            config=directory / f"{name}.yaml",
            socket=directory / f"{name}.sock",
            address=addresses[name],
            http=(http_address, network.free_port([http_address])),
            mode=mode,
        )
        site.write_config(name, mode)
    return site


def _config(site: Site, one: Instance) -> dict[str, Any]:
    """The part of the configuration that is the same in every mode."""
    name, service, keys = one.name, one.service, site.directory / "keys"
    data: dict[str, Any] = {
        "instance": name,
        "fleet": str(keys / "fleet.yaml"),
        "key": str(keys / "curve" / f"{name}.key"),
        "signing_key": str(keys / "sign" / f"{name}.key"),
        "state_directory": str(site.state_directory(name)),
        "settings_key": str(settings_key_file(keys)),
        "local": {"socket": str(one.socket)},
        "http": {"listen": "{}:{}".format(*one.http)},
    }
    if service == "cfm":
        data["cfm"] = {
            "listen": site.real_endpoints[name],
            "advertise": site.advertised[name],
            "seal_keys": sorted(str(path) for path in (keys / "seal").iterdir()),
            "secret_file": str(site.secret_file),
            "tftp": {"address": one.address, "port": site.tftp_port},
        }
        if site.scenario.proxied:
            data["cfm"]["tftp"]["proxies"] = [f"{relay}/32" for relay in site.relays]
        return data
    data["minter"] = {
        "seal_key": str(keys / "seal" / f"{name}.key"),
        "default_next_server": site.network.address(cfm_address("cfm-1")),
    }
    if service == "dhcp":
        data["minter"]["attached"] = site.scenario.dhcps > 1
        data["minter"]["publish_catalogue"] = str(site.catalogue)
    return data
