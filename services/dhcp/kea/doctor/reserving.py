"""The check of host reservations: Kea must look them up, and give their devices a file and its CFM.

Theory of operation
-------------------
Kea looks for one reservation of a device: by the identifiers that `host-reservation-identifiers` lists, in
the subnet where `reservations-in-subnet` holds, else at the global level where `reservations-global` does.
Only the one it finds counts: a subnet's hides the global one of the same device, also in the fields that it
lacks. The older `reservation-mode` shows in `config-get` as these two switches (2.2.0; 2.6.3 refuses it).

There may be a hundred thousand, mostly alike: each distinct one is judged once.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fileid.given import DEVICE, given_name
from fileid.lease import LeaseFile
from services.dhcp.kea.doctor.client_classes import Classes
from services.dhcp.kea.doctor.levels import Level, Scope
from services.dhcp.kea.doctor.remarks import Remark
from services.dhcp.kea.doctor.telling import Giver, Handing, Path, ToldFile, name_of, server_of, tell
from services.dhcp.kea.doctor.wanted import Wanted

IDENTIFIERS = ("hw-address", "duid", "circuit-id", "client-id", "flex-id")
HARDWARE = IDENTIFIERS[0]
HOSTS_MAX = 100
"""Each is judged in each distinct subnet. They differ by server and classes, of which there are few."""

_IN_SUBNET, _GLOBAL = "reservations-in-subnet", "reservations-global"
_INSTEAD = ', in the place of any "reservation-mode"'  # Kea refuses both


class ReservedHost(NamedTuple):
    """The fields of a reservation that matter for its file."""

    file: LeaseFile | None
    name: str
    server: str
    classes: tuple[str, ...]


View = dict[str, list[Path]]
"""The paths of a subnet by kind of device, without its reservation."""


class Reserving:
    """The reservations of a configuration."""

    def __init__(self, config: Level, classes: Classes, scopes: Sequence[Scope], wanted: Wanted) -> None:
        self._config = config
        self._classes = classes
        self._scopes = scopes
        self._wanted = wanted
        self._handing = Handing(classes)
        self.named: set[LeaseFile] = set()
        """The files that some reservation names, looked up or not."""

    def remarks(self) -> list[Remark]:
        """The problems of the reservations."""
        return [*self._remarks()]

    def _remarks(self) -> Iterator[Remark]:
        everywhere = [one for one in self._config.get("reservations") or [] if _matters(one)]
        by_device = {_key(one): one for one in everywhere}
        yield from self._unknown_identifiers(everywhere)
        yield from self._global_switch(everywhere)
        for scope in self._scopes:
            yield from self._in_subnet(scope, by_device)
        looking = [scope for scope in self._scopes if scope.setting(_GLOBAL, False)[1]]
        yield from self._told(looking, "Dhcp4", everywhere)
        if self._config.get("hosts-database") or self._config.get("hosts-databases"):
            said = "reservations that are in a database are not looked at: try --ask with the MAC of one"
            yield Remark("hosts-database", said, is_note=True)

    def _in_subnet(self, scope: Scope, by_device: Mapping[str, Level]) -> Iterator[Remark]:
        hosts = scope.subnet.get("reservations") or []
        told = [one for one in hosts if _matters(one)]
        yield from self._unknown_identifiers(told)
        ours = [self._host(one).file for one in told]
        if len(self._scopes) > 1 and any(ours):
            yield Remark(
                scope.place,
                "its reservations do not follow a modem to another subnet or CMTS: put them at the global "
                f'level with "{_GLOBAL}": true, as "provbus kea reservations -o json" prints them',
                is_note=True,
            )
        place, is_looked_up = scope.setting(_IN_SUBNET, True)
        if told and not is_looked_up:
            yield Remark(
                place, f'reservations in subnets are not looked up: write "{_IN_SUBNET}": true{_INSTEAD}'
            )
            return
        yield from self._told([scope], scope.place, told)
        if by_device and scope.setting(_GLOBAL, False)[1]:
            yield from _hidden(scope.place, hosts, by_device)

    def _unknown_identifiers(self, hosts: Sequence[Level]) -> Iterator[Remark]:
        known = self._config.get("host-reservation-identifiers") or IDENTIFIERS[:4]
        missing = {kind for one in hosts for kind in IDENTIFIERS if kind in one and kind not in known}
        for kind in sorted(missing):
            said = f'reservations by {kind} are not looked up: add "{kind}" to the list'
            yield Remark("host-reservation-identifiers", said)

    def _global_switch(self, hosts: Sequence[Level]) -> Iterator[Remark]:
        without = [scope for scope in self._scopes if not scope.setting(_GLOBAL, False)[1]]
        if not hosts or not without:
            return
        if len(without) == len(self._scopes):
            yield Remark(
                "Dhcp4", f'its reservations are not looked up: write "{_GLOBAL}": true beside them{_INSTEAD}'
            )
            return
        for scope in without:
            yield Remark(scope.place, "global reservations are not looked up here", is_note=True)

    def _told(self, scopes: Sequence[Scope], place: str, hosts: Sequence[Level]) -> Iterator[Remark]:
        """The problems of the devices of these reservations in any of these subnets."""
        found: dict[ReservedHost, list[Remark]] = {}
        views = self._views(scopes) if hosts else []
        for one in hosts:
            host = self._host(one)
            if host not in found:
                if len(found) == HOSTS_MAX:
                    yield Remark(
                        _place(place, one),
                        f"not judged, as {HOSTS_MAX} of other servers or classes were",
                        is_note=True,
                    )
                    continue
                judged = dict.fromkeys(self._judged(host, views))
                found[host] = [remark for remark in judged if not remark.place]
                yield from (remark for remark in judged if remark.place)
            for remark in found[host]:
                yield remark._replace(place=_place(place, one))
            if host.file is not None and _is_of_another(one, host):
                yield Remark(
                    _place(place, one), f"its name is that of another device: {host.file.name} has its own"
                )

    def _host(self, one: Level) -> ReservedHost:
        """The fields that matter; names that differ only by the device's address are made equal."""
        name = name_of(one)
        file = self._wanted.named(name)
        if file is not None:
            self.named.add(file)
            name = given_name(file.name, bytes(6)).decode()
        return ReservedHost(file, name, server_of(one), tuple(one.get("client-classes") or ()))

    def _views(self, scopes: Sequence[Scope]) -> list[View]:
        """The distinct views of these subnets."""
        kinds = sorted({file.kind for file in self._wanted.files})
        views: dict[Any, View] = {}
        for scope in scopes:
            active = self._handing.active(scope)
            view = {
                kind: [
                    path
                    for one in (None, *active)
                    if one is None or kind in self._handing.kinds_of(one)
                    if (path := self._handing.path(scope, one, kind)) is not None
                ]
                for kind in kinds
            }
            given = [[place for place, _ in path.givers] for paths in view.values() for path in paths]
            views.setdefault((repr(given), scope.name(), scope.server()), view)
        return [*views.values()]

    def _judged(self, host: ReservedHost, views: Sequence[View]) -> Iterator[Remark]:
        """The problems of a host; the place is empty where it is that of the reservation.

        The other classes of its device are unknown: it is wrong only if it is so on every path that ends in a
        file of ours.
        """
        own = self._own(host)
        name = next((name for _, one in own if (name := name_of(one))), "")
        if name and self._wanted.named(name) is None:
            names = ", ".join(file.name for file in self._wanted.files)
            yield Remark(
                "", f"the file name that it gives is none of minter.kea.files ({names})", is_note=True
            )
            return
        for view in views:
            paths = view[host.file.kind] if host.file else [path for kind in view.values() for path in kind]
            told = [tell((*own, *path.givers), path.scope) for path in paths]
            wrong = [self._wrong(one) for one in told if self._wanted.named(one.name)]
            if wrong and None not in wrong:
                yield next(one for one in wrong if one is not None)

    def _own(self, host: ReservedHost) -> list[Giver]:
        """The reservation, and the classes that it names, which come before those with a test."""
        named = [self._classes.get(name) for name in host.classes]
        said = {"boot-file-name": host.name, "next-server": host.server}
        return [("", said), *((one.place, one.said) for one in named if one is not None)]

    def _wrong(self, told: ToldFile) -> Remark | None:
        file = self._wanted.named(told.name)
        if file is None:
            return None  # it gets no file of ours, with the reservation or without it
        if not told.server:
            return Remark(told.named_by, f'{file.name} without a server: write "next-server" beside it')
        if not self._wanted.is_good(file, told.server):
            return self._wanted.wrong_server(file, told)
        return None


def _matters(one: Level) -> bool:
    """Whether a reservation affects the file, itself or by its classes."""
    return bool(name_of(one) or server_of(one) or one.get("client-classes"))


def _hidden(place: str, hosts: Sequence[Level], by_device: Mapping[str, Level]) -> Iterator[Remark]:
    """The problems of a subnet's reservations that say less than the global one of the same device."""
    for one in hosts:
        other = by_device.get(_key(one))
        if other is None:
            continue
        if (name_of(other) and not name_of(one)) or (server_of(other) and not server_of(one)):
            said = "it hides the global reservation of the same device, which says more of its file"
            yield Remark(_place(place, one), f"{said}: make them one")


def _is_of_another(one: Level, host: ReservedHost) -> bool:
    """Whether a name per device is not that of the reservation's device."""
    if host.file is None or DEVICE not in host.file.name or HARDWARE not in one:
        return False
    device = bytes.fromhex(str(one[HARDWARE]).replace(":", ""))
    return name_of(one).encode() != given_name(host.file.name, device)


def _key(one: Level) -> str:
    """The identifier of a reservation's device."""
    return next((f"{kind} {one[kind]}" for kind in IDENTIFIERS if kind in one), "")


def _place(place: str, one: Level) -> str:
    """The name of a reservation's place in a remark."""
    return f"{place}, reservation {next((one[kind] for kind in IDENTIFIERS if kind in one), '')}"
