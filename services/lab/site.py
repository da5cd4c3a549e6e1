"""The lab's site: every address, key and configuration file of one run, in one directory that is its own.

Ports are free ones of the run, so two labs never meet.
"""

import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import yaml

from bus.errors import UnavailableError
from bus.fleet import make_fleet
from fileid.seal import KEY_BYTES
from services.lab.addresses import (
    BAIT_NETWORK,
    HOST_ADDRESS,
    KEA_ADDRESS,
    POOLS,
    RELAY_ADDRESS,
    STRANGERS_NETWORK,
)
from services.lab.kea_site import kea_files, kea_section
from services.lab.processes import ask
from services.lab.rotation import PROBE, Rotation, Target
from services.lab.scenario import Scenario

FETCH_WAIT_S = {"embedded": 0.25, "kafka": 0.5}

# What the hosts ask for: by option 60, the class of service and the device's own values.
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "dhcp": [{"match": "docsis", "class": "residential", "values": {"customer": "{index}"}}],
    "mps": [
        {
            "match": "pktc",
            "class": "voice",
            # Long on purpose: two lines do not fit into a sealed name, so adapters live by their rows.
            "values": {
                "line1": "line-1.{device}.voice.lab.example.net",
                "line2": "line-2.{device}.voice.lab.example.net",
            },
        }
    ],
}
BAITS = 100
ATTACKERS = 64  # strangers, and as many neighbours of modems
MTA_MARKER = "line-1.{device}.voice.lab.example.net"


@dataclass(slots=True)
class Instance:
    """One provbus process: its service and the files it is started with."""

    name: str
    service: str
    config: Path
    socket: Path
    address: str
    config_data: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Site:
    """Everything that a run needs to know about itself."""

    directory: Path
    scenario: Scenario
    mode: str
    group: tuple[str, int]
    tftp_port: int
    host_ports: dict[str, int]
    kea_port: int
    relay_port: int
    instances: dict[str, Instance]
    real_endpoints: dict[str, str]
    advertised: dict[str, str]

    @property
    def secret_file(self) -> Path:
        """The CMTS's shared secret."""
        return self.directory / "cmts.secret"

    @property
    def catalogue(self) -> Path:
        """The settings of the run: the scenario's, or what is made of them for names per device."""
        kea = self.scenario.kea
        if kea is None or kea.names == "class":
            return self.scenario.settings.absolute()
        return self.directory / "catalogue.yaml"

    @property
    def kea_directory(self) -> Path:
        """Where Kea writes."""
        return self.directory / "kea"

    def cfms(self) -> list[Instance]:
        """The CFMs, the first one first."""
        return [one for one in self.instances.values() if one.service == "cfm"]

    def minters(self) -> list[Instance]:
        """The sidecars of DHCP and MPS."""
        return [one for one in self.instances.values() if one.service != "cfm"]

    def rotation(self) -> Rotation:
        """The rotation of this run's keys, with the first CFM as its witness."""
        cfm = self.cfms()[0]
        target = Target(
            cfm.name,
            self.advertised[cfm.name],
            (cfm.address, self.tftp_port),
            self.group,
            self.instances["dhcp-1"].socket,
        )
        return Rotation(self.directory / "keys", self.mode, target)

    def journal(self, name: str) -> Path:
        """Where a host or the plant writes its journal."""
        return self.directory / f"{name}.jsonl"


def build_site(directory: Path, scenario: Scenario, mode: str, bootstrap: str, broker: str) -> Site:
    """Make the keys and write every configuration file."""
    names = {"dhcp-1": "dhcp"} | ({} if scenario.kea else {"mps-1": "mps"})
    names |= {f"cfm-{number}": "cfm" for number in range(1, scenario.cfms + 1)}
    probe = {} if scenario.rotate_at_online is None else {PROBE: "dhcp"}
    make_fleet(directory / "keys", names | probe, "lab", KEY_BYTES)
    addresses = {name: f"127.0.0.{10 + int(name[4:])}" for name in names if name.startswith("cfm")}
    real = {name: f"tcp://{address}:{free_port([address])}" for name, address in addresses.items()}
    advertised = dict(real)
    if mode == "bus" and scenario.weather() is not None:
        advertised = {name: f"tcp://{one}:{free_port([one])}" for name, one in addresses.items()}
    site = Site(
        directory=directory,
        scenario=scenario,
        mode=mode,
        group=(
            f"239.255.{secrets.randbelow(256)}.{secrets.randbelow(256)}",
            free_port([""], socket.SOCK_DGRAM),
        ),
        tftp_port=free_port(addresses.values(), socket.SOCK_DGRAM),
        host_ports={
            service: free_port([address], socket.SOCK_DGRAM) for service, address in HOST_ADDRESS.items()
        },
        kea_port=free_port([KEA_ADDRESS], socket.SOCK_DGRAM),
        relay_port=free_port([RELAY_ADDRESS, KEA_ADDRESS], socket.SOCK_DGRAM),  # perfdhcp relays there
        instances={},
        real_endpoints=real,
        advertised=advertised,
    )
    site.secret_file.write_text(secrets.token_hex(16))
    site.secret_file.chmod(0o600)
    group = {
        "group": site.group[0],
        "port": site.group[1],
        "keys": [str(directory / "keys" / "multicast" / "group.key")],
    }
    for name, service in names.items():
        address = addresses.get(name, HOST_ADDRESS.get(service, ""))
        data = _config(site, name, service, address)
        data["transport"] = {"mode": mode}
        if mode == "multicast":
            data["multicast"] = {"address": address, "lose": scenario.carrier_loss} | group
        else:
            data["kafka"] = {"bootstrap": bootstrap, "fetch_wait_s": FETCH_WAIT_S[broker]}
        path = directory / f"{name}.yaml"
        path.write_text(yaml.safe_dump(data))
        site.instances[name] = Instance(name, service, path, directory / f"{name}.sock", address)
    return site


def host_config(site: Site, service: str) -> dict[str, Any]:
    """The configuration of a host's stand-in."""
    return {
        "service": service,
        "listen": [HOST_ADDRESS[service], site.host_ports[service]],
        "socket": str(site.instances[f"{service}-1"].socket),
        "journal": str(site.journal(f"host-{service}")),
        "pool": POOLS[service],
        "settings": SETTINGS[service],
    }


def plant_config(site: Site) -> dict[str, Any]:
    """The configuration of the plant."""
    scenario = site.scenario
    hosts = {service: [HOST_ADDRESS[service], site.host_ports[service]] for service in HOST_ADDRESS}
    if scenario.kea is not None:
        hosts = {service: [KEA_ADDRESS, site.kea_port] for service in hosts}
    keys: tuple[str, ...] = (
        "modems", "mtas", "seed", "boot_window_s", "in_flight_max", "read_delay_s", "deadline_s", "loss",
        "reboot_after_s",
    )  # fmt: skip
    return {key: getattr(scenario, key) for key in keys} | {
        "relay": [RELAY_ADDRESS, site.relay_port],
        **hosts,
        "tftp_port": site.tftp_port,
        "secret_file": str(site.secret_file),
        "journal": str(site.journal("plant")),
        "mta_marker": MTA_MARKER,
    }


def attack_config(site: Site) -> dict[str, Any]:
    """The configuration of the attackers, with names minted for them; `UnavailableError` if refused."""
    attack = site.scenario.attack
    assert attack is not None
    owners = [f"{BAIT_NETWORK}.{number}" for number in range(1, BAITS + 1)]
    baits = [mint(site.instances["dhcp-1"].socket, owner) for owner in owners]
    pool = IPv4Network(POOLS["dhcp"])
    networks = max(1, site.scenario.modems // 256)
    return {
        "rate_per_s": attack.rate_per_s,
        "duration_s": attack.duration_s,
        "seed": site.scenario.seed,
        "baits": [
            (bait["file"], owner, bait["next_server"]) for bait, owner in zip(baits, owners, strict=True)
        ],
        "servers": [cfm.address for cfm in site.cfms()],
        "tftp_port": site.tftp_port,
        "strangers": [f"{STRANGERS_NETWORK}.{number}" for number in range(1, ATTACKERS + 1)],
        "neighbours": [str(pool[256 * (at % networks) + 1 + at]) for at in range(ATTACKERS)],
    }


def proxy_config(site: Site) -> dict[str, Any]:
    """The configuration of the proxy on the hand-off path."""
    faults = site.scenario.weather()
    assert faults is not None
    return {
        "keys": str(site.directory / "keys"),
        "listen": site.advertised,
        "forward": site.real_endpoints,
        "faults": faults.model_dump(),
        "seed": site.scenario.seed,
    }


def mint(sidecar: Path, address: str) -> dict[str, Any]:
    """The answer to `fileid.create` for a device at this address; `UnavailableError` if refused."""
    request = {
        "op": "fileid.create",
        "device": "02:00:" + IPv4Address(address).packed.hex(":"),
        "address": address,
        "settings": {"class": "residential", "customer": 1},
    }
    answer = ask(sidecar, request)
    if answer is None or not answer.get("acked"):
        raise UnavailableError(f"{sidecar} did not mint for {address}: {answer}")
    return answer


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


def _config(site: Site, name: str, service: str, address: str) -> dict[str, Any]:
    keys = site.directory / "keys"
    data: dict[str, Any] = {
        "instance": name,
        "fleet": str(keys / "fleet.yaml"),
        "key": str(keys / "curve" / f"{name}.key"),
        "state_directory": str(site.directory / "state" / name),
        "local": {"socket": str(site.directory / f"{name}.sock")},
    }
    if service == "cfm":
        data["cfm"] = {
            "listen": site.real_endpoints[name],
            "advertise": site.advertised[name],
            "seal_keys": sorted(str(path) for path in (keys / "seal").iterdir()),
            "secret_file": str(site.secret_file),
            "tftp": {"address": address, "port": site.tftp_port},
        }
        if site.scenario.kea is not None:
            data["cfm"]["kea_names"] = [one["name"] for one in kea_files(site.scenario.kea, [])]
        return data
    data["minter"] = {"seal_key": str(keys / "seal" / f"{name}.key"), "default_next_server": "127.0.0.11"}
    if service == "dhcp":
        data["minter"]["publish_catalogue"] = str(site.catalogue)
        if site.scenario.kea is not None:
            data["minter"]["kea"] = kea_section(site.scenario.kea, site.kea_directory, [*site.real_endpoints])
    return data
