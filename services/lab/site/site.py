"""The lab's site: every address, key and configuration file of one run, in one directory that is its own.

Ports are free ones of the run, so two labs never meet.
"""

import secrets
import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml

from bus.fleet.fleet import make_fleet
from bus.wire.endpoint import Endpoint
from fileid.seal import KEY_BYTES
from services.lab.site.addresses import HOST_ADDRESS, HTTP_ADDRESS, KEA_ADDRESS, relay_addresses
from services.lab.site.scenario import Scenario

FETCH_WAIT_S = {"embedded": 0.25, "kafka": 0.5}
PROBE = "probe-1"  # a minter of the fleet without a process: the lab tests rotated keys in its name
KEA_FETCH_WAIT_S = 0.1  # its sidecar is restarted, and the embedded broker holds back each record that long


@dataclass(slots=True)
class Instance:
    """One provbus process: its service and the files it is started with."""

    name: str
    service: str
    config: Path
    socket: Path
    address: str
    http: tuple[str, int]
    mode: str
    config_data: dict[str, Any] = field(default_factory=dict)


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
    bootstrap: str
    fetch_wait_s: float
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
        return HOST_ADDRESS[sidecar], self.host_ports[sidecar]

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
        data["failover"] = {"primary": "mps-1" if one.service == "mps" else "dhcp-1"}
        if self.bootstrap:
            data["kafka"] = {"bootstrap": self.bootstrap, "fetch_wait_s": self.fetch_wait_s}
        for part in self.parts:
            for section, values in part.config(self, one).items():
                data.setdefault(section, {}).update(values)
        one.config.write_text(yaml.safe_dump(data))


def build_site(
    directory: Path,
    scenario: Scenario,
    mode: str,
    bootstrap: str,
    broker: str,
    parts: Sequence[Configures] = (),
) -> Site:
    """Make the keys and write every configuration file."""
    names = scenario.names()
    probe = {} if scenario.rotate_at_online is None else {PROBE: "dhcp"}
    make_fleet(directory / "keys", names | probe, "lab", KEY_BYTES)
    addresses = {name: f"127.0.0.{10 + int(name[4:])}" for name in names if name.startswith("cfm")}
    hosts = ["::1"] * len(addresses) if scenario.ipv6 else [*addresses.values()]
    endpoints = free_endpoints([*hosts, *hosts])
    real = dict(zip(addresses, endpoints, strict=False))
    advertised = dict(real)
    if scenario.has_proxy(mode):
        advertised = dict(zip(addresses, endpoints[len(hosts) :], strict=True))
    dhcps = [name for name, service in names.items() if service == "dhcp"]
    subnets = () if scenario.kea is None else scenario.kea.shared_networks
    relays = relay_addresses(sum(subnets) or 1)
    site = Site(
        directory=directory,
        scenario=scenario,
        mode=mode,
        bootstrap=bootstrap,
        fetch_wait_s=KEA_FETCH_WAIT_S if scenario.kea is not None else FETCH_WAIT_S.get(broker, 0.0),
        group=(
            f"239.255.{secrets.randbelow(256)}.{secrets.randbelow(256)}",
            free_port([""], socket.SOCK_DGRAM),
        ),
        tftp_port=free_port(addresses.values(), socket.SOCK_DGRAM),
        host_ports={name: free_port([address], socket.SOCK_DGRAM) for name, address in HOST_ADDRESS.items()},
        kea_ports={name: free_port([KEA_ADDRESS], socket.SOCK_DGRAM) for name in dhcps},
        relays=relays,
        relay_port=free_port([*relays, KEA_ADDRESS], socket.SOCK_DGRAM),  # perfdhcp relays there
        instances={},
        real_endpoints=real,
        advertised=advertised,
        parts=parts,
    )
    site.secret_file.write_text(secrets.token_hex(16))
    site.secret_file.chmod(0o600)
    for name, service in names.items():
        site.instances[name] = Instance(
            name=name,
            service=service,
            config=directory / f"{name}.yaml",
            socket=directory / f"{name}.sock",
            address=addresses.get(name, HOST_ADDRESS.get(name, "")),
            http=(HTTP_ADDRESS, free_port([HTTP_ADDRESS])),
            mode=mode,
        )
        site.write_config(name, mode)
    return site


def free_endpoints(hosts: Iterable[str]) -> list[str]:
    """An endpoint on each of these addresses, all of them free at this moment, no two the same."""
    with ExitStack() as held:
        endpoints = []
        for host in hosts:
            one = held.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
            one.bind((host, 0))
            endpoints.append(str(Endpoint("tcp", host, one.getsockname()[1])))
        return endpoints


def free_port(addresses: Iterable[str], kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that is free on each of these addresses, at this moment."""
    for _ in range(100):
        sockets: list[socket.socket] = []
        try:
            port = 0
            for address in addresses:
                one = socket.socket(socket.AF_INET, kind)
                sockets.append(one)
                one.bind((address, port))
                port = one.getsockname()[1]
            return port
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise OSError("no port is free on all addresses")


def _config(site: Site, one: Instance) -> dict[str, Any]:
    """The part of the configuration that is the same in every mode."""
    name, service, keys = one.name, one.service, site.directory / "keys"
    data: dict[str, Any] = {
        "instance": name,
        "fleet": str(keys / "fleet.yaml"),
        "key": str(keys / "curve" / f"{name}.key"),
        "state_directory": str(site.state_directory(name)),
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
        return data
    data["minter"] = {"seal_key": str(keys / "seal" / f"{name}.key"), "default_next_server": "127.0.0.11"}
    if service == "dhcp":
        data["minter"]["attached"] = site.scenario.dhcps > 1
        data["minter"]["publish_catalogue"] = str(site.catalogue)
    return data
