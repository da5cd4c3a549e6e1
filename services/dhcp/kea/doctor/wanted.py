"""The answers we want of Kea: the file names of `minter.kea.files`, each with a CFM that gets its rows."""

import re
from collections.abc import Iterator, Mapping, Sequence

from fileid.given import DEVICE
from fileid.lease import LeaseFile
from services.dhcp.kea.doctor.levels import Scope
from services.dhcp.kea.doctor.remarks import Remark
from services.dhcp.kea.doctor.telling import ToldFile


class Wanted:
    """The files, and the addresses at which their CFMs serve them, as far as they are known."""

    def __init__(self, files: Sequence[LeaseFile], addresses: Mapping[str, str]) -> None:
        self.files = files
        self._servers = {
            file: {addresses[cfm]: cfm for cfm in file.cfms if cfm in addresses} for file in files
        }
        self._patterns = {file: _pattern(file) for file in files}
        self.unknown = [cfm for cfm in _cfms(files) if cfm not in addresses]

    def named(self, name: str) -> LeaseFile | None:
        """The file that has this name; None if it is none of ours."""
        return next((file for file in self.files if self._patterns[file].fullmatch(name)), None)

    def is_good(self, file: LeaseFile, server: str) -> bool:
        """Whether this server gets the rows of the file, as far as is known."""
        known = self._servers[file]
        return bool(server) and (server in known or len(known) < len(file.cfms))

    def where(self, file: LeaseFile) -> str:
        """The servers that get the rows of a file."""
        return ", ".join(f"{address} ({cfm})" for address, cfm in self._servers[file].items())

    def wrong_server(self, file: LeaseFile, told: ToldFile) -> Remark:
        """The remark that the device would read the file from a server that does not have it."""
        return Remark(
            told.served_by,
            f"next-server {told.server} gets no rows of {file.name}: write {self.where(file)}",
        )

    def scopes(self, file: LeaseFile, scopes: Sequence[Scope]) -> list[Scope]:
        """The subnets whose leases get rows of this file: no earlier one of its kind takes them all."""
        earlier = [
            one
            for one in self.files[: self.files.index(file)]
            if (one.kind, one.takes_no_remote_id) == (file.kind, file.takes_no_remote_id)
        ]
        return [
            scope
            for scope in scopes
            if _is_for(file, scope) and not any(_takes_all(one, scope) for one in earlier)
        ]


def _is_for(file: LeaseFile, scope: Scope) -> bool:
    """Whether the file may be for leases of this subnet."""
    if not file.subnet_ids and not file.networks:
        return True
    return scope.subnet.get("id") in file.subnet_ids or any(
        network.overlaps(scope.network) for network in file.networks
    )


def _takes_all(file: LeaseFile, scope: Scope) -> bool:
    """Whether this file leaves no lease of this subnet to a later file of its kind."""
    return scope.subnet.get("id") in file.subnet_ids or (not file.subnet_ids and not file.networks)


def _pattern(file: LeaseFile) -> re.Pattern[str]:
    return re.compile(re.escape(file.name).replace(re.escape(DEVICE), "[0-9a-f]{12}"))


def _cfms(files: Sequence[LeaseFile]) -> Iterator[str]:
    yield from dict.fromkeys(cfm for file in files for cfm in file.cfms)
