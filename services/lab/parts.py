"""What each process of the lab's own is told: hosts, plant, attackers, proxy."""

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from bus.errors import UnavailableError
from services.lab.addresses import (
    BAIT_NETWORK,
    HOST_ADDRESS,
    KEA_ADDRESS,
    POOLS,
    RELAY_ADDRESS,
    STRANGERS_NETWORK,
)
from services.lab.processes import ask
from services.lab.site import Instance, Site

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


def host_config(site: Site, instance: Instance) -> dict[str, Any]:
    """The configuration of a host's stand-in beside this sidecar; rivals share the pool."""
    service, name = instance.service, instance.name
    rivals = site.rivals()
    pool = IPv4Network(POOLS[service])
    if instance in rivals:
        pool = [*pool.subnets()][rivals.index(instance)]
    return {
        "service": service,
        "listen": _listens(site, name),
        "socket": str(instance.socket),
        "journal": str(site.journal(f"host-{name}")),
        "pool": str(pool),
        "attach": instance in rivals,
        "settings": SETTINGS[service],
    }


def plant_name(boot: int) -> str:
    """What the plant of a boot is called, the first one being number 1."""
    return f"plant-{boot}"


def plant_config(site: Site, boot: int = 1) -> dict[str, Any]:
    """The configuration of the plant of one boot: the same devices each time, in another order."""
    scenario = site.scenario
    dhcp, mps = _listens(site, "dhcp-1"), _listens(site, "mps-1")
    if scenario.kea is not None:
        dhcp = mps = (KEA_ADDRESS, site.kea_port)
    keys: tuple[str, ...] = (
        "modems", "mtas", "seed", "boot_window_s", "in_flight_max", "read_delay_s", "deadline_s", "loss",
        "reboot_after_s",
    )  # fmt: skip
    return {key: getattr(scenario, key) for key in keys} | {
        "seed": scenario.seed + boot - 1,
        "relay": [RELAY_ADDRESS, site.relay_port],
        "dhcp": dhcp,
        "helpers": [_listens(site, one.name) for one in site.rivals()[1:]],
        "mps": mps,
        "tftp_port": site.tftp_port,
        "secret_file": str(site.secret_file),
        "journal": str(site.journal(plant_name(boot))),
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


def _listens(site: Site, name: str) -> tuple[str, int]:
    return HOST_ADDRESS[name], site.host_ports[name]
