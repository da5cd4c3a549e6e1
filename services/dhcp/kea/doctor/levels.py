"""The levels of Kea's configuration: global, shared network, subnet.

The configuration is the answer to `config-get`. Kea fills in its defaults at the global level and some
settings that a subnet inherits (`store-extended-info`, `cache-threshold`), but neither `next-server`,
`boot-file-name` nor the `reservations-...` switches: a level without one of those has that of the level
around it.
"""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from typing import Any, NamedTuple

Level = Mapping[str, Any]

NO_SERVER = "0.0.0.0"


class Scope(NamedTuple):
    """A subnet and the levels around it, innermost first, each with the name of its place."""

    levels: tuple[tuple[str, Level], ...]

    @property
    def place(self) -> str:
        """The name of the subnet's place in a remark."""
        return self.levels[0][0]

    @property
    def subnet(self) -> Level:
        """The subnet alone."""
        return self.levels[0][1]

    @property
    def network(self) -> IPv4Network:
        """The addresses of the subnet; all of IPv4 if it names none."""
        return IPv4Network(self.subnet.get("subnet", "0.0.0.0/0"), strict=False)

    def setting(self, key: str, assumed: Any) -> tuple[str, Any]:
        """The place that sets this key, and its value here."""
        for place, level in self.levels:
            if key in level:
                return place, level[key]
        return self.levels[-1][0], assumed

    def name(self) -> tuple[str, str]:
        """The place of `boot-file-name`, and the name. An empty one does not hide the one around it."""
        return next(
            ((place, level["boot-file-name"]) for place, level in self.levels if level.get("boot-file-name")),
            (self.place, ""),
        )

    def server(self) -> tuple[str, str]:
        """The place of the levels' `next-server`, and the server. In Kea 0.0.0.0 hides the one around it."""
        place, server = self.setting("next-server", NO_SERVER)
        return place, "" if server == NO_SERVER else server


def levels(config: Level) -> Iterator[tuple[str, Level]]:
    """Every level with the name of its place, outer ones first."""
    yield "Dhcp4", config
    for network in config.get("shared-networks") or []:
        name = network_place(network)
        yield name, network
        for subnet in network.get("subnet4") or []:
            yield f"{name}, subnet {subnet.get('id')}", subnet
    for subnet in config.get("subnet4") or []:
        yield f"subnet {subnet.get('id')}", subnet


def scopes(config: Level) -> list[Scope]:
    """Every subnet with its levels, in the order of Kea's search: by id."""
    outermost = ("Dhcp4", config)
    found = [
        Scope(((f"{name}, subnet {subnet.get('id')}", subnet), (name, network), outermost))
        for network in config.get("shared-networks") or []
        for name in (network_place(network),)
        for subnet in network.get("subnet4") or []
    ]
    found += [Scope(((f"subnet {one.get('id')}", one), outermost)) for one in config.get("subnet4") or []]
    return sorted(found, key=lambda scope: int(scope.subnet.get("id", 0)))


def network_place(network: Level) -> str:
    """The name of a shared network's place in a remark."""
    return f"shared network {network.get('name')}"
