"""The check that Kea gives each of our file names out, in each subnet, with a CFM that gets its rows.

It looks at classes and levels; reservations have a module of their own (`doctor.reserving`), and only they
give a name per device.
"""

from collections.abc import Iterator, Sequence

from fileid.given import DEVICE
from fileid.lease import LeaseFile
from services.dhcp.kea.doctor.client_classes import Classes, ClientClass
from services.dhcp.kea.doctor.levels import Scope
from services.dhcp.kea.doctor.remarks import Remark, some
from services.dhcp.kea.doctor.telling import Handing, Path, ToldFile, name_of, server_of, tell
from services.dhcp.kea.doctor.wanted import Wanted

_TESTS = {
    "cm": "substring(option[60].hex,0,6) == 'docsis'",
    "mta": "substring(option[60].hex,0,4) == 'pktc'",
}


class Naming:
    """The names that classes and levels give out."""

    def __init__(self, classes: Classes, scopes: Sequence[Scope], wanted: Wanted) -> None:
        self._classes = classes
        self._scopes = scopes
        self._wanted = wanted
        self._handing = Handing(classes)

    def remarks(self, reserved: set[LeaseFile]) -> Iterator[Remark]:
        """The problems of each file; `reserved` are those that a reservation names."""
        reserved_names = {one.name for one in reserved}
        for file in self._wanted.files:
            scopes = self._wanted.scopes(file, self._scopes)
            if not scopes:
                yield Remark(
                    f"{file.name} of minter.kea.files",
                    "no subnet of this Kea is left for it: look at subnet_ids, networks and their order",
                )
            elif DEVICE not in file.name:
                yield from self._of_file(file, scopes, file.name in reserved_names)
            elif file.name not in reserved_names:
                yield Remark(
                    f"{file.name} of minter.kea.files",
                    'nothing gives it out: put what "provbus kea reservations" prints into Kea',
                )

    def _of_file(self, file: LeaseFile, scopes: Sequence[Scope], is_reserved: bool) -> Iterator[Remark]:
        namers = [one for one in self._classes if name_of(one.said) == file.name]
        served: set[str] = set()
        for namer in namers:
            yield from self._of_class(file, namer, scopes, served)
        yield from self._of_levels(file, scopes, served)
        if not served and not is_reserved:
            yield from _given_by_nobody(file, namers)
        unserved = [scope for scope in scopes if scope.place not in served]
        for scope in unserved if served else ():
            if self._handing.path(scope, None, file.kind) is not None:
                yield Remark(
                    scope.place,
                    f"no class or level gives {file.name} out there: if that is right, name the other "
                    "subnets as its subnet_ids in minter.kea.files",
                    is_note=True,
                )

    def _of_class(
        self, file: LeaseFile, namer: ClientClass, scopes: Sequence[Scope], served: set[str]
    ) -> Iterator[Remark]:
        """The problems of devices in a class that has this name."""
        unserved = []
        paths = [self._handing.path(scope, namer, file.kind) for scope in scopes]
        reached = [path for path in paths if path is not None and (namer.place, namer.said) in path.givers]
        for path in reached:
            served.add(path.scope.place)
            told = tell(path.givers, path.scope)
            if told.name != file.name:
                yield Remark(
                    told.named_by,
                    f"its boot-file-name {told.name} goes before {file.name} of {namer.place}: a device is "
                    "in both, and the first class that has the field counts: write the name into one of "
                    "them",
                )
                continue
            yield from self._open(path, told, file, namer)
            if not told.server:
                unserved.append(path.scope.place)
            elif not self._wanted.is_good(file, told.server):
                yield self._wanted.wrong_server(file, told)
        if unserved:
            there = "" if len(unserved) == len(reached) else f" in {some(unserved)}"
            yield Remark(namer.place, f'{file.name} without a server{there}: write "next-server" beside it')

    def _open(self, path: Path, told: ToldFile, file: LeaseFile, namer: ClientClass) -> Iterator[Remark]:
        """Notes on classes that go before, where it is unknown whether such a device is in them."""
        order = [one.place for one in self._handing.active(path.scope)]
        for place, one in path.open:
            name, server = name_of(one), server_of(one)
            fields = []
            if name not in ("", file.name) and _goes_before(place, told.named_by, order):
                fields.append("boot-file-name")
            is_good = not server or self._wanted.is_good(file, server)
            if not is_good and _goes_before(place, told.served_by, order):
                fields.append("next-server")
            if fields:
                yield Remark(
                    place,
                    f"its {' and '.join(fields)} would go before {file.name} of {namer.place} for a device "
                    "in both, and nobody can tell from the tests whether there is one: try --ask with its "
                    "MAC",
                    is_note=True,
                )

    def _of_levels(self, file: LeaseFile, scopes: Sequence[Scope], served: set[str]) -> Iterator[Remark]:
        """The problems of devices that no class gives a name, where a level has this name."""
        for scope in scopes:
            if scope.name()[1] != file.name:
                continue
            active = self._handing.active(scope)
            serving = [one for one in active if server_of(one.said) and not name_of(one.said)]
            paths = [
                self._handing.path(scope, one, file.kind)
                for one in serving
                if file.kind in self._handing.kinds_of(one)
            ]
            nameless = [path for path in paths if path is not None]
            for path in nameless or self._plain(scope, file):
                told = tell(path.givers, scope)
                if told.name != file.name:
                    continue
                served.add(scope.place)
                if not told.server:
                    said = f'{file.name} without a server: write "next-server" beside it'
                    yield Remark(told.named_by, said)
                elif not self._wanted.is_good(file, told.server):
                    yield self._wanted.wrong_server(file, told)

    def _plain(self, scope: Scope, file: LeaseFile) -> list[Path]:
        """The path of a device that is in no known class."""
        path = self._handing.path(scope, None, file.kind)
        return [] if path is None else [path]


def _goes_before(place: str, other: str, order: Sequence[str]) -> bool:
    """Whether a class comes before the giver of a field: another class, or a level."""
    return other not in order or order.index(place) < order.index(other)


def _given_by_nobody(file: LeaseFile, namers: Sequence[ClientClass]) -> Iterator[Remark]:
    for namer in namers:
        key = namer.only_if_required
        if key:
            why = f'it is {key}, and no subnet, pool or shared network asks for it: remove "{key}"'
        elif not namer.test:
            why = f'no device is in a class without a test: write "test": "{_TESTS[file.kind]}"'
        else:
            why = "no subnet or pool serves its devices: look at their client-class"
        yield Remark(namer.place, f"gives {file.name} to nobody: {why}")
    if not namers:
        fields = f'"boot-file-name": "{file.name}" and "next-server"'
        said = f"nothing gives it out: write {fields} into a client class"
        yield Remark(f"{file.name} of minter.kea.files", said)
