"""What a real Kea, and provbus beside it, are told in a lab: files, pools, settings.

Kea's configuration is the operator's example in `deploy/kea`. Only what a machine decides is changed: the
lab's addresses and pools, the CFMs' addresses, the interval of the clean-up.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from bus.errors import ConfigError
from bus.yaml_file import read_yaml
from services.lab.addresses import POOLS
from services.lab.population import kind_of
from services.lab.scenario import KeaHost

FILES = {
    "class": {"cm": "modem.cm", "mta": "adapter.cfg"},
    "device": {"cm": "{device}.cm", "mta": "{device}.cfg"},
}
_POOL_OF = {"docsis": POOLS["dhcp"], "pktc": POOLS["mps"]}  # by the class of Kea's configuration
_SUBNET = "127.0.0.0/8"
_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|#[^\n]*|/\*.*?\*/', re.DOTALL)


def kea_files(kea: KeaHost, cfms: Sequence[str]) -> list[dict[str, Any]]:
    """The section `minter.kea.files`: Kea may name any CFM for either file."""
    names = FILES[kea.names]
    return [
        {"kind": "cm", "name": names["cm"], "cfms": [*cfms]},
        {"kind": "mta", "name": names["mta"], "cfms": [*cfms], "networks": [POOLS["mps"]]},
    ]


def kea_section(kea: KeaHost, directory: Path, cfms: Sequence[str]) -> dict[str, Any]:
    """The section `minter.kea` for a Kea that writes into this directory."""
    return {
        "journal": str(directory / "leases4.csv"),
        "control_socket": str(directory / "kea.sock"),
        "files": kea_files(kea, cfms),
    }


def kea_config(
    kea: KeaHost, servers: Sequence[str], reservations: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Kea's configuration for a lab whose CFMs have these addresses; `ConfigError` if the file is no JSON."""
    try:
        config: dict[str, Any] = json.loads(_COMMENT.sub(r"\1", kea.config.read_text()))
        dhcp4 = config["Dhcp4"]
        for at, one in enumerate(dhcp4["client-classes"]):
            one["next-server"] = servers[at % len(servers)]
            if reservations:  # they name the files
                del one["boot-file-name"], one["next-server"]
        (subnet,) = dhcp4["subnet4"]
        subnet["subnet"] = _SUBNET
        for pool in subnet["pools"]:
            network = IPv4Network(_POOL_OF[pool["client-class"]])
            pool["pool"] = f"{network[1]} - {network[-2]}"
        subnet["reservations"] = [*reservations]
        dhcp4["lease-database"]["lfc-interval"] = kea.clean_up_s
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{kea.config} is not Kea's configuration as the lab needs it: {error!r}"
        ) from error
    return config


def device_catalogue(settings: Path, modems: int, mtas: int, mac_prefix: str) -> dict[str, Any]:
    """The scenario's catalogue with a rule for each device of the plant, as an operator has who knows them
    one by one.
    """
    data, _ = read_yaml(settings)
    rules = {"cm": _of_subnet(data["lookup"], POOLS["dhcp"]), "mta": _of_subnet(data["lookup"], POOLS["mps"])}
    devices = ((index, kind_of(index, modems, mtas)) for index in range(modems))
    lookup = [
        {"mac": f"{mac_prefix}:{index.to_bytes(3, 'big').hex(':')}"} | rules[kind] for index, kind in devices
    ]
    return {**data, "lookup": lookup}


def _of_subnet(rules: Iterable[Mapping[str, Any]], subnet: str) -> dict[str, Any]:
    """Class and values that this subnet's rule gives."""
    for rule in rules:
        if rule.get("subnet") == subnet:
            return {key: value for key, value in rule.items() if key != "subnet"}
    raise ConfigError(f"the catalogue has no rule for {subnet}")
