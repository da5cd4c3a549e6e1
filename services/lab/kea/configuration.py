"""The configuration of a real Kea in a lab, and of provbus beside it: files, pools, settings.

Kea's configuration is the operator's example in `deploy/kea`. Only settings that depend on the site are
changed: the lab's addresses and pools, the CFMs' addresses, the interval of the clean-up.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bus.config.yaml_file import read_yaml
from bus.errors import ConfigError
from services.dhcp.kea.reservations import as_dhcp4
from services.lab.kea.networks import classes_by_relay, one_subnet, shared_networks
from services.lab.network.addresses import POOLS
from services.lab.plant.population import kind_of
from services.lab.site.scenario import KeaHost

FILES = {
    "class": {"cm": "modem.cm", "mta": "adapter.cfg"},
    "device": {"cm": "{device}.cm", "mta": "{device}.cfg"},
}
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
        if kea.shared_networks:
            dhcp4["client-classes"] += classes_by_relay(dhcp4["client-classes"], kea.shared_networks)
            dhcp4["shared-networks"] = shared_networks(subnet, kea.shared_networks)
            dhcp4["subnet4"] = []
        else:
            dhcp4["subnet4"] = [one_subnet(subnet, _SUBNET)]
        if reservations:
            dhcp4 |= as_dhcp4(reservations)
        dhcp4["lease-database"]["lfc-interval"] = kea.clean_up_s
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{kea.config} is not Kea's configuration as the lab needs it: {error!r}"
        ) from error
    return config


def device_catalogue(settings: Path, modems: int, mtas: int, mac_prefix: str) -> dict[str, Any]:
    """The scenario's catalogue with a rule for each device of the plant, as of an operator who knows each
    one.
    """
    data, _ = read_yaml(settings)
    rules = {"cm": _of_subnet(data["lookup"], POOLS["dhcp"]), "mta": _of_subnet(data["lookup"], POOLS["mps"])}
    devices = ((index, kind_of(index, modems, mtas)) for index in range(modems))
    lookup = [
        {"mac": f"{mac_prefix}:{index.to_bytes(3, 'big').hex(':')}"} | rules[kind] for index, kind in devices
    ]
    return {**data, "lookup": lookup}


def _of_subnet(rules: Iterable[Mapping[str, Any]], subnet: str) -> dict[str, Any]:
    """The class and values of this subnet's rule."""
    for rule in rules:
        if rule.get("subnet") == subnet:
            return {key: value for key, value in rule.items() if key != "subnet"}
    raise ConfigError(f"the catalogue has no rule for {subnet}")
