"""The configurations of the stand-ins for host services in a run."""

from ipaddress import IPv4Network
from typing import Any

from services.lab.network.addresses import POOLS
from services.lab.plant.plants import MTA_MARKER
from services.lab.site.site import Instance, Site

# The settings that the hosts ask for by option 60: class of service, and the device's own values.
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "dhcp": [{"match": "docsis", "class": "residential", "values": {"customer": "{index}"}}],
    "mps": [
        {
            "match": "pktc",
            "class": "voice",
            # Long on purpose: two lines do not fit into a sealed name, so adapters live by their rows.
            "values": {
                "line1": MTA_MARKER,
                "line2": "line-2.{device}.voice.lab.example.net",
            },
        }
    ],
}


def host_config(site: Site, instance: Instance) -> dict[str, Any]:
    """The configuration of a host's stand-in beside this sidecar; rivals share the pool."""
    service, name = instance.service, instance.name
    rivals = site.rivals()
    pool = IPv4Network(site.network.address(POOLS[service]))
    if instance in rivals:
        pool = [*pool.subnets((len(rivals) - 1).bit_length())][rivals.index(instance)]
    return {
        "service": service,
        "listen": site.host_endpoint(name),
        "socket": str(instance.socket),
        "journal": str(site.journal(f"host-{name}")),
        "pool": str(pool),
        "attach": instance in rivals,
        "obeys": True,
        "settings": SETTINGS[service],
    }
